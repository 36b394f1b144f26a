import type { Clock, IO, Timer } from "../board/index.js";
import type { FaultReporter } from "../faults/index.js";
import type { EnergyMeter, MeterFaultCode } from "../meter/index.js";
import type { StoredRecord } from "../settings/index.js";
import type { SessionLog } from "./log.js";
import type { Book, FinishedSession, SessionCard, SessionState } from "./session.js";

export interface SessionsOptions {
  readonly clock: Clock;
  readonly meter: Pick<EnergyMeter, "energyWh"> & {
    /** The meter's own reading, Wh. */
    readonly ownWh?: number | undefined;
  };
  /**
   * The meter does not report energy by itself: the session that has ended last waits in the log for `settleEnd`. Until then
   * it is stored with the fault `meter-unread`.
   */
  readonly awaitsReading?: boolean;
  readonly record: StoredRecord<Book>;
  /** Content of `record` at the start. */
  readonly book: Book;
  readonly log: SessionLog;
  readonly reporter: FaultReporter;
  readonly listener: SessionsListener;
}

export interface SessionsListener {
  /** A finished session was added to the log. */
  handleSessionFinished(): void;
}

/** Interval of writing the session under way, ms. A power cut loses at most this time. */
const WRITE_MS = 60_000;
/** Fault of metering of a session whose last reading is missing, unless it has another one. */
const UNREAD = "meter-unread";
/** Energy after which the session under way is written, Wh. A power cut loses at most this energy. */
const WRITE_WH = 100;

interface Running {
  state: SessionState;
  /** Monotonic time at which this run of the firmware started or resumed the session, ms. */
  readonly sinceMs: number;
  /** Duration of the session at `sinceMs`, s. */
  readonly secondsBefore: number;
}

/**
 * Bookkeeping of charging sessions: the session under way is in the record `session`, finished sessions are in the log.
 * At the end of a session the log is written before the book, so that a power cut in between does not lose the session.
 * `tidy` retries failed writes.
 */
export class Sessions implements IO {
  private readonly _options: SessionsOptions;
  private _running: Running | undefined;
  /** Session that a power cut or restart has interrupted. The caller resumes it with `start` or ends it. */
  private _interrupted: SessionState | undefined;
  /** Meter reading of the latest write, Wh. */
  private _writtenWh: number;
  /** Whether the record `session` is out of date because a write failed. */
  private _isOutOfDate = false;
  private _timer: Timer | undefined;
  /** Monotonic end times, ms, of sessions of this run that ended before the wall clock was known, by slot. */
  private _undated: Map<number, number> | undefined;
  private _lastWh = 0;
  constructor(options: SessionsOptions) {
    this._options = options;
    const { book, log } = options;
    this._writtenWh = book.meterWh;
    if (book.session && !log.idsAtStart.has(book.session.id)) this._interrupted = book.session;
    else if (book.session) this._write();
  }

  /** The session that a power cut or restart has interrupted, until it is resumed or ended. */
  get interrupted(): SessionState | undefined {
    return this._interrupted;
  }

  /** Time of the latest write of the interrupted session, seconds since 1970; `undefined` if it is unknown. */
  get interruptedAt(): number | undefined {
    return this._options.book.at;
  }

  /** Energy of the session under way, or of the latest one of this run, Wh. */
  get sessionWh(): number {
    if (this._running) this._lastWh = this._options.meter.energyWh - this._running.state.startWh;
    return this._lastWh;
  }

  /** Starts a session, or resumes the interrupted session if it has the same id. */
  start(session: SessionCard & { readonly id: string; readonly currentA: number }): void {
    const before = this._interrupted;
    if (before && before.id !== session.id) this.closeInterrupted();
    this._interrupted = undefined;
    const { clock, meter } = this._options;
    const state: SessionState =
      before?.id === session.id
        ? before
        : { ...session, start: undefined, seconds: 0, startWh: meter.energyWh };
    this._running = { state, sinceMs: clock.monotonicMs(), secondsBefore: state.seconds };
    this._timer = clock.repeat(() => this._write(), WRITE_MS);
    this._write();
  }

  /** Writes the session under way when its energy has grown by `WRITE_WH` since the latest write. */
  handleEnergyChanged(): void {
    if (this._running && this._options.meter.energyWh - this._writtenWh >= WRITE_WH) this._write();
  }

  /** Records a fault of metering, in the session under way if there is one. */
  recordMeterFault(code: MeterFaultCode): void {
    const running = this._running;
    if (running) running.state = { ...running.state, meterFault: running.state.meterFault ?? code };
    this._write();
  }

  /**
   * Moves the start reading of the session under way to the present one: the energy before it is not the driver's. That of a
   * resumed session stays.
   */
  moveStart(): void {
    const running = this._running;
    if (running?.secondsBefore === 0)
      running.state = { ...running.state, startWh: this._options.meter.energyWh };
  }

  /**
   * Corrects the end reading of the session that waits for it, and releases the session.
   * @param isRead the meter has answered since the end
   */
  settleEnd(isRead: boolean): void {
    const { log, meter } = this._options;
    const slot = log.heldSlot;
    if (slot === undefined) return;
    if (isRead) {
      const endWh = meter.energyWh;
      log.correct(slot, ({ meterFault, ...session }) => {
        if (!this._running) this._lastWh = endWh - session.startWh;
        return { ...session, endWh, ...(meterFault !== UNREAD && { meterFault }) };
      });
    }
    log.heldSlot = undefined;
    this._write();
  }

