/** The charging sessions of a station: they are metered, survive power cuts and are reported to the platform. */

import type { Board, IO, Timer } from "../../modules/board/index.js";
import type { Charging, ChargingEvent } from "../../modules/charging/index.js";
import type { FaultReporter } from "../../modules/faults/index.js";
import type { Requester } from "../../modules/requests/index.js";
import {
  type Book,
  bookFormat,
  logFormat,
  Meter,
  SessionLog,
  SessionReporter,
  Sessions,
} from "../../modules/sessions/index.js";
import type { Records } from "../records.js";
import type { Settings } from "../settings.js";

export interface ChargingSessionsOptions {
  readonly board: Board;
  readonly records: Records;
  /** Meter constant, imp/kWh. */
  readonly meterPulsesPerKWh: number;
  readonly charging: Pick<Charging, "admit" | "status">;
  readonly settings: { readonly now: Pick<Settings, "resumes"> };
  /** Receives finished sessions. */
  readonly platform: Requester;
  readonly reporter: FaultReporter;
  /** `waiting` has decreased. */
  readonly onReported: () => void;
}

/** Settling time of the pilot after the start, ms. A plugged-in vehicle is detected within it. */
const SETTLING_MS = 1000;
/** Interval of storage maintenance, ms. */
const TIDYING_MS = 60_000;

export class ChargingSessions implements IO {
  readonly meter: Meter;
  private readonly _options: ChargingSessionsOptions;
  private readonly _log: SessionLog;
  private readonly _sessions: Sessions;
  private readonly _reporter: SessionReporter;
  private readonly _settling: Timer;
  private readonly _tidying: Timer;
  private _isResuming = false;

  constructor(options: ChargingSessionsOptions) {
    this._options = options;
    const { board, records, meterPulsesPerKWh, platform, reporter } = options;
    const { clock, crypto } = board;
    const record = records(bookFormat);
    const book: Book = record.read() ?? { meterWh: 0, givenUp: 0, session: undefined };
    this._log = new SessionLog({
      record: (slot) => records(logFormat(slot)),
      givenUp: book.givenUp,
      reporter,
    });
    this.meter = new Meter({
      board,
      pulsesPerKWh: meterPulsesPerKWh,
      // After a power cut between the two writes, the log is newer than the book.
      startWh: Math.max(book.meterWh, this._log.latestWhAtStart),
      onChanged: () => this._sessions.handleEnergyChanged(),
    });
    this._sessions = new Sessions({
      clock,
      energyWh: () => this.meter.energyWh,
      record,
      book,
      log: this._log,
      reporter,
      onFinished: () => this._reporter.wake(),
    });
    this._reporter = new SessionReporter({
      clock,
      random: (byteLength) => crypto.random(byteLength),
      log: this._log,
      platform,
      prepare: () => this._sessions.tidy(),
      onAccepted: (slot) => {
        const isForgotten = this._sessions.forget(slot);
        options.onReported();
        return isForgotten;
      },
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
      this._sessions.start({ id, tag, tagEnd, method, currentA });
    } else if (event.type === "session-ended") {
      this._sessions.end(event.why);
    } else if (event.type === "status" && this._isResuming && event.status !== "authorized") {
      // Any status but `charging` means that the vehicle did not resume.
      if (event.status !== "charging") this._endInterrupted();
    }
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
    this._reporter.close();
    this._sessions.close();
    this.meter.close();
  }

  /** Resumes an interrupted session with the plugged-in vehicle, if the owner allows it; otherwise ends the session. */
  private _settle(): void {
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
