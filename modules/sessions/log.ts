import type { StoredRecord } from "../settings/index.js";
import { type FinishedSession, LOG_SLOTS, type LogEntry } from "./session.js";

export interface SessionLogOptions {
  /** The record of a slot, 0-63. */
  readonly record: (slot: number) => StoredRecord<LogEntry>;
  readonly report: (line: string) => void;
}

/** Finished sessions that the platform has not accepted, in the storage; the oldest is given up for a new one. */
export class SessionLog {
  #options: SessionLogOptions;
  /** Slots in use, the oldest session first. */
  #slots: number[];
  #nextOrder = 0;
  /** The ids that were there at the start, so that nobody finishes a session twice. */
  readonly idsAtStart: ReadonlySet<string>;

  constructor(options: SessionLogOptions) {
    this.#options = options;
    const ids = new Set<string>();
    const found: { slot: number; order: number }[] = [];
    for (let slot = 0; slot < LOG_SLOTS; slot++) {
      const entry = options.record(slot).read();
      if (!entry) continue;
      found.push({ slot, order: entry.order });
      ids.add(entry.session.id);
      this.#nextOrder = Math.max(this.#nextOrder, entry.order + 1);
    }
    this.#slots = found.sort((a, b) => a.order - b.order).map(({ slot }) => slot);
    this.idsAtStart = ids;
  }

  get length(): number {
    return this.#slots.length;
  }

  /** The slots in use, the oldest session first. */
  get slots(): readonly number[] {
    return this.#slots;
  }

  read(slot: number): FinishedSession | undefined {
    return this.#options.record(slot).read()?.session;
  }

  /** Keeps a session. Returns its slot, and how many others, or itself, were given up for want of room. */
  add(session: FinishedSession): { slot: number | undefined; givenUp: number } {
    for (let givenUp = 0; ; givenUp++) {
      const slot = this.#freeSlot();
      if (slot !== undefined && this.#write(slot, { order: this.#nextOrder, session })) {
        this.#nextOrder++;
        this.#slots.push(slot);
        return { slot, givenUp };
      }
      const oldest = this.#slots[0];
      if (oldest === undefined) return { slot: undefined, givenUp: givenUp + 1 };
      this.remove(oldest);
    }
  }

  /** Replaces what a slot holds, in its place in the order. */
  correct(slot: number, change: (session: FinishedSession) => FinishedSession): void {
    const entry = this.#options.record(slot).read();
    if (entry) this.#write(slot, { order: entry.order, session: change(entry.session) });
  }

  remove(slot: number): void {
    this.#slots = this.#slots.filter((one) => one !== slot);
    this.#options.record(slot).clear();
  }

  #freeSlot(): number | undefined {
    for (let slot = 0; slot < LOG_SLOTS; slot++) if (!this.#slots.includes(slot)) return slot;
    return undefined;
  }

  #write(slot: number, entry: LogEntry): boolean {
    try {
      this.#options.record(slot).write(entry);
      return true;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.#options.report(`sessions: not stored: ${error.message}`);
      return false;
    }
  }
}
