import type { Clock, Timer } from "../../../modules/board/index.js";

interface Entry extends Timer {
  callback: () => void;
  readonly periodMs: number | undefined;
  dueMs: number;
  /** Order of creation, for entries with the same time. */
  order: number;
  live: boolean;
}

/**
 * Virtual clock: time passes only on request. The same calls give the same order of callbacks on every
 * engine.
 */
export class VirtualClock implements Clock {
  #nowMs = 0;
  #epochAtStartMs: number | undefined;
  #order = 0;
  readonly #heap: Entry[] = [];

  /** @param epochAtStartMs known time at the start; undefined: the time is not known */
  constructor(options: { epochAtStartMs?: number } = {}) {
    this.#epochAtStartMs = options.epochAtStartMs;
  }

  /** Number of timers that are set. */
  get pending(): number {
    return this.#heap.filter(({ live }) => live).length;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  /** Sets, changes or clears the known time. Timers are not affected. */
  setEpochMs(epochMs: number | undefined): void {
    this.#epochAtStartMs = epochMs === undefined ? undefined : epochMs - this.#nowMs;
  }

  epochMs(): number | undefined {
    return this.#epochAtStartMs === undefined ? undefined : this.#epochAtStartMs + this.#nowMs;
  }

  set(callback: () => void, delayMs: number): Timer {
    if (!(delayMs >= 0)) throw new RangeError(`a timer needs a delay of 0 ms or more, not ${delayMs}`);
    return this.#add(callback, delayMs, undefined);
  }

  repeat(callback: () => void, periodMs: number): Timer {
    if (!(periodMs >= 1))
      throw new RangeError(`a repeating timer needs a period of 1 ms or more, not ${periodMs}`);
    return this.#add(callback, periodMs, periodMs);
  }

  clear(timer: Timer | undefined): void {
    if (!timer) return;
    (timer as Entry).live = false;
    // The entry stays until it is due. What its callback holds must not.
    (timer as Entry).callback = nothing;
  }

  /** Simulates a busy processor: timers that are due meanwhile fire late. */
  spend(durationMs: number): void {
    this.#nowMs += durationMs;
  }

  /** Advances the time and runs all timers that are due. */
  advance(durationMs: number): void {
    const untilMs = this.#nowMs + durationMs;
    while (this.#step(untilMs)) {}
    this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  /** Advances the time until `condition` holds, by at most `limitMs`. Returns whether it holds. */
  runUntil(condition: () => boolean, limitMs: number): boolean {
    const untilMs = this.#nowMs + limitMs;
    while (!condition()) {
      if (!this.#step(untilMs)) {
        this.#nowMs = Math.max(this.#nowMs, untilMs);
        return condition();
      }
    }
    return true;
  }

  /** Runs the next timer that is due by then. Returns `false` if no timer is due. */
  #step(untilMs: number): boolean {
    for (let entry = this.#heap[0]; entry && entry.dueMs <= untilMs; entry = this.#heap[0]) {
      this.#removeFirst();
      if (!entry.live) continue;
      this.#nowMs = Math.max(this.#nowMs, entry.dueMs);
      const { callback } = entry;
      if (entry.periodMs === undefined) this.clear(entry);
      else this.#insert(entry, this.#nowMs + entry.periodMs);
      callback();
      return true;
    }
    return false;
  }

  #add(callback: () => void, delayMs: number, periodMs: number | undefined): Timer {
    const entry: Entry = { kind: "timer", callback, periodMs, dueMs: 0, order: 0, live: true };
    this.#insert(entry, this.#nowMs + delayMs);
    return entry;
  }

  #insert(entry: Entry, dueMs: number): void {
    entry.dueMs = dueMs;
    entry.order = this.#order++;
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!comesBefore(entry, heap[parent])) break;
      heap[at] = heap[parent] as Entry;
      at = parent;
    }
    heap[at] = entry;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && comesBefore(heap[child + 1] as Entry, heap[child])) child++;
      if (!comesBefore(heap[child] as Entry, last)) break;
      heap[at] = heap[child] as Entry;
      at = child;
    }
    heap[at] = last;
  }
}

function nothing(): void {}

function comesBefore(a: Entry, b: Entry | undefined): boolean {
  return b === undefined || a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}
