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
 * found again, and never nowhere. What the storage does not take is tried again, by `tidy`.
 */
export class Sessions implements IO {
  private _options: SessionsOptions;
  private _running: Running | undefined;
  /** What a power cut or a restart has left; somebody has to resume it or to let it go. */
  private _interrupted: SessionState | undefined;
  private _writtenWh: number;
  /** The record `session` is not what it should be. */
  private _isBehind = false;
  private _timer: Timer | undefined;
  /** Sessions of this run that ended before the time was known: their slots, and when. At most as many as slots. */
  private _undated = new Map<number, number>();
  private _lastWh = 0;

  constructor(options: SessionsOptions) {
    this._options = options;
    const { book, log } = options;
    this._writtenWh = book.meterWh;
    if (book.session && !log.idsAtStart.has(book.session.id)) this._interrupted = book.session;
    else if (book.session) this._write();
  }

  /** What the run before has left under way. */
  get interrupted(): SessionState | undefined {
    return this._interrupted;
  }

  /** Of the session under way, or of the last one in this run, in Wh. */
  get sessionWh(): number {
    if (this._running) this._lastWh = this._options.energyWh() - this._running.state.startWh;
    return this._lastWh;
  }

  /** A session starts, or the one that was interrupted goes on: it has the same id. */
  start(session: SessionCard & { readonly id: string; readonly currentA: number }): void {
    const before = this._interrupted;
    if (before && before.id !== session.id) this.letGo();
    this._interrupted = undefined;
    const { clock, energyWh } = this._options;
    const isResumed = before?.id === session.id;
    const state: SessionState = isResumed
      ? before
      : { ...session, start: undefined, seconds: 0, startWh: energyWh() };
    this._running = { state, sinceMs: clock.monotonicMs(), secondsBefore: state.seconds, isResumed };
    this._timer = clock.repeat(() => this._write(), WRITE_MS);
    this._write();
  }

  /** The meter has counted. */
  noteEnergy(): void {
    if (this._running && this._options.energyWh() - this._writtenWh >= WRITE_WH) this._write();
  }

  /** The session under way is over. */
  end(why: string): void {
    const running = this._running;
    if (!running) return;
    const state = this._now(running);
    const nowS = this._epochS();
    // Somebody may have set the clock back.
    const end = nowS === undefined ? undefined : Math.max(nowS, state.start ?? 0);
    this._options.clock.clear(this._timer);
    this._lastWh = this._options.energyWh() - state.startWh;
    this._running = undefined;
    this._finish({ ...state, end, endWh: this._options.energyWh(), why }, !running.isResumed);
  }

  /** What was interrupted is not resumed: it ends with what was known. */
  letGo(): void {
    const session = this._interrupted;
    if (!session) return;
    this._interrupted = undefined;
    const end = session.start === undefined ? undefined : session.start + session.seconds;
    this._finish({ ...session, end, endWh: this._options.book.meterWh, why: "interrupted" }, false);
  }

  /**
   * Adds the wall clock to what ended before it was known, and writes what could not be written. Called now and then,
   * and before the platform is told.
   */
  tidy(): void {
    this._dateFinished();
    this._options.log.rewrite();
    if (this._isBehind) this._write();
  }

  /**
   * The platform has accepted what is in a slot. `false`: it stays for now, for the book may still say that it goes
   * on, and what is in the log does not go on after a power cut.
   */
  forget(slot: number): boolean {
    const { log } = this._options;
    if (this._isBehind && !log.unwritten.has(slot)) return false;
    log.remove(slot);
    return true;
  }

  /** What the platform has not accepted it will not hear of. A power cut meanwhile counts some of it twice. */
  giveUpWaiting(): void {
    const { log, report } = this._options;
    const count = log.length;
    if (count === 0) return;
    log.countGivenUp(count);
    this._write();
    for (const slot of [...log.slots]) log.remove(slot);
    this._undated.clear();
    report(`sessions: ${count} given up, they were the owner's before; ${log.givenUp} altogether`);
  }

  /** Writes down how far the session under way has come; the next run finds it. */
  close(): void {
    this._options.clock.clear(this._timer);
    if (this._running) this._write();
    this._running = undefined;
  }

  private _finish(session: FinishedSession, isDatable: boolean): void {
    const { log, clock, report, onFinished } = this._options;
    const { givenUp } = log;
    const slot = log.add(session);
    if (log.givenUp > givenUp) report(`sessions: 1 given up, the log is full; ${log.givenUp} altogether`);
    this._undated.delete(slot);
    if (session.start === undefined && isDatable) this._undated.set(slot, clock.monotonicMs());
    this._write();
    onFinished();
  }

  private _dateFinished(): void {
    const nowS = this._epochS();
    if (nowS === undefined) return;
    const nowMs = this._options.clock.monotonicMs();
    this._undated.forEach((endedMs, slot) => {
      const end = nowS - Math.floor((nowMs - endedMs) / 1000);
      const date = (session: FinishedSession) => ({ ...session, end, start: end - session.seconds });
      if (this._options.log.correct(slot, date)) this._undated.delete(slot);
    });
  }

  /** The session under way as it is now. */
  private _now({ state, sinceMs, secondsBefore, isResumed }: Running): SessionState {
    const seconds = secondsBefore + Math.floor((this._options.clock.monotonicMs() - sinceMs) / 1000);
    const nowS = this._epochS();
    const isDatable = state.start === undefined && nowS !== undefined && !isResumed;
    return { ...state, seconds, start: isDatable ? nowS - seconds : state.start };
  }

  private _epochS(): number | undefined {
    const epochMs = this._options.clock.epochMs();
    return epochMs === undefined ? undefined : Math.floor(epochMs / 1000);
  }

  /** A flash that is broken keeps nobody from charging. */
  private _write(): void {
    const { record, energyWh, log, report } = this._options;
    // The book may be all that keeps what the log has in memory: it goes first.
    log.rewrite();
    if (this._running) this._running.state = this._now(this._running);
    const session = this._running?.state;
    const wasBehind = this._isBehind;
    this._isBehind = true;
    // What the log has in memory only is in the book as it was written last, for the next run.
    if (!session && log.unwritten.size > 0) return;
    const meterWh = energyWh();
    try {
      record.write({ meterWh, givenUp: log.givenUp, session });
      this._writtenWh = meterWh;
      this._isBehind = false;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      if (!wasBehind) report(`sessions: not written: ${error.message}`);
    }
  }
}
