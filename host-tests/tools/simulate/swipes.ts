/** Observes the results of swiped cards at the reader's buzzer: each swipe has exactly one result. */

import { SIGNAL_PATTERNS } from "../../../modules/indicator/index.js";
import type { Scene } from "../../virtual/scene.js";
import type { EventLog } from "./event-log.js";

export interface SwipesOptions {
  readonly scene: Scene;
  readonly eventLog: Pick<EventLog, "reportViolation" | "count">;
  /** Latest time at which the firmware was busy, ms: a signal is longer then. */
  readonly latestStallMs: () => number;
}

/** Time after which a result and its signal are over, ms. */
const RESULT_MS = 25_000;
/**
 * Maximum wait of a learned card for the platform, ms: 16 other cards, four at a time and 10 s each, then its
 * own request.
 */
const MAX_WAIT_MS = 61_000;

export class Swipes {
  readonly #options: SwipesOptions;
  /** Time of the latest card, from a phone or at the reader, ms. */
  #latestCardMs = Number.NEGATIVE_INFINITY;
  #cardCount = 0;
  /** Durations for which the buzzer was on and off since the latest card, ms. */
  #durations: number[] = [];
  #changedMs = 0;
  /** Times at which the cards of a pile were swiped, ms. */
  readonly #learnedMs = new Map<unknown, number>();

  constructor(options: SwipesOptions) {
    this.#options = options;
    const { buzzer } = options.scene.device;
    buzzer.watch(() => {
      const now = this.#now;
      // The pause before the first sound is not part of the signal.
      if (this.#durations.length > 0 || !buzzer.isOn) this.#durations.push(now - this.#changedMs);
      this.#changedMs = now;
    });
  }

  /** Records a card from a phone: its result also sounds at the reader. */
  recordOtherCard(): void {
    this.#latestCardMs = Math.max(this.#latestCardMs, this.#now);
    this.#cardCount++;
    this.#durations = [];
  }

  /**
   * Records a swiped card. Its signal is checked only if no other card comes near it: otherwise results are
   * ambiguous.
   */
  recordSwipe(tag: string): void {
    const { scene, eventLog } = this.#options;
    const { isRunning, pn532 } = scene.device;
    const canRead = isRunning && pn532?.responds !== false;
    const isAlone = this.#now - this.#latestCardMs > RESULT_MS && canRead;
    this.recordOtherCard();
    if (!isAlone) return;
    const cards = this.#cardCount;
    const ends = scene.under.ends.length;
    scene.clock.set(() => {
      if (cards !== this.#cardCount || ends !== scene.under.ends.length) return;
      if (this.#now - this.#options.latestStallMs() < RESULT_MS) return;
      eventLog.count("swipe alone");
      const sounds = [...this.#durations.map(Math.round), PAUSE].join(" ");
      if (!SIGNALS.has(sounds))
        eventLog.reportViolation(`the card ${tag} was swiped, and the buzzer sounded: ${sounds}`);
    }, RESULT_MS);
  }

  /** Records a card swiped for learning. */
  recordLearnedCard(tag: string): void {
    this.recordOtherCard();
    this.#latestCardMs = this.#now + MAX_WAIT_MS;
    this.#learnedMs.set(tag, this.#now);
  }

  /** Handles a request to the platform to learn a card. */
  onLearnRequest(tag: unknown): void {
    const sinceMs = this.#learnedMs.get(tag);
    if (sinceMs !== undefined && this.#now - sinceMs > MAX_WAIT_MS)
      this.#options.eventLog.reportViolation(
        `the card ${tag} has waited for the platform for ${this.#now - sinceMs} ms`,
      );
  }

  get #now(): number {
    return this.#options.scene.clock.monotonicMs();
  }
}

/** Sound of each signal. The pause at its end is silent, so it is not compared. */
const PAUSE = "…";
const SIGNALS = new Set(
  Object.values(SIGNAL_PATTERNS).map((pattern) => [...pattern.slice(0, -1), PAUSE].join(" ")),
);
