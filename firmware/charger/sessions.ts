/** The charging sessions of a station: they are metered, survive power cuts and are reported to the platform. */

import type { Board, IO, Timer } from "../../modules/board/index.js";
import type { Charging, ChargingEvent } from "../../modules/charging/index.js";
import type { Fault, RecoveryReporter } from "../../modules/faults/index.js";
import {
  type EnergyMeter,
  type MeterFaultCode,
  ModbusMeter,
  type ModbusMeterHost,
  PulseMeter,
} from "../../modules/meter/index.js";
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
  /** The meter has counted energy or has answered. */
  readonly onMeterChanged: () => void;
}

/** Settling time of the pilot after the start, ms. A plugged-in vehicle is detected within it. */
const SETTLING_MS = 1000;
/** Interval of storage maintenance, ms. */
const TIDYING_MS = 60_000;
/** Time from the end of a session to its last reading, ms. A Modbus meter updates its registers about once a second. */
const LAST_READING_MS = 1000;

export class ChargingSessions implements IO, ReporterHost, SessionsListener, ModbusMeterHost {
  readonly meter: EnergyMeter;
  /** The meter, if it is on a Modbus line. */
  readonly modbusMeter: ModbusMeter | undefined;
  private readonly _options: ChargingSessionsOptions;
  private readonly _log: SessionLog;
  private readonly _sessions: Sessions;
  private readonly _reporter: SessionReporter;
  private _settling: Timer | undefined;
  private readonly _tidying: Timer;
  private _isResuming = false;
  /** Runs until the last reading of the session that has ended. */
  private _lastReading: Timer | undefined;
  /** The Modbus meter has not answered since the start, or since the end of a session. */
  private _isStale = true;
  /** The start reading of the session under way is that of the next answer. */
  private _isStartStale = false;

  constructor(options: ChargingSessionsOptions) {
    this._options = options;
    const { board, config, records, platform, reporter } = options;
    const { clock, crypto } = board;
    const record = records.open(bookFormat);
    const book: Book = record.read() ?? { meterWh: 0, givenUp: 0, session: undefined };
    this._log = new SessionLog({ records, givenUp: book.givenUp, reporter });
    // After a power cut between the two writes, the log is newer than the book.
    const startWh = Math.max(book.meterWh, this._log.latestWhAtStart);
    this.modbusMeter = this._openModbusMeter(book, startWh);
    this.meter =
      this.modbusMeter ??
      new PulseMeter({
        board,
        pulsesPerKWh: config.meterPulsesPerKWh,
        startWh,
        onChanged: () => {
          this._sessions.handleEnergyChanged();
          options.onMeterChanged();
        },
      });
    this._sessions = new Sessions({
      clock,
      meter: this.meter,
      record,
      book,
      log: this._log,
      reporter,
      listener: this,
      awaitsReading: this.modbusMeter !== undefined,
    });
    this._reporter = new SessionReporter({
      clock,
      crypto,
      log: this._log,
      platform,
      host: this,
    });
    this._settling = clock.set(() => this._settle(), SETTLING_MS);
    this._tidying = clock.repeat(() => this._sessions.tidy(), TIDYING_MS);
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
    return this._sessions.sessionWh;
  }

  handleChargingEvent(event: ChargingEvent): void {
    if (event.type === "session-started") {
      const { id, grant } = event.session;
      const { tag, tagEnd, method, currentA } = grant;
      this._endLastReading(false);
      this._sessions.start({ id, tag, tagEnd, method, currentA });
      this._readStart();
    } else if (event.type === "session-ended") {
      this._sessions.end(event.why);
    } else if (event.type === "status" && this._isResuming && event.status !== "authorized") {
      // Any status but `charging` means that the vehicle did not resume.
      if (event.status !== "charging") this._endInterrupted();
    }
  }

  prepareReport(): void {
    this._sessions.tidy();
  }

  handleAccepted(slot: number): boolean {
    const isForgotten = this._sessions.forget(slot);
    this._options.listener.handleChargerChanged();
    return isForgotten;
  }

  handleSessionFinished(): void {
    const { modbusMeter } = this;
    if (!modbusMeter) {
      this._reporter.wake();
      return;
    }
    const { clock } = this._options.board;
    clock.clear(this._lastReading);
    this._lastReading = clock.set(
      () => modbusMeter.refresh((isFresh) => this._endLastReading(isFresh)),
      LAST_READING_MS,
    );
  }

  get isCharging(): boolean {
    return this._options.charging.status === "charging";
  }

  handleMeterChanged(): void {
    this._isStale = false;
    if (this._isStartStale) this._sessions.moveStart();
    this._isStartStale = false;
    this._sessions.handleEnergyChanged();
    this._options.onMeterChanged();
  }

  handleMeterFault(fault: Fault & { readonly code: MeterFaultCode }): void {
    this._sessions.recordMeterFault(fault.code);
    this._options.reporter.reportFault(fault);
  }

  handleMeterRecovered(code: MeterFaultCode): void {
    this._options.reporter.reportRecovery({ code, message: "the meter works again" });
  }

  /** Discards unreported sessions: they belong to the previous owner. */
  forgetOwner(): void {
    this._endInterrupted();
    this._sessions.discardUnreported();
  }

  handlePlatformChanged(): void {
    if (this._options.platform.isOnline) this._reporter.wake();
    else this._reporter.sleep();
  }

  close(): void {
    const { clock } = this._options.board;
    clock.clear(this._settling);
    clock.clear(this._tidying);
    clock.clear(this._lastReading);
    this._reporter.close();
    this._sessions.close();
    this.meter.close();
  }

  /** Opens the Modbus meter of the wiring; `undefined` without one. */
  private _openModbusMeter(book: Book, startWh: number): ModbusMeter | undefined {
    const { board, config } = this._options;
    const line = board.pins.modbusMeter;
    if (!line || !config.modbusMeter) return undefined;
    const { ownWh } = book;
    // The log has no reading of the meter itself: that of the book belongs to the reading of the book.
    const stationWh = ownWh === undefined ? startWh : book.meterWh;
    return new ModbusMeter({
      board,
      line,
      config: config.modbusMeter,
      stationWh,
      leastWh: startWh,
      ownWh,
      host: this,
    });
  }

  /** Reads the meter at the start of a session, and marks the session when the meter has a fault. */
  private _readStart(): void {
    const { modbusMeter } = this;
    if (!modbusMeter) return;
    const { fault } = modbusMeter;
    this._isStartStale = this._isStale || fault === "meter-silent";
    if (fault !== undefined) this._sessions.recordMeterFault(fault);
    modbusMeter.refresh(() => {});
  }

  /** Takes the last reading of the session that waits for it, and reports the session. */
  private _endLastReading(isFresh: boolean): void {
    if (!this._lastReading) return;
    this._options.board.clock.clear(this._lastReading);
    this._lastReading = undefined;
    if (!isFresh) this._isStale = true;
    this._sessions.settleEnd(isFresh);
    this._reporter.wake();
    this._options.listener.handleChargerChanged();
  }

  /** Resumes an interrupted session with the plugged-in vehicle, if the owner allows it; otherwise ends the session. */
  private _settle(): void {
    this._settling = undefined;
    const session = this._sessions.interrupted;
    if (!session) return;
    const admission = this._options.settings.now.resumes ? this._options.charging.admit() : undefined;
    this._isResuming = admission !== undefined;
    if (!admission?.authorize(session, session.id)) this._endInterrupted();
  }

  private _endInterrupted(): void {
    this._isResuming = false;
    this._sessions.closeInterrupted();
  }
}
