/** How long the same failure is not said again. */
const QUIET_MS = 10 * 60_000;

/** Where work fails without ending the platform and its broker: a disk is full, a database is busy. */
export class ErrorBarrier {
  #say: (why: string) => void;
  #now: () => number;
  /** By what was said, when. */
  #said = new Map<string, number>();

  constructor(say: (why: string) => void = () => {}, now: () => number = Date.now) {
    this.#say = say;
    this.#now = now;
  }

  /** Gives what the work gives; `undefined` when it fails, which is said, once for a while. */
  run<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      this.#tell(error instanceof Error ? error.message : String(error));
      return undefined;
    }
  }

  #tell(why: string): void {
    const now = this.#now();
    for (const [text, atMs] of this.#said) if (now - atMs >= QUIET_MS) this.#said.delete(text);
    if (this.#said.has(why)) return;
    this.#said.set(why, now);
    this.#say(why);
  }
}
