import type { Clock, Crypto, IO, Timer } from "../board/index.js";
import type { Admission, Charging } from "../charging/index.js";
import { AttemptLimiter } from "./limiter.js";
import { type AttemptResult, resultOf } from "./result.js";
import { isTag, tagEnd, tagHash } from "./tag.js";
import type { Card, Method, Verdict, Verifier } from "./verifier.js";

export interface AuthorizationListener {
  /** `isBusy` may have changed. */
  handleBusyChanged(): void;
  /** An attempt has ended, and its source has received the result. */
  handleResult(card: Card, result: AttemptResult): void;
}

export interface AuthorizationOptions {
  readonly clock: Clock;
  readonly crypto: Pick<Crypto, "sha256">;
  /** Asked in this order. */
  readonly verifiers: readonly Verifier[];
  readonly charging: Pick<Charging, "admit">;
  /** Highest current that an authorization may allow, A. */
  readonly maxCurrentA: number;
  readonly listener: AuthorizationListener;
  /** The whole attempt, all verifiers together; with what it takes to tell the phone it stays within 15 s. */
  readonly attemptTimeoutMs?: number;
  /** Tags that may be presented in a minute: by one source, and by all together. */
  readonly attemptsPerMinute: { readonly source: number; readonly station: number };
}

const ATTEMPT_TIMEOUT_MS = 14_000;
const MINUTE_MS = 60_000;

interface Attempt {
  readonly card: Card;
  readonly admission: Admission;
  readonly done: (result: AttemptResult) => void;
  /** What the first verifier that could not say has said. */
  failure: AttemptResult | undefined;
  verification: IO | undefined;
  timer: Timer | undefined;
}

/** Somebody who presents tags (a phone's connection, the card reader), with limits of its own. */
export interface TagSource {
  /** Ends with exactly one result, from inside this call or later, within the attempt's time-out. */
  attempt(tag: string, done: (result: AttemptResult) => void): void;
}

/**
 * Decides what becomes of a tag: one attempt at a time for the station, each with exactly one result. An attempt
 * goes on when its source is gone: what a phone has asked for, happens.
 */
export class Authorization implements IO {
  private _options: AuthorizationOptions;
  private _stationLimiter: AttemptLimiter;
  private _running: Attempt | undefined;

  constructor(options: AuthorizationOptions) {
    this._options = options;
    this._stationLimiter = this._newLimiter(options.attemptsPerMinute.station);
  }

  /** An attempt is running; another one would be refused with 423. */
  get isBusy(): boolean {
    return this._running !== undefined;
  }

  source(method: Method): TagSource {
    const limiter = this._newLimiter(this._options.attemptsPerMinute.source);
    return {
      attempt: (tag, done) => {
        const card = { tag, method };
        this._attempt(card, limiter, (result) => {
          done(result);
          this._options.listener.handleResult(card, result);
        });
      },
    };
  }

  /** Forgets the attempt that runs, without a word. */
  close(): void {
    if (this._running) this._release(this._running);
    this._running = undefined;
  }

  private _newLimiter(count: number): AttemptLimiter {
    return new AttemptLimiter({ clock: this._options.clock, count, windowMs: MINUTE_MS });
  }

  private _attempt(card: Card, sourceLimiter: AttemptLimiter, done: (result: AttemptResult) => void): void {
    const refusal = this._refusal(card, sourceLimiter);
    if (refusal) {
      done(refusal);
      return;
    }
    const admission = this._options.charging.admit();
    if (!admission) {
      done(resultOf(409, "no vehicle is plugged, or a session is under way"));
      return;
    }
    const attempt: Attempt = {
      card,
      admission,
      done,
      failure: undefined,
      verification: undefined,
      timer: undefined,
    };
    this._running = attempt;
    attempt.timer = this._options.clock.set(
      () => this._finish(attempt, resultOf(408, "no verifier answered in time")),
      this._options.attemptTimeoutMs ?? ATTEMPT_TIMEOUT_MS,
    );
    this._ask(attempt, 0);
    this._options.listener.handleBusyChanged();
  }

  /** The limits come first: a source that tries tags out learns nothing beyond them. */
  private _refusal(card: Card, sourceLimiter: AttemptLimiter): AttemptResult | undefined {
    if (!sourceLimiter.take() || !this._stationLimiter.take()) return resultOf(429, "too many attempts");
    if (!isTag(card.tag)) return resultOf(400, "the tag is not 4-64 characters of A-Z a-z 0-9 . _ : -");
    if (this._running) return resultOf(423, "another attempt is running");
    return undefined;
  }

  private _ask(attempt: Attempt, index: number): void {
    const verifier = this._options.verifiers[index];
    if (!verifier) throw new Error("authorization needs a verifier");
    attempt.verification = verifier.verify(attempt.card, (verdict) => this._hear(attempt, index, verdict));
  }

  private _hear(attempt: Attempt, index: number, verdict: Verdict): void {
    switch (verdict.type) {
      case "authorized":
        this._finish(attempt, this._authorize(attempt, verdict));
        break;
      case "rejected":
        this._finish(attempt, resultOf(403, verdict.reason));
        break;
      case "failed": {
        const mayPass = verdict.code === 408 || verdict.code === 503;
        attempt.failure ??= resultOf(verdict.code, verdict.reason);
        if (mayPass && index + 1 < this._options.verifiers.length) this._ask(attempt, index + 1);
        else this._finish(attempt, attempt.failure);
        break;
      }
    }
  }

  private _finish(attempt: Attempt, result: AttemptResult): void {
    this._release(attempt);
    this._running = undefined;
    this._options.listener.handleBusyChanged();
    attempt.done(result);
  }

  private _release(attempt: Attempt): void {
    this._options.clock.clear(attempt.timer);
    attempt.verification?.close();
  }

  private _authorize(
    { card, admission }: Attempt,
    { maxCurrentA, by = "the platform" }: Verdict & { readonly type: "authorized" },
  ): AttemptResult {
    const { crypto, maxCurrentA: stationA } = this._options;
    const isAuthorized = admission.authorize({
      tag: tagHash(crypto, card.tag),
      tagEnd: tagEnd(card.tag),
      method: card.method,
      currentA: Math.min(stationA, maxCurrentA ?? stationA),
    });
    return isAuthorized
      ? resultOf(200, `authorized by ${by}`)
      : resultOf(409, "the vehicle has gone, or was stopped");
  }
}
