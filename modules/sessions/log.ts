import type { StoredRecord } from "../settings/index.js";
import { type FinishedSession, LOG_SLOTS, type LogEntry } from "./session.js";

export interface SessionLogOptions {
  /** The record of a slot, 0-63. */
  readonly record: (slot: number) => StoredRecord<LogEntry>;
  readonly report: (line: string) => void;
}

/** Finished sessions that the platform has not accepted, in the storage; the oldest is given up for a new one. */
export class SessionLog {
  private _options: SessionLogOptions;
  /** Slots in use, the oldest session first. */
  private _slots: number[];
  private _nextOrder = 0;
  /** The ids that were there at the start, so that nobody finishes a session twice. */
  readonly idsAtStart: ReadonlySet<string>;
  /** Where the meter was at the end of the latest session that was there at the start, in Wh; 0 for none. */
  readonly latestWhAtStart: number;

  constructor(options: SessionLogOptions) {
    this._options = options;
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

  read(slot: number): FinishedSession | undefined {
    return this._options.record(slot).read()?.session;
  }

  /** Keeps a session. Returns its slot, and how many others, or itself, were given up for want of room. */
  add(session: FinishedSession): { slot: number | undefined; givenUp: number } {
    for (let givenUp = 0; ; givenUp++) {
      const slot = this._freeSlot();
      if (slot !== undefined && this._write(slot, { order: this._nextOrder, session })) {
        this._nextOrder++;
        this._slots.push(slot);
        return { slot, givenUp };
      }
      const oldest = this._slots[0];
      if (oldest === undefined) return { slot: undefined, givenUp: givenUp + 1 };
      this.remove(oldest);
    }
  }

  /** Replaces what a slot holds, in its place in the order. */
  correct(slot: number, change: (session: FinishedSession) => FinishedSession): void {
    const entry = this._options.record(slot).read();
    if (entry) this._write(slot, { order: entry.order, session: change(entry.session) });
  }

  remove(slot: number): void {
    this._slots = this._slots.filter((one) => one !== slot);
    this._options.record(slot).clear();
  }

  private _freeSlot(): number | undefined {
    for (let slot = 0; slot < LOG_SLOTS; slot++) if (!this._slots.includes(slot)) return slot;
    return undefined;
  }

  private _write(slot: number, entry: LogEntry): boolean {
    try {
      this._options.record(slot).write(entry);
      return true;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this._options.report(`sessions: not stored: ${error.message}`);
      return false;
    }
  }
}
