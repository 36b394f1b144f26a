/**
 * The charger: charging machine, current limit, indicator, sessions and access control. It works in every state of the
 * network, and depends on the platform only as a `Requester`.
 */

import type { Board, IO } from "../../modules/board/index.js";
import {
  Charging,
  type ChargingEvent,
  type ChargingListener,
  type OvercurrentState,
  type Phases,
  type StationStatus,
} from "../../modules/charging/index.js";
import type { RecoveryReporter } from "../../modules/faults/index.js";
import { Indicator } from "../../modules/indicator/index.js";
import type { ModbusMeter } from "../../modules/meter/index.js";
import type { Requester } from "../../modules/requests/index.js";
import type { TraceSink } from "../../modules/trace/index.js";
import type { CommandFailure } from "../commands.js";
import type { Config } from "../config.js";
import type { Records } from "../records.js";
import type { SettingsStore } from "../settings.js";
import { Access } from "./access.js";
import type { ChargerListener } from "./charger-listener.js";
import { CurrentLimit } from "./current-limit.js";
import { FreeVend } from "./free-vend.js";
import { checkCurrent } from "./overcurrent.js";
import { PhaseSwitch } from "./phase-switch.js";
import { ChargingSessions, type MeterListener } from "./sessions.js";
import { TagLearning } from "./tag-learning.js";

/** Fault of a lease that the firmware did not renew. */
const STALLED = Object.freeze({
  code: "firmware-stalled",
  message: "the firmware was busy for more than 3 s, and the contactor was opened",
} as const);

const MINUTE_MS = 60_000;

export interface ChargerOptions {
  readonly board: Board;
  readonly config: Config;
  readonly records: Records;
  readonly settings: SettingsStore;
  readonly platform: Requester;
  readonly reporter: RecoveryReporter;
  readonly listener: ChargerListener;
  readonly trace: TraceSink;
}

export class Charger implements IO, ChargingListener, MeterListener {
  readonly sessions: ChargingSessions;
  readonly access: Access;
  readonly learning: TagLearning;
  readonly currentLimit: CurrentLimit;
  private readonly _options: ChargerOptions;
  private readonly _charging: Charging;
  private readonly _indicator: Indicator;
  /** `undefined` on a station without a second contactor. */
  private readonly _phases: PhaseSwitch | undefined;
  private readonly _freeVend: FreeVend;
  private _overcurrent: OvercurrentState | undefined;

  constructor(options: ChargerOptions) {
    const { board } = options;
    this._indicator = new Indicator({ board });
    this._charging = new Charging({ board, listener: this, isVentilated: options.config.isVentilated });
    // The parts share one object of options.
    const parts = { ...options, charging: this._charging, indicator: this._indicator, meterListener: this };
    this._options = parts;
    const { phaseContactor: pin } = board.pins;
    if (pin !== undefined)
      this._phases = new PhaseSwitch({ ...parts, pin, onChanged: () => this._handlePhasesChanged() });
    this.currentLimit = new CurrentLimit(this._phases ? { ...parts, phases: this._phases } : parts);
    this.sessions = new ChargingSessions(parts);
    this.learning = new TagLearning(parts);
    this._freeVend = new FreeVend(parts);
    this.access = new Access({ parts, learning: this.learning });
    this._applySettings();
  }

  get status(): StationStatus {
    return this._charging.status;
  }

  /** Id of the session under way; `undefined` without a session. */
  get sessionId(): string | undefined {
    return this._charging.session?.id;
  }

  /** No session is under way and none is authorized. */
  get isFree(): boolean {
    return this._charging.session === undefined && this.status !== "authorized";
  }

  /** A tag that is presented now is accepted for verification. */
  get acceptsTags(): boolean {
    return (this.status === "plugged" || this.status === "finishing") && !this.access.isBusy;
  }

  /** Power that the vehicle draws, W; `undefined` without a meter. */
  get powerW(): number | undefined {
    const { meter } = this.sessions;
    if (!meter.isThere) return undefined;
    // Between pulses the meter estimates the power, also after the contactor has opened.
    return this._charging.isContactorClosed ? meter.powerW : 0;
  }

  /** Energy of the present session or the last one, Wh; `undefined` without a meter. */
  get energyWh(): number | undefined {
    return this.sessions.meter.isThere ? this.sessions.energyWh : undefined;
  }

