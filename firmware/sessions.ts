/** The charging sessions of a station: metered, kept over power cuts, reported to the platform. */

import type { Board, IO, Timer } from "../modules/board/index.js";
import type { Charging, ChargingEvent } from "../modules/charging/index.js";
import type { Requests } from "../modules/requests/index.js";
import {
  type Book,
  bookFormat,
  logFormat,
  Meter,
  SessionLog,
  SessionReporter,
  Sessions,
} from "../modules/sessions/index.js";
import type { Records } from "./records.js";

export interface StationSessionsOptions {
  readonly board: Board;
  readonly records: Records;
  /** imp/kWh */
  readonly meterPulsesPerKWh: number;
  readonly charging: Pick<Charging, "admit" | "status">;
  /** A session that a power cut interrupted goes on, if the vehicle is still there. */
  readonly resumes: () => boolean;
  /** `undefined` while the platform cannot be asked. */
  readonly requests: () => Requests | undefined;
  /** Something went wrong that somebody should know of. */
  readonly complain: (message: string) => void;
}

/** For the pilot to settle after the start, so that it is known whether there is a vehicle. */
const SETTLING_MS = 1000;
const DATING_MS = 60_000;

export class StationSessions implements IO {
  readonly meter: Meter;
  #options: StationSessionsOptions;
  #log: SessionLog;
  #sessions: Sessions;
  #reporter: SessionReporter;
  #settling: Timer;
  #dating: Timer;
  #isResuming = false;

  constructor(options: StationSessionsOptions) {
    this.#options = options;
    const { board, records, meterPulsesPerKWh, complain } = options;
    const { clock, crypto } = board;
    const report = (line: string) => board.log(line);
    const record = records(bookFormat);
    const book: Book = record.read() ?? { meterWh: 0, givenUp: 0, session: undefined };
    this.#log = new SessionLog({ record: (slot) => records(logFormat(slot)), report });
    this.meter = new Meter({
      board,
      pulsesPerKWh: meterPulsesPerKWh,
      startWh: book.meterWh,
      onChanged: () => this.#sessions.noteEnergy(),
    });
    this.#sessions = new Sessions({
      clock,
      energyWh: () => this.meter.energyWh,
      record,
      book,
      log: this.#log,
      report: complain,
      onFinished: () => this.#reporter.wake(),
    });
    this.#reporter = new SessionReporter({
      clock,
      random: (byteLength) => crypto.random(byteLength),
      log: this.#log,
      request: () => {
        const requests = options.requests();
        return requests && ((endpoint, data, done) => requests.request(endpoint, data, done));
      },
      onAccepted: (slot) => this.#sessions.forget(slot),
    });
    this.#settling = clock.set(() => this.#settle(), SETTLING_MS);
    this.#dating = clock.repeat(() => this.#sessions.dateFinished(), DATING_MS);
  }

  /** Finished sessions that the platform has not accepted. */
  get waiting(): number {
    return this.#log.length;
  }

  /** Finished sessions that were given up because too many waited. */
  get givenUp(): number {
    return this.#sessions.givenUp;
  }

  /** Of the session under way, or the last one. */
  get energyWh(): number {
    return this.#sessions.sessionWh;
  }

  follow(event: ChargingEvent): void {
    if (event.type === "session-started") {
      const { id, grant } = event.session;
      this.#isResuming = false;
      this.#sessions.start({ id, ...grant });
    } else if (event.type === "session-ended") {
      this.#sessions.end(event.why);
    } else if (event.type === "status" && this.#isResuming && event.status !== "authorized") {
      // It did not draw again; `charging` comes with the session's start.
      if (event.status !== "charging") this.#letGo();
    }
  }

  /** The platform can be asked, or not any more. */
  followPlatform(isOnline: boolean): void {
    if (isOnline) this.#reporter.wake();
    else this.#reporter.sleep();
  }

  close(): void {
    const { clock } = this.#options.board;
    clock.clear(this.#settling);
    clock.clear(this.#dating);
    this.#reporter.close();
    this.#sessions.close();
    this.meter.close();
  }

  /** The vehicle that was there when the power went charges on, or the session is over. */
  #settle(): void {
    const session = this.#sessions.interrupted;
    if (!session) return;
    const admission = this.#options.resumes() ? this.#options.charging.admit() : undefined;
    this.#isResuming = admission !== undefined;
    if (!admission?.authorize(session, session.id)) this.#letGo();
  }

  #letGo(): void {
    this.#isResuming = false;
    this.#sessions.letGo();
  }
}
