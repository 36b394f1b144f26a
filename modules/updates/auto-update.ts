import { Backoff } from "../backoff/index.js";
import type { Board, IO, Timer } from "../board/index.js";
import { asUint8Array } from "../bytes/index.js";
import { JITTER_MS, nextCheck, parseTimeOfDay } from "./schedule.js";

export interface AutoUpdateOptions {
  readonly board: Pick<Board, "clock" | "crypto">;
  /** `HH:MM`, UTC; `undefined`: it does not look by itself. */
  readonly time: () => string | undefined;
  readonly look: () => void;
}

const POLL_MS = 60_000;
const DAY_MS = 24 * 60 * 60_000;
const MIN_RETRY_MS = 10 * 60_000;
const MAX_RETRY_MS = 2 * 60 * 60_000;
/** After that it is tomorrow's. */
const MAX_RETRIES = 5;

/** Looks for an update once a day, at the time that the owner has set and up to 30 minutes later. */
export class AutoUpdate implements IO {
  #options: AutoUpdateOptions;
  #backoff: Backoff;
  #poll: Timer;
  #retry: Timer | undefined;
  #retries = 0;
  /** What `#dueMs` was made for. */
  #time: string | undefined;
  /** ms since 1970. */
  #dueMs: number | undefined;

  constructor(options: AutoUpdateOptions) {
    this.#options = options;
    const { clock, crypto } = options.board;
    this.#backoff = new Backoff({ minMs: MIN_RETRY_MS, maxMs: MAX_RETRY_MS, random: crypto.random });
    this.#poll = clock.repeat(() => this.#follow(), POLL_MS);
  }

  /** The latest look failed for a reason that may pass. */
  tryAgain(): void {
    if (this.#retries >= MAX_RETRIES || this.#options.time() === undefined) return;
    this.#retries++;
    this.#options.board.clock.clear(this.#retry);
    this.#retry = this.#options.board.clock.set(() => this.#options.look(), this.#backoff.next());
  }

  close(): void {
    this.#options.board.clock.clear(this.#poll);
    this.#options.board.clock.clear(this.#retry);
  }

  /** The clock may jump, and the owner may change the time. */
  #follow(): void {
    const { board, time } = this.#options;
    const epochMs = board.clock.epochMs();
    const text = time();
    const timeOfDay = text === undefined ? undefined : parseTimeOfDay(text);
    if (epochMs === undefined || timeOfDay === undefined) {
      this.#dueMs = undefined;
      return;
    }
    const due = this.#dueMs;
    if (due === undefined || text !== this.#time || due - epochMs > DAY_MS + JITTER_MS) {
      this.#time = text;
      this.#dueMs = nextCheck(epochMs, timeOfDay, this.#fraction());
    } else if (epochMs >= due) {
      this.#dueMs = nextCheck(epochMs, timeOfDay, this.#fraction());
      this.#retries = 0;
      this.#backoff.reset();
      this.#options.look();
    }
  }

  #fraction(): number {
    const [high = 0, low = 0] = asUint8Array(this.#options.board.crypto.random(2));
    return (high * 256 + low) / 0x10000;
  }
}
