import type { Schedule } from "../../platform-stub/schedule.js";

/** A schedule whose work runs when the test says so. */
export class FakeSchedule {
  readonly #waiting = new Set<() => void>();

  readonly schedule: Schedule = (work) => {
    this.#waiting.add(work);
    return () => this.#waiting.delete(work);
  };

  /** Number of scheduled works that have neither run nor been canceled. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Runs the scheduled work, as if all delays were over. */
  elapse(): void {
    const due = [...this.#waiting];
    this.#waiting.clear();
    for (const work of due) work();
  }
}
