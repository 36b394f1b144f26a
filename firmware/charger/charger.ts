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
import { ChargingSessions, type MeterListener } from "./sessions.js";
import { TagLearning } from "./tag-learning.js";

/** Fault of a lease that the firmware did not renew. */
const STALLED = Object.freeze({
  code: "firmware-stalled",
  message: "the firmware was busy for more than 3 s, and the contactor was opened",
} as const);

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
  private readonly _options: ChargerOptions;
  private readonly _charging: Charging;
  private readonly _indicator: Indicator;
  private readonly _currentLimit: CurrentLimit;
  private readonly _freeVend: FreeVend;
  private _overcurrent: OvercurrentState | undefined;

  constructor(options: ChargerOptions) {
    const { board } = options;
    this._indicator = new Indicator({ board });
    this._charging = new Charging({ board, listener: this });
    // The parts share one object of options.
    const parts = { ...options, charging: this._charging, indicator: this._indicator, meterListener: this };
    this._options = parts;
    this._currentLimit = new CurrentLimit(parts);
    this.sessions = new ChargingSessions(parts);
    this.learning = new TagLearning(parts);
    this._freeVend = new FreeVend(parts);
    this.access = new Access({ parts, learning: this.learning });
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
    return this.status !== "authorized" && this.status !== "charging";
  }

  /** A tag that is presented now is accepted for verification. */
  get acceptsTags(): boolean {
    return this.status === "plugged" && !this.access.isBusy;
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
    return this._currentLimit.temperatureC;
  }

  /** Authorizes the plugged-in vehicle for the owner. Returns why it cannot; `undefined` if it has. */
  start(): CommandFailure | undefined {
    return this._freeVend.startByOwner();
  }

  /** Ends the session under way, or an authorization that is not used yet. */
  stop(): void {
    this._charging.stop();
  }

  handleSettingsChanged(): void {
    this._currentLimit.update();
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
    attempt(() => this._charging.stop());
    attempt(() => this.sessions.forgetOwner());
    this._currentLimit.update();
    return failure;
  }

  /** Opens the contactor at once. */
  close(): void {
    this._charging.close();
    this._currentLimit.close();
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

  handleChargingEvent(event: ChargingEvent): void {
    const { board, listener, reporter, trace } = this._options;
    this.sessions.handleChargingEvent(event);
    listener.handleChargerChanged();
    switch (event.type) {
      case "status":
        board.log(`charging: ${event.status}`);
        trace.add("status", event.status);
        this._indicator.show(event.status);
        if (event.status === "plugged") this._freeVend.update();
        listener.handleChargerStatus(event.status);
        break;
      case "session-started":
        board.log(`charging: session ${event.session.id} of tag …${event.session.grant.tagEnd} starts`);
        break;
      case "session-ended":
        board.log(`charging: session ${event.sessionId} ends: ${event.why}`);
        break;
      case "faulted":
        reporter.reportFault(event.fault);
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
