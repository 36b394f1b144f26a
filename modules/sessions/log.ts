import type { FaultReporter } from "../faults/index.js";
import type { RecordSource, StoredRecord } from "../settings/index.js";
import { type FinishedSession, LOG_SLOTS, type LogEntry, logFormat } from "./session.js";

export interface SessionLogOptions {
  readonly records: RecordSource;
  /** Number of discarded sessions according to the book. */
  readonly givenUp: number;
  readonly reporter: FaultReporter;
}

/** Maximum number of sessions in memory while the storage fails. */
const MAX_UNWRITTEN = 8;

/**
 * Log of the finished sessions that the platform has not accepted. They are in the storage, or in memory while the
 * storage fails. When all slots are in use, a new session replaces the oldest.
 */
export class SessionLog {
  private readonly _records: RecordSource;
  private readonly _reporter: FaultReporter;
  /** Slots in use, the oldest session first. */
  private _slots: number[];
  private readonly _unwritten = new Map<number, LogEntry>();
  private _nextOrder = 0;
  /** Slot of a session that must not be reported yet. */
  heldSlot: number | undefined;
  private _givenUp: number;
  /** Ids of the sessions found at the start. A session that is in the log must not be finished again. */
  readonly idsAtStart: ReadonlySet<string>;
  /** Meter reading at the end of the latest session found at the start, Wh; 0 without one. */
  readonly latestWhAtStart: number;

  constructor(options: SessionLogOptions) {
    this._records = options.records;
    this._reporter = options.reporter;
    this._givenUp = options.givenUp;
    const ids = new Set<string>();
    let latestWh = 0;
    const found: { slot: number; order: number }[] = [];
    for (let slot = 0; slot < LOG_SLOTS; slot++) {
      const entry = this._record(slot).read();
      if (!entry) continue;
      found.push({ slot, order: entry.order });
      ids.add(entry.session.id);
      latestWh = Math.max(latestWh, entry.session.endWh);
      this._nextOrder = Math.max(this._nextOrder, entry.order + 1);
      this._givenUp = Math.max(this._givenUp, entry.givenUp);
    }
    this._slots = found.sort((a, b) => a.order - b.order).map(({ slot }) => slot);
    this.idsAtStart = ids;
    this.latestWhAtStart = latestWh;
  }

  get length(): number {
    return this._slots.length;
  }

  /** The slots whose sessions can be reported, the oldest session first. */
  get slots(): readonly number[] {
    return this.heldSlot === undefined ? this._slots : this._slots.filter((one) => one !== this.heldSlot);
  }

  /** Entries that are only in memory, by slot, the oldest first. */
  get unwritten(): ReadonlyMap<number, LogEntry> {
    return this._unwritten;
  }

  /** Number of unreported sessions discarded since the flash was erased. */
  get givenUp(): number {
    return this._givenUp;
  }

  /** Counts unreported sessions that the caller is about to remove. */
  countGivenUp(count: number): void {
    this._givenUp += count;
  }

  /** Reads the session of a slot; `undefined` when the slot is empty or unreadable. */
  read(slot: number): FinishedSession | undefined {
    return this._entry(slot)?.session;
  }

  /** Stores a session in a single write, also when it replaces another. Returns its slot. */
  add(session: FinishedSession): number {
    const slot = this._nextSlot();
    const replaces = this._slots.includes(slot);
    if (replaces) this._givenUp++;
    this._slots = this._slots.filter((one) => one !== slot);
    this._slots.push(slot);
    this._unwritten.delete(slot);
    if (this.heldSlot === slot) this.heldSlot = undefined;
    const entry = { order: this._nextOrder++, givenUp: this._givenUp, session };
    const failure = this._write(slot, entry);
    if (failure !== undefined) {
      this._unwritten.set(slot, entry);
      const message = `a finished session is only in memory: ${failure}`;
      this._reporter.reportFault({ code: "session-not-stored", message });
    }
    if (replaces) {
      this._reporter.reportFault({
        code: "session-log-full",
        message: `the oldest unreported session was discarded; ${this._givenUp} in total`,
      });
    }
    return slot;
  }

  /** Retries to write the entries that are only in memory. */
  rewrite(): void {
    this._unwritten.forEach((entry, slot) => {
      this._write(slot, entry);
    });
  }

  /** Changes the session of a slot and keeps its order. Returns `false` when the storage fails. */
  correct(slot: number, change: (session: FinishedSession) => FinishedSession): boolean {
    const before = this._entry(slot);
    if (!before) return true;
    const entry = { ...before, session: change(before.session) };
    if (this._unwritten.has(slot)) this._unwritten.set(slot, entry);
    return this._write(slot, entry) === undefined;
  }

  /** Removes the session of a slot. */
  remove(slot: number): void {
    this._slots = this._slots.filter((one) => one !== slot);
    this._unwritten.delete(slot);
    this._record(slot).clear();
  }

  private _record(slot: number): StoredRecord<LogEntry> {
    return this._records.open(logFormat(slot));
  }

  private _entry(slot: number): LogEntry | undefined {
    return this._unwritten.get(slot) ?? this._record(slot).read();
  }

  /** Returns a free slot, or the slot of the oldest session when all slots or the memory are full. */
  private _nextSlot(): number {
    const [unwritten] = this._unwritten.keys();
    if (unwritten !== undefined && this._unwritten.size === MAX_UNWRITTEN) return unwritten;
    for (let slot = 0; slot < LOG_SLOTS; slot++) if (!this._slots.includes(slot)) return slot;
    return this._slots[0] ?? 0;
  }

  /** Writes an entry. Returns the error message of the storage, if any. */
  private _write(slot: number, entry: LogEntry): string | undefined {
    const problem = this._record(slot).tryWrite(entry);
    if (problem === undefined) this._unwritten.delete(slot);
    return problem;
  }
}
