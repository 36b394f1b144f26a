/** Tag learning: for five minutes, each card at the reader is registered as a tag of the owner. */

import { tagEnd } from "../../modules/authorization/index.js";
import type { Board, IO, Timer } from "../../modules/board/index.js";
import type { FaultReporter } from "../../modules/faults/index.js";
import type { Indicator } from "../../modules/indicator/index.js";
import { textField } from "../../modules/json/index.js";
import { AttemptLimiter } from "../../modules/limits/index.js";
import type { Requester } from "../../modules/requests/index.js";
import type { ChargerListener } from "./charger-listener.js";

export interface TagLearningOptions {
  readonly board: Board;
  readonly platform: Requester;
  readonly indicator: Pick<Indicator, "signal">;
  readonly reporter: FaultReporter;
  /** `isOn` has changed. */
  readonly listener: Pick<ChargerListener, "handleChargerChanged">;
}

/** Tag learning turns itself off after this time, ms. */
const LEARNING_MS = 5 * 60_000;
/** Highest number of learned cards per minute. */
const CARDS_PER_MINUTE = 30;
const MINUTE_MS = 60_000;
const MAX_TAG_ID_CHARS = 64;

export class TagLearning implements IO {
  private readonly _options: TagLearningOptions;
  private readonly _limiter: AttemptLimiter;
  private _timer: Timer | undefined;

  constructor(options: TagLearningOptions) {
    this._options = options;
    const { clock } = options.board;
    this._limiter = new AttemptLimiter({ clock, count: CARDS_PER_MINUTE, windowMs: MINUTE_MS });
  }

  get isOn(): boolean {
    return this._timer !== undefined;
  }

  set(isOn: boolean): void {
    const { board, listener } = this._options;
    board.clock.clear(this._timer);
    this._timer = isOn ? board.clock.set(() => this.set(false), LEARNING_MS) : undefined;
    board.log(`access: tag learning is ${isOn ? "on" : "off"}`);
    listener.handleChargerChanged();
  }

  /** Registers the tag of a card at the platform; the indicator shows the outcome. */
  learn(tag: string): void {
    const { board, platform, indicator } = this._options;
    const card = `the card …${tagEnd(tag)}`;
    if (!this._limiter.take()) {
      indicator.signal("failed");
      return;
    }
    if (!platform.isOnline) {
      this._reportNotLearned(card, "the station is not connected");
      indicator.signal("failed");
      return;
    }
    platform.request("create-tag", { tag }, (outcome) => {
      const isLearned = outcome.ok && textField(outcome.data, "tagId", MAX_TAG_ID_CHARS) !== undefined;
      indicator.signal(isLearned ? "learned" : "failed");
      if (isLearned) board.log(`access: ${card} was learned`);
      else this._reportNotLearned(card, outcome.ok ? "the response has no tagId" : outcome.failure.message);
    });
  }

  /** Refuses a card that the platform must not register. */
  refuse(why: string): void {
    this._options.indicator.signal("failed");
    this._reportNotLearned("the card", why);
  }

  close(): void {
    this._options.board.clock.clear(this._timer);
  }

  private _reportNotLearned(card: string, why: string): void {
    const message = `${card} was not learned: ${why}`;
    this._options.reporter.reportFault({ code: "card-not-learned", message });
  }
}