  /** Reading of the meter, Wh; `undefined` without one. */
  get meterWh(): number | undefined {
    const { meter } = this.sessions;
    return meter.isThere ? meter.energyWh : undefined;
  }

  /** The meter, if it is on a Modbus line. */
  get modbusMeter(): ModbusMeter | undefined {
    return this.sessions.modbusMeter;
  }

  /** Latest temperature inside the station, °C; `undefined` before the first measurement. */
  get temperatureC(): number | undefined {
    return this.currentLimit.temperatureC;
  }

  /** Number of phases that are connected; `undefined` if it cannot be changed. */
  get phases(): Phases | undefined {
    return this._phases?.phases;
  }

  /** Authorizes the plugged-in vehicle for the owner. Returns why it cannot; `undefined` if it has. */
  start(): CommandFailure | undefined {
    return this._freeVend.startByOwner();
  }

  /** Ends the session under way, when the vehicle has stopped or after 3 s, or an authorization that is not used yet. */
  stop(): void {
    this._freeVend.handleStopped();
    this._charging.stop();
  }

  handleSettingsChanged(): void {
    this._applySettings();
    this._phases?.update();
    this.currentLimit.update();
    this._freeVend.update();
    this.access.updateList();
  }

  handlePlatformChanged(): void {
    this.sessions.handlePlatformChanged();
    this.access.updateList();
  }

  /**
   * Deletes everything of the previous owner: cards, sessions, and the session under way. Each step is performed even
   * if another one fails.
   * @returns the first error of the storage; `undefined` if everything is stored
   */
  forgetOwner(): unknown {
    let failure: unknown;
    const attempt = (step: () => void) => {
      try {
        step();
      } catch (error) {
        failure ??= error;
      }
    };
    this._freeVend.forgetOwner();
    this.learning.set(false);
    attempt(() => this.access.forgetOwner());
    // At once: the session must end before those of the previous owner are discarded.
    attempt(() => this._charging.abort());
    attempt(() => this.sessions.forgetOwner());
    this.currentLimit.forgetOwner();
    return failure;
  }

  /** Opens the contactor at once. */
  close(): void {
    this._charging.close();
    this._phases?.close();
    this.currentLimit.close();
    this._indicator.close();
    this.sessions.close();
    this.learning.close();
    this._freeVend.close();
    this.access.close();
  }

  handleMeterChanged(): void {
    const { meter, modbusMeter } = this.sessions;
    const nowMs = this._options.board.clock.monotonicMs();
    const measurement = { nowMs, charging: this._charging, meter, modbusMeter };
    this._overcurrent = checkCurrent(this._overcurrent, measurement);
  }

  private _applySettings(): void {
    const { authorizationMin, wakesUp } = this._options.settings.now;
    this._charging.setAuthorizationTime(authorizationMin * MINUTE_MS);
    this._charging.setWakeUp(wakesUp);
  }

  private _handlePhasesChanged(): void {
    this.currentLimit.update();
    this._options.listener.handleChargerChanged();
  }

  handleChargingEvent(event: ChargingEvent): void {
    const { board, listener, reporter, trace } = this._options;
    this.sessions.handleChargingEvent(event);
    listener.handleChargerChanged();
    switch (event.type) {
      case "status":
        board.log(`charging: ${event.status}`);
        trace.add("status", event.status);
        this._indicator.show(event.status);
        this._phases?.update();
        if (event.status === "plugged") this._freeVend.update();
        else if (event.status === "available") this._freeVend.handleUnplugged();
        listener.handleChargerStatus(event.status);
        break;
      case "session-started":
        board.log(`charging: session ${event.session.id} of tag …${event.session.grant.tagEnd} starts`);
        break;
      case "session-ended":
        board.log(`charging: session ${event.sessionId} ends: ${event.why}`);
        break;
      case "faulted":
      case "warning":
        reporter.reportFault(event.fault);
        break;
      case "limits":
        this.currentLimit.update();
        break;
      case "stop-ignored":
        board.log("charging: the vehicle did not stop within 3 s");
        trace.add("stopIgnored");
        break;
      case "guard-opened":
        board.log(`charging: the guard keeps the contactor open: ${event.reason}`);
        // Each vehicle that pauses or leaves can be noticed by the guard first.
        if (event.reason !== "pilot") trace.add("guard", event.reason);
        if (event.reason === "lease") reporter.reportFault(STALLED);
        break;
    }
  }
}
