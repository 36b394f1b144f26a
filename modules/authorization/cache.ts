import type { Clock } from "../board/index.js";
import { BoundedMap } from "../limits/index.js";

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
  private readonly _answers = new BoundedMap<string, Answer>(MAX_ANSWERS);

  constructor({ clock }: { clock: Pick<Clock, "monotonicMs"> }) {
    this._clock = clock;
  }

  get size(): number {
    return this._answers.size;
  }

  /** Caches that the platform authorized a tag, for `cacheForS` seconds. */
  allow(hash: string, cacheForS: number, maxCurrentA: number | undefined): void {
    const untilMs = this._clock.monotonicMs() + cacheForS * 1000;
    this._answers.set(hash.slice(0, KEY_CHARS), { untilMs, maxCurrentA });
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
