import type { StoredRecord } from "../settings/index.js";
import { type FinishedSession, LOG_SLOTS, type LogEntry } from "./session.js";

export interface SessionLogOptions {
  /** The record of a slot, 0-63. */
  readonly record: (slot: number) => StoredRecord<LogEntry>;
  /** Given up before, as the book says. */
  readonly givenUp: number;
  readonly report: (line: string) => void;
}

/** Sessions in memory while the storage does not take them, at most. */
const MAX_UNWRITTEN = 8;

/**
 * Finished sessions that the platform has not accepted, in the storage, and in memory as long as it does not take
 * them. When all slots are taken a new one takes the place of the oldest.
 */
export class SessionLog {
  private _options: SessionLogOptions;
  /** Slots in use, the oldest session first. */
  private _slots: number[];
  private _unwritten = new Map<number, LogEntry>();
  private _nextOrder = 0;
  private _givenUp: number;
  /** The ids that were there at the start, so that nobody finishes a session twice. */
  readonly idsAtStart: ReadonlySet<string>;
  /** Where the meter was at the end of the latest session that was there at the start, in Wh; 0 for none. */
  readonly latestWhAtStart: number;

  constructor(options: SessionLogOptions) {
    this._options = options;
    this._givenUp = options.givenUp;
    const ids = new Set<string>();
    let latestWh = 0;
    const found: { slot: number; order: number }[] = [];
    for (let slot = 0; slot < LOG_SLOTS; slot++) {
      const entry = options.record(slot).read();
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

  /** The slots in use, the oldest session first. */
  get slots(): readonly number[] {
    return this._slots;
  }

  /** What is in memory only, by its slot, the oldest first. */
  get unwritten(): ReadonlyMap<number, LogEntry> {
    return this._unwritten;
  }

  /** Sessions that were given up, since the flash was erased. */
  get givenUp(): number {
    return this._givenUp;
  }

  /** As many are about to be removed that the platform has not accepted. */
  countGivenUp(count: number): void {
    this._givenUp += count;
  }

  read(slot: number): FinishedSession | undefined {
    return this._entry(slot)?.session;
  }

  /** Keeps a session, and returns its slot. One write does it, also where it takes the place of another. */
  add(session: FinishedSession): number {
    const slot = this._slotForOne();
    if (this._slots.includes(slot)) this._givenUp++;
    this._slots = this._slots.filter((one) => one !== slot);
    this._slots.push(slot);
    this._unwritten.delete(slot);
    const entry = { order: this._nextOrder++, givenUp: this._givenUp, session };
    const failure = this._write(slot, entry);
    if (failure !== undefined) {
      this._unwritten.set(slot, entry);
      this._options.report(`sessions: not stored: ${failure}`);
    }
    return slot;
  }

  /** Tries again to write what is in memory only. */
  rewrite(): void {
    this._unwritten.forEach((entry, slot) => {
      this._write(slot, entry);
    });
  }

  /** Replaces what a slot holds, in its place in the order. `false`: the storage does not take it. */
  correct(slot: number, change: (session: FinishedSession) => FinishedSession): boolean {
    const before = this._entry(slot);
    if (!before) return true;
    const entry = { ...before, session: change(before.session) };
    if (this._unwritten.has(slot)) this._unwritten.set(slot, entry);
    return this._write(slot, entry) === undefined;
  }

  remove(slot: number): void {
    this._slots = this._slots.filter((one) => one !== slot);
    this._unwritten.delete(slot);
    this._options.record(slot).clear();
  }

  private _entry(slot: number): LogEntry | undefined {
    return this._unwritten.get(slot) ?? this._options.record(slot).read();
  }

  /** A free one; the oldest one's when there is none, or no more memory. */
  private _slotForOne(): number {
    const [unwritten] = this._unwritten.keys();
    if (unwritten !== undefined && this._unwritten.size === MAX_UNWRITTEN) return unwritten;
    for (let slot = 0; slot < LOG_SLOTS; slot++) if (!this._slots.includes(slot)) return slot;
    return this._slots[0] ?? 0;
  }

  /** Returns why not. */
  private _write(slot: number, entry: LogEntry): string | undefined {
    try {
      this._options.record(slot).write(entry);
      this._unwritten.delete(slot);
      return undefined;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      return error.message;
    }
  }
}
