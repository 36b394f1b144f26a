/** The charging sessions of a station: they are metered, survive power cuts and are reported to the platform. */

import type { Board, IO, Timer } from "../../modules/board/index.js";
import type { Charging, ChargingEvent } from "../../modules/charging/index.js";
import type { RecoveryReporter } from "../../modules/faults/index.js";
import { type EnergyMeter, type ModbusMeter, PulseMeter } from "../../modules/meter/index.js";
import type { Requester } from "../../modules/requests/index.js";
import {
  type Book,
  bookFormat,
  type ReporterHost,
  SessionLog,
  SessionReporter,
  Sessions,
  type SessionsListener,
} from "../../modules/sessions/index.js";
import type { Config } from "../config.js";
import type { Records } from "../records.js";
import type { Settings } from "../settings.js";
import type { ChargerListener } from "./charger-listener.js";
import { ModbusMetering, type ModbusMeteringHost } from "./modbus-metering.js";

export interface ChargingSessionsOptions {
  readonly board: Board;
  readonly records: Records;
  readonly config: Pick<Config, "meterPulsesPerKWh" | "modbusMeter">;
  readonly charging: Pick<Charging, "admit" | "status">;
  readonly settings: { readonly now: Pick<Settings, "resumes"> };
  /** Receives finished sessions. */
  readonly platform: Requester;
  readonly reporter: RecoveryReporter;
  /** Notified when `waiting` has decreased. */
  readonly listener: Pick<ChargerListener, "handleChargerChanged">;
  readonly meterListener: MeterListener;
}

export interface MeterListener {
  /** The meter has counted energy or has answered. */
  handleMeterChanged(): void;
}

/** Settling time of the pilot after the start, ms. A plugged-in vehicle is detected within it. */
const SETTLING_MS = 1000;
/**
 * Longest time from the latest write of an interrupted session to its resumption, ms. The vehicle may have been swapped
 * while the power was off, so the time has to be short, and known.
 */
const RESUME_WITHIN_MS = 10 * 60_000;
/** Interval of looking for the time after the start, ms. */
const CLOCK_POLL_MS = 1000;
/** Interval of storage maintenance, ms. */
const TIDYING_MS = 60_000;

export class ChargingSessions implements IO, ReporterHost, SessionsListener, ModbusMeteringHost {
  readonly meter: EnergyMeter;
  readonly sessions: Sessions;
  private readonly _options: ChargingSessionsOptions;
  private readonly _log: SessionLog;
  private readonly _reporter: SessionReporter;
  private readonly _modbus: ModbusMetering | undefined;
  private _settling: Timer | undefined;
  private readonly _tidying: Timer;
  private _isResuming = false;
  /** Monotonic time of the start, ms. */
  private readonly _startMs: number;

  constructor(options: ChargingSessionsOptions) {
    this._options = options;
    const { board, config, records, platform, reporter } = options;
    const { clock, crypto } = board;
    this._startMs = clock.monotonicMs();
    const record = records.open(bookFormat);
    const book: Book = record.read() ?? { meterWh: 0, givenUp: 0, session: undefined };
    this._log = new SessionLog({ records, givenUp: book.givenUp, reporter });
    // After a power cut between the two writes, the log is newer than the book.
    const startWh = Math.max(book.meterWh, this._log.latestWhAtStart);
    const line = board.pins.modbusMeter;
    if (line && config.modbusMeter) {
      const { modbusMeter } = config;
      this._modbus = new ModbusMetering({
        ...options,
        line,
        config: modbusMeter,
        book,
        leastWh: startWh,
        host: this,
      });
    }
    this.meter =
      this._modbus?.meter ??
      new PulseMeter({
        board,
        pulsesPerKWh: config.meterPulsesPerKWh,
        startWh,
        onChanged: () => this.handleMeterChanged(),
      });
    this.sessions = new Sessions({
      clock,
      meter: this.meter,
      record,
      book,
      log: this._log,
      reporter,
      listener: this,
      awaitsReading: this._modbus !== undefined,
    });
    this._reporter = new SessionReporter({
      clock,
      crypto,
      log: this._log,
      platform,
      host: this,
    });
    this._settling = clock.set(() => this._settle(), SETTLING_MS);
    this._tidying = clock.repeat(() => this.sessions.tidy(), TIDYING_MS);
  }

