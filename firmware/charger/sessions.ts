/** The charging sessions of a station: metered, kept over power cuts, reported to the platform. */

import type { Board, IO, Timer } from "../../modules/board/index.js";
import type { Charging, ChargingEvent } from "../../modules/charging/index.js";
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
import type { FaultReporter } from "./fault-reporter.js";

export interface ChargingSessionsOptions {
  readonly board: Board;
  readonly records: Records;
  /** imp/kWh */
  readonly meterPulsesPerKWh: number;
  readonly charging: Pick<Charging, "admit" | "status">;
  readonly settings: { readonly now: Pick<Settings, "resumes"> };
  /** Receives finished sessions. */
  readonly platform: Requester;
  readonly reporter: FaultReporter;
  /** `waiting` has decreased. */
  readonly onReported: () => void;
}

/** For the pilot to settle after the start, so that it is known whether there is a vehicle. */
const SETTLING_MS = 1000;
const TIDYING_MS = 60_000;

export class ChargingSessions implements IO {
  readonly meter: Meter;
  private _options: ChargingSessionsOptions;
  private _log: SessionLog;
  private _sessions: Sessions;
  private _reporter: SessionReporter;
  private _settling: Timer;
  private _tidying: Timer;
  private _isResuming = false;

  constructor(options: ChargingSessionsOptions) {
    this._options = options;
    const { board, records, meterPulsesPerKWh, platform, reporter } = options;
    const report = (message: string) => reporter.reportFault(message);
    const { clock, crypto } = board;
    const record = records(bookFormat);
    const book: Book = record.read() ?? { meterWh: 0, givenUp: 0, session: undefined };
    this._log = new SessionLog({
      record: (slot) => records(logFormat(slot)),
      givenUp: book.givenUp,
      report,
    });
    this.meter = new Meter({
      board,
      pulsesPerKWh: meterPulsesPerKWh,
      // A cut between the log's write and the book's leaves the book behind.
      startWh: Math.max(book.meterWh, this._log.latestWhAtStart),
      onChanged: () => this._sessions.handleEnergyChanged(),
    });
    this._sessions = new Sessions({
      clock,
      energyWh: () => this.meter.energyWh,
      record,
      book,
      log: this._log,
      report,
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

  /** Finished sessions that the platform has not accepted. */
  get waiting(): number {
    return this._log.length;
  }

  /** Finished sessions that were given up because too many waited. */
  get givenUp(): number {
    return this._log.givenUp;
  }

  /** Of the session under way, or the last one. */
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
      // It did not draw again; `charging` comes with the session's start.
      if (event.status !== "charging") this._letGo();
    }
  }

  /** What waits was the owner's before, and is nobody else's business: it is given up. */
  forgetOwner(): void {
    this._letGo();
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

  /** The vehicle that was there when the power went charges on, or the session is over. */
  private _settle(): void {
    const session = this._sessions.interrupted;
    if (!session) return;
    const admission = this._options.settings.now.resumes ? this._options.charging.admit() : undefined;
    this._isResuming = admission !== undefined;
    if (!admission?.authorize(session, session.id)) this._letGo();
  }

  private _letGo(): void {
    this._isResuming = false;
    this._sessions.closeInterrupted();
  }
}