  /**
   * Ends the session under way.
   * @param endedMs monotonic time of the end, ms; not in the future
   */
  end(why: string, endedMs: number): void {
    const running = this._running;
    if (!running) return;
    const state = this._current(running, endedMs);
    const nowS = this._epochS(endedMs);
    // The wall clock may have been set back.
    const end = nowS === undefined ? undefined : Math.max(nowS, state.start ?? 0);
    this._options.clock.clear(this._timer);
    this._lastWh = this._options.meter.energyWh - state.startWh;
    this._running = undefined;
    this._finish({ ...state, end, endWh: this._options.meter.energyWh, why }, endedMs);
  }

  /** Ends the interrupted session with the values of its latest write. */
  closeInterrupted(): void {
    const session = this._interrupted;
    if (!session) return;
    this._interrupted = undefined;
    const end = session.start === undefined ? undefined : session.start + session.seconds;
    const { awaitsReading, book, meter } = this._options;
    // A meter with its own reading has counted what was not written, too.
    const endWh = awaitsReading ? meter.energyWh : book.meterWh;
    this._finish({ ...session, end, endWh, why: "interrupted" });
  }

  /**
   * Dates the sessions that ended before the wall clock was known, and retries failed writes. Call it periodically and
   * before each report.
   */
  tidy(): void {
    this._dateFinished();
    this._options.log.rewrite();
    if (this._isOutOfDate) this._write();
  }

  /**
   * Removes a session that the platform has accepted. Returns `false` while the book is out of date: without its log
   * entry, the book could resume the finished session after a power cut.
   */
  forget(slot: number): boolean {
    const { log } = this._options;
    if (this._isOutOfDate && !log.unwritten.has(slot)) return false;
    log.remove(slot);
    return true;
  }

  /**
   * Discards the unreported sessions: they belong to the previous owner. A power cut during this may count some
   * twice.
   */
  discardUnreported(): void {
    const { log, reporter } = this._options;
    const count = log.length;
    if (count === 0) return;
    log.heldSlot = undefined;
    log.countGivenUp(count);
    this._write();
    for (const slot of [...log.slots]) log.remove(slot);
    this._undated = undefined;
    reporter.reportFault({
      code: "sessions-of-previous-owner",
      message: `${count} unreported sessions of the previous owner were discarded; ${log.givenUp} in total`,
    });
  }

  /** Writes the session under way, so that the next run can resume it. */
  close(): void {
    this._options.clock.clear(this._timer);
    if (this._running) this._write();
    this._running = undefined;
  }

  /** Logs a session. One that ended at `endedMs` without a wall clock is dated later. */
  private _finish(session: FinishedSession, endedMs?: number): void {
    const { log, listener, awaitsReading } = this._options;
    // A power cut before the last reading leaves the session as one whose meter was not read.
    const slot = log.add(awaitsReading ? { meterFault: UNREAD, ...session } : session);
    if (awaitsReading) log.heldSlot = slot;
    this._undated?.delete(slot);
    if (session.start === undefined && endedMs !== undefined) {
      this._undated ??= new Map();
      this._undated.set(slot, endedMs);
    }
    this._write();
    listener.handleSessionFinished();
  }

  private _dateFinished(): void {
    const nowMs = this._options.clock.monotonicMs();
    const nowS = this._epochS(nowMs);
    if (nowS === undefined) return;
    this._undated?.forEach((endedMs, slot) => {
      const end = nowS - Math.floor((nowMs - endedMs) / 1000);
      const date = (session: FinishedSession) => ({ ...session, end, start: end - session.seconds });
      if (this._options.log.correct(slot, date)) this._undated?.delete(slot);
    });
  }

  /** Returns the state of a session at a monotonic time. A resumed session has a start: see `interruptedAt`. */
  private _current({ state, sinceMs, secondsBefore }: Running, atMs: number): SessionState {
    const seconds = secondsBefore + Math.floor((atMs - sinceMs) / 1000);
    const atS = this._epochS(atMs);
    const start = state.start ?? (atS === undefined ? undefined : atS - seconds);
    return { ...state, seconds, start };
  }

  /** Returns the wall clock at a monotonic time; `undefined` while it is unknown. */
  private _epochS(atMs: number): number | undefined {
    const { clock } = this._options;
    const epochMs = clock.epochMs();
    return epochMs === undefined ? undefined : Math.floor((epochMs - clock.monotonicMs() + atMs) / 1000);
  }

  /** Writes the book. A failure is reported and does not stop the session. */
  private _write(): void {
    const { clock, record, meter, log, reporter } = this._options;
    const nowMs = clock.monotonicMs();
    // The book may be the only stored copy of a session that the log has in memory: write the log first.
    log.rewrite();
    if (this._running) this._running.state = this._current(this._running, nowMs);
    const session = this._running?.state;
    const wasOutOfDate = this._isOutOfDate;
    this._isOutOfDate = true;
    // A session that the log has only in memory is still in the stored book: keep it for the next run.
    if (!session && log.unwritten.size > 0) return;
    const meterWh = meter.energyWh;
    const at = session && this._epochS(nowMs);
    const problem = record.tryWrite({ meterWh, givenUp: log.givenUp, ownWh: meter.ownWh, session, at });
    if (problem === undefined) {
      this._writtenWh = meterWh;
      this._isOutOfDate = false;
    } else if (!wasOutOfDate) {
      const message = `the session under way is not written: ${problem}`;
      reporter.reportFault({ code: "session-not-stored", message });
    }
  }
}
