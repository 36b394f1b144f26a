/** What becomes of cards at the reader, as whoever stands there hears it: each swipe has exactly one result. */

import { SIGNAL_PATTERNS } from "../../../modules/indicator/index.js";
import type { Scene } from "../../virtual/scene.js";
import type { EventLog } from "./event-log.js";

export interface SwipesOptions {
  readonly scene: Scene;
  readonly eventLog: Pick<EventLog, "reportViolation" | "count">;
}

/** A result, and its signal, are over by then. */
const RESULT_MS = 25_000;
/** A card that is learned waits for 16 others, four at a time and each for 10 s, and then for itself. */
const MAX_WAIT_MS = 61_000;

export class Swipes {
  #options: SwipesOptions;
  /** When the latest card came, from a phone or at the reader, or has its turn; and how many came. */
  #latestMs = Number.NEGATIVE_INFINITY;
  #cards = 0;
  /** Since the latest card: how long the buzzer was on and off. */
  #heard: number[] = [];
  #changedMs = 0;
  /** When cards of a pile were swiped. */
  #lessonMs = new Map<unknown, number>();

  constructor(options: SwipesOptions) {
    this.#options = options;
    const { buzzer } = options.scene.device;
    buzzer.watch(() => {
      const now = this.#now;
      // What comes before the first sound is no part of it.
      if (this.#heard.length > 0 || !buzzer.isOn) this.#heard.push(now - this.#changedMs);
      this.#changedMs = now;
    });
  }

  /** A card that is not at the reader, but has a result that is heard there, too. */
  disturb(): void {
    this.#latestMs = Math.max(this.#latestMs, this.#now);
    this.#cards++;
    this.#heard = [];
  }

  /** A card is swiped now. With others before or after it nobody knows whose result is heard. */
  note(tag: string): void {
    const { scene, eventLog } = this.#options;
    const isAlone = this.#now - this.#latestMs > RESULT_MS && scene.device.isRunning;
    this.disturb();
    if (!isAlone) return;
    const cards = this.#cards;
    const ends = scene.under.ends.length;
    scene.clock.set(() => {
      if (cards !== this.#cards || ends !== scene.under.ends.length) return;
      eventLog.count("swipe alone");
      const heard = [...this.#heard.map(Math.round), PAUSE].join(" ");
      if (!SIGNALS.has(heard))
        eventLog.reportViolation(`the card ${tag} was swiped, and heard was: ${heard}`);
    }, RESULT_MS);
  }

  /** A card is swiped to be learned. */
  noteLesson(tag: string): void {
    this.disturb();
    this.#latestMs = this.#now + MAX_WAIT_MS;
    this.#lessonMs.set(tag, this.#now);
  }

  /** The platform is asked to learn a card. */
  noteLearned(tag: unknown): void {
    const sinceMs = this.#lessonMs.get(tag);
    if (sinceMs !== undefined && this.#now - sinceMs > MAX_WAIT_MS)
      this.#options.eventLog.reportViolation(
        `the card ${tag} has waited for the platform for ${this.#now - sinceMs} ms`,
      );
  }

  get #now(): number {
    return this.#options.scene.clock.monotonicMs();
  }
}

/** What each signal sounds like; the pause at its end cannot be heard. */
const PAUSE = "…";
const SIGNALS = new Set(
  Object.values(SIGNAL_PATTERNS).map((pattern) => [...pattern.slice(0, -1), PAUSE].join(" ")),
);