  /** The meter, if it is on a Modbus line. */
  get modbusMeter(): ModbusMeter | undefined {
    return this._modbus?.meter;
  }

  /** Number of finished sessions that the platform has not accepted. */
  get waiting(): number {
    return this._log.length;
  }

  /** Number of finished sessions that were discarded because too many waited. */
  get givenUp(): number {
    return this._log.givenUp;
  }

  /** Energy of the session under way or the last one, Wh. */
  get energyWh(): number {
    return this.sessions.sessionWh;
  }

  handleChargingEvent(event: ChargingEvent): void {
    if (event.type === "session-started") {
      const { id, grant } = event.session;
      const { tag, tagEnd, method, currentA } = grant;
      this._modbus?.handleStarting();
      this.sessions.start({ id, tag, tagEnd, method, currentA });
      this._modbus?.handleStarted();
    } else if (event.type === "session-ended") {
      this.sessions.end(event.why, event.endedMs);
    } else if (event.type === "status" && this._isResuming && event.status !== "authorized") {
      // Any status but `charging` means that the vehicle did not resume.
      if (event.status !== "charging") this._endInterrupted();
    }
  }

  prepareReport(): void {
    this.sessions.tidy();
  }

  handleAccepted(slot: number): boolean {
    const isForgotten = this.sessions.forget(slot);
    this._options.listener.handleChargerChanged();
    return isForgotten;
  }

  handleSessionFinished(): void {
    if (this._modbus) this._modbus.handleEnded();
    else this._reporter.wake();
  }

  handleSessionSettled(): void {
    this._reporter.wake();
    this._options.listener.handleChargerChanged();
  }

  handleMeterChanged(): void {
    this.sessions.handleEnergyChanged();
    this._options.meterListener.handleMeterChanged();
  }

  /** Discards unreported sessions: they belong to the previous owner. */
  forgetOwner(): void {
    this._endInterrupted();
    this.sessions.discardUnreported();
  }

  handlePlatformChanged(): void {
    if (this._options.platform.isOnline) this._reporter.wake();
    else this._reporter.sleep();
  }

  close(): void {
    const { clock } = this._options.board;
    clock.clear(this._settling);
    clock.clear(this._tidying);
    this._reporter.close();
    this.sessions.close();
    this._modbus?.close();
    this.meter.close();
  }

  /**
   * Resumes an interrupted session with the plugged-in vehicle, if the owner allows it and the power was off for minutes
   * only; otherwise ends the session. Until the time is known, the session waits while the vehicle stays plugged in.
   */
  private _settle(): void {
    this._settling = undefined;
    const { board, charging, settings } = this._options;
    const session = this.sessions.interrupted;
    if (!session) return;
    const { interruptedAt } = this.sessions;
    const admission = settings.now.resumes && interruptedAt !== undefined ? charging.admit() : undefined;
    this._isResuming = admission !== undefined;
    const epochMs = board.clock.epochMs();
    const waitedMs = board.clock.monotonicMs() - this._startMs;
    if (admission && epochMs === undefined && waitedMs < RESUME_WITHIN_MS) {
      this._settling = board.clock.set(() => this._settle(), CLOCK_POLL_MS);
      return;
    }
    if (!isRecent(interruptedAt, epochMs) || !admission?.authorize(session, session.id))
      this._endInterrupted();
  }

  private _endInterrupted(): void {
    this._isResuming = false;
    this.sessions.closeInterrupted();
  }
}

/** Whether a time, s since 1970, is known and at most `RESUME_WITHIN_MS` ago. */
function isRecent(atS: number | undefined, epochMs: number | undefined): boolean {
  if (atS === undefined || epochMs === undefined) return false;
  const ageMs = epochMs - atS * 1000;
  return ageMs >= 0 && ageMs <= RESUME_WITHIN_MS;
}
