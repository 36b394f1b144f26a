import type { Clock } from "../board/index.js";

interface Answer {
  readonly untilMs: number;
  readonly maxCurrentA: number | undefined;
}

/** Highest number of cached answers. A further answer replaces the oldest. */
const MAX_ANSWERS = 64;
/** Length of a key: the first hex digits of the hash, 128 bits. */
const KEY_CHARS = 32;

/** Cache of the platform's answers by tag hash, each for the time that the platform allowed. A restart empties it. */
export class AnswerCache {
  private readonly _clock: Pick<Clock, "monotonicMs">;
  private readonly _answers = new Map<string, Answer>();

  constructor({ clock }: { clock: Pick<Clock, "monotonicMs"> }) {
    this._clock = clock;
  }

  get size(): number {
    return this._answers.size;
  }

  /** Caches that the platform authorized a tag, for `cacheForS` seconds. */
  allow(hash: string, cacheForS: number, maxCurrentA: number | undefined): void {
    const untilMs = this._clock.monotonicMs() + cacheForS * 1000;
    this.forget(hash);
    this._answers.set(hash.slice(0, KEY_CHARS), { untilMs, maxCurrentA });
    const oldest = this._answers.keys().next().value;
    if (this._answers.size > MAX_ANSWERS && oldest !== undefined) this._answers.delete(oldest);
  }

  forget(hash: string): void {
    this._answers.delete(hash.slice(0, KEY_CHARS));
  }

  clear(): void {
    this._answers.clear();
  }

  get(hash: string): { maxCurrentA: number | undefined } | undefined {
    const answer = this._answers.get(hash.slice(0, KEY_CHARS));
    if (!answer || answer.untilMs <= this._clock.monotonicMs()) return undefined;
    return { maxCurrentA: answer.maxCurrentA };
  }
}
