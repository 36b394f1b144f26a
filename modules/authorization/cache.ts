import type { Clock } from "../board/index.js";

interface Answer {
  readonly untilMs: number;
  readonly maxCurrentA: number | undefined;
}

/** Answers at most; the one that was given the longest ago makes room. */
const MAX_ANSWERS = 64;
/** Of a hash, in hex digits: 128 bits. */
const KEY_CHARS = 32;

/** The platform's earlier answers, by the hashes of their tags, for as long as it allowed. A restart forgets them. */
export class AnswerCache {
  private _clock: Pick<Clock, "monotonicMs">;
  private _answers = new Map<string, Answer>();

  constructor({ clock }: { clock: Pick<Clock, "monotonicMs"> }) {
    this._clock = clock;
  }

  get size(): number {
    return this._answers.size;
  }

  /** The platform let a tag in and allows to remember that, for seconds. */
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
