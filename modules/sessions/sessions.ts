import type { Clock, IO, Timer } from "../board/index.js";
import type { StoredRecord } from "../settings/index.js";
import type { SessionLog } from "./log.js";
import type { Book, FinishedSession, SessionCard, SessionState } from "./session.js";

export interface SessionsOptions {
  readonly clock: Clock;
  /** The meter's reading, in Wh. */
  readonly energyWh: () => number;
  readonly record: StoredRecord<Book>;
  readonly book: Book;
  readonly log: SessionLog;
  readonly report: (line: string) => void;
  /** A finished session is in the log; or some were given up. */
  readonly onFinished: () => void;
}

/** The session under way is written as often, */
const WRITE_MS = 60_000;
/** and whenever it has taken as much: a power cut loses no more. */
const WRITE_WH = 100;

interface Running {
  state: SessionState;
  /** When this run of the firmware took it up, and how long it had gone on by then. */
  readonly sinceMs: number;
  readonly secondsBefore: number;
  /** After a time without power, of which nobody knows how long it was. */
  readonly isResumed: boolean;
}

/**
 * Keeps the book of charging sessions: the one under way in the record `session`, finished ones in the log. The log
 * is written first and the book after it, so that a cut between the two leaves the session in the log, where it is
 * found again, and never nowhere.
 */
export class Sessions implements IO {
  #options: SessionsOptions;
  #running: Running | undefined;
  /** What a power cut or a restart has left; somebody has to resume it or to let it go. */
  #interrupted: SessionState | undefined;
  #givenUp: number;
  #writtenWh: number;
  #timer: Timer | undefined;
  /** Sessions of this run that ended before the time was known: their slots, and when. At most as many as slots. */
  #undated = new Map<number, number>();
  #lastWh = 0;

  constructor(options: SessionsOptions) {
    this.#options = options;
    const { book, log } = options;
    this.#givenUp = book.givenUp;
    this.#writtenWh = book.meterWh;
    if (book.session && !log.idsAtStart.has(book.session.id)) this.#interrupted = book.session;
    else if (book.session) this.#write();
  }

  /** What the run before has left under way. */
  get interrupted(): SessionState | undefined {
    return this.#interrupted;
  }

  get underWay(): SessionState | undefined {
    return this.#running?.state;
  }

  /** Finished sessions that were given up, since the flash was erased. */
  get givenUp(): number {
    return this.#givenUp;
  }

  /** Of the session under way, or of the last one in this run, in Wh. */
  get sessionWh(): number {
    if (this.#running) this.#lastWh = this.#options.energyWh() - this.#running.state.startWh;
    return this.#lastWh;
  }

  /** A session starts, or the one that was interrupted goes on: it has the same id. */
  start(session: SessionCard & { readonly id: string; readonly currentA: number }): void {
    const before = this.#interrupted;
    if (before && before.id !== session.id) this.letGo();
    this.#interrupted = undefined;
    const { clock, energyWh } = this.#options;
    const isResumed = before?.id === session.id;
    const state: SessionState = isResumed
      ? before
      : { ...session, start: undefined, seconds: 0, startWh: energyWh() };
    this.#running = { state, sinceMs: clock.monotonicMs(), secondsBefore: state.seconds, isResumed };
    this.#timer = clock.repeat(() => this.#write(), WRITE_MS);
    this.#write();
  }

  /** The meter has counted. */
  noteEnergy(): void {
    if (this.#running && this.#options.energyWh() - this.#writtenWh >= WRITE_WH) this.#write();
  }

  /** The session under way is over. */
  end(why: string): void {
    const running = this.#running;
    if (!running) return;
    const state = this.#now(running);
    const end = this.#epochS();
    this.#options.clock.clear(this.#timer);
    this.#lastWh = this.#options.energyWh() - state.startWh;
    this.#running = undefined;
    this.#finish({ ...state, end, endWh: this.#options.energyWh(), why }, !running.isResumed);
  }

  /** What was interrupted is not resumed: it ends with what was known. */
  letGo(): void {
    const session = this.#interrupted;
    if (!session) return;
    this.#interrupted = undefined;
    const end = session.start === undefined ? undefined : session.start + session.seconds;
    const endWh = Math.max(session.startWh, this.#options.book.meterWh);
    this.#finish({ ...session, end, endWh, why: "interrupted" }, false);
  }

  /** Adds the wall clock to what ended before it was known. Called now and then. */
  dateFinished(): void {
    const nowS = this.#epochS();
    if (nowS === undefined || this.#undated.size === 0) return;
    const nowMs = this.#options.clock.monotonicMs();
    this.#undated.forEach((endedMs, slot) => {
      const end = nowS - Math.floor((nowMs - endedMs) / 1000);
      this.#options.log.correct(slot, (session) => ({ ...session, end, start: end - session.seconds }));
    });
    this.#undated.clear();
  }

  /** The platform has accepted what is in a slot. */
  forget(slot: number): void {
    this.#undated.delete(slot);
    this.#options.log.remove(slot);
  }

  /** Writes down how far the session under way has come; the next run finds it. */
  close(): void {
    this.#options.clock.clear(this.#timer);
    if (this.#running) this.#write();
    this.#running = undefined;
  }

  #finish(session: FinishedSession, isDatable: boolean): void {
    const { log, clock, report, onFinished } = this.#options;
    this.dateFinished();
    const { slot, givenUp } = log.add(session);
    this.#givenUp += givenUp;
    if (givenUp > 0) report(`sessions: ${givenUp} given up, the log is full; ${this.#givenUp} altogether`);
    if (slot !== undefined) {
      this.#undated.delete(slot);
      if (session.start === undefined && isDatable) this.#undated.set(slot, clock.monotonicMs());
    }
    this.#write();
    onFinished();
  }

  /** The session under way as it is now. */
  #now({ state, sinceMs, secondsBefore, isResumed }: Running): SessionState {
    const seconds = secondsBefore + Math.floor((this.#options.clock.monotonicMs() - sinceMs) / 1000);
    const nowS = this.#epochS();
    const isDatable = state.start === undefined && nowS !== undefined && !isResumed;
    return { ...state, seconds, start: isDatable ? nowS - seconds : state.start };
  }

  #epochS(): number | undefined {
    const epochMs = this.#options.clock.epochMs();
    return epochMs === undefined ? undefined : Math.floor(epochMs / 1000);
  }

  /** A flash that is broken keeps nobody from charging. */
  #write(): void {
    const { record, energyWh, report } = this.#options;
    if (this.#running) this.#running.state = this.#now(this.#running);
    const session = this.#running?.state ?? this.#interrupted;
    // What was interrupted ended at what was known then; the meter goes on.
    const meterWh = this.#interrupted ? this.#options.book.meterWh : energyWh();
    try {
      record.write({ meterWh, givenUp: this.#givenUp, session });
      this.#writtenWh = meterWh;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      report(`sessions: not written: ${error.message}`);
    }
  }
}
