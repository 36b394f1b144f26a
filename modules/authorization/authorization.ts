import type { Clock, Crypto, IO, Timer } from "../board/index.js";
import type { Admission, Charging } from "../charging/index.js";
import { AttemptLimiter } from "../limits/index.js";
import { type AttemptResult, resultOf, resultOfFailure } from "./result.js";
import { isTag, tagEnd, tagHash } from "./tag.js";
import type { Card, Method, Verdict, Verifier } from "./verifier.js";

/** Receives changes and results of attempts. */
export interface AuthorizationListener {
  /** `isBusy` may have changed. */
  handleBusyChanged(): void;
  /** An attempt has ended, and its source has received the result. */
  handleResult(card: Card, result: AttemptResult): void;
}

export interface AuthorizationOptions {
  readonly clock: Clock;
  readonly crypto: Pick<Crypto, "sha256">;
  /** Verifiers in the order of their requests. */
  readonly verifiers: readonly Verifier[];
  readonly charging: Pick<Charging, "admit">;
  /** Highest current that an authorization may allow, A. */
  readonly maxCurrentA: number;
  readonly listener: AuthorizationListener;
  /** Time limit of an attempt over all verifiers, ms. The phone has to receive the result within 15 s. */
  readonly attemptTimeoutMs?: number;
  /** Highest number of attempts per minute: of one source, and of all sources together. */
  readonly attemptsPerMinute: { readonly source: number; readonly station: number };
}

/** Time limit of an attempt, ms: one second less than the time within which a phone receives its result. */
const ATTEMPT_TIMEOUT_MS = 14_000;
const MINUTE_MS = 60_000;

interface Attempt {
  readonly card: Card;
  readonly admission: Admission;
  readonly done: (result: AttemptResult) => void;
  /** Failure of the first verifier that could not decide. */
  failure: AttemptResult | undefined;
  verification: IO | undefined;
  timer: Timer | undefined;
}

/** Source of tags (a phone's connection, the card reader) with its own rate limit. */
export interface TagSource {
  /**
   * Verifies a tag. Calls `done` exactly once, during this call or later, within the time limit of an attempt. An attempt
   * that `Authorization.close` cancels gets no result.
   */
  attempt(tag: string, done: (result: AttemptResult) => void): void;
}

/**
 * Runs attempts to authorize a tag: one at a time for the station, each with exactly one result. An attempt continues
 * when its source disconnects.
 */
export class Authorization implements IO {
  private readonly _options: AuthorizationOptions;
  private readonly _stationLimiter: AttemptLimiter;
  private _running: Attempt | undefined;

  constructor(options: AuthorizationOptions) {
    this._options = options;
    this._stationLimiter = this._newLimiter(options.attemptsPerMinute.station);
  }

  /** Whether an attempt is running. Another one would be refused with 423. */
  get isBusy(): boolean {
    return this._running !== undefined;
  }

  /** Makes a source of tags. */
  source(method: Method): TagSource {
    const limiter = this._newLimiter(this._options.attemptsPerMinute.source);
    return new LimitedSource({ authorization: this, method, limiter });
  }

  /** Runs an attempt of a source. */
  attempt(card: Card, limiter: AttemptLimiter, done: (result: AttemptResult) => void): void {
    this._attempt(card, limiter, (result) => {
      done(result);
      this._options.listener.handleResult(card, result);
    });
  }

  /** Cancels the running attempt without a result. */
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
    this._verify(attempt, 0);
    this._options.listener.handleBusyChanged();
  }

  /**
   * Returns the reason to refuse an attempt. Rate limits come first, so that a source that guesses tags learns
   * nothing.
   */
  private _refusal(card: Card, sourceLimiter: AttemptLimiter): AttemptResult | undefined {
    if (!sourceLimiter.take() || !this._stationLimiter.take()) return resultOf(429, "too many attempts");
    if (!isTag(card.tag)) return resultOf(400, "the tag is not 4-64 characters of A-Z a-z 0-9 . _ : -");
    if (this._running) return resultOf(423, "another attempt is running");
    return undefined;
  }

  private _verify(attempt: Attempt, index: number): void {
    const verifier = this._options.verifiers[index];
    if (!verifier) throw new Error("authorization needs a verifier");
    attempt.verification = verifier.verify(attempt.card, (verdict) =>
      this._handleVerdict(attempt, index, verdict),
    );
  }

  private _handleVerdict(attempt: Attempt, index: number, verdict: Verdict): void {
    switch (verdict.type) {
      case "authorized":
        this._finish(attempt, this._authorize(attempt, verdict));
        break;
      case "rejected":
        this._finish(attempt, resultOf(403, verdict.reason));
        break;
      case "failed": {
        const result = resultOfFailure(verdict.failure);
        const mayContinue = result.code === 408 || result.code === 503;
        attempt.failure ??= result;
        if (mayContinue && index + 1 < this._options.verifiers.length) this._verify(attempt, index + 1);
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
      : resultOf(409, "the vehicle has left, or was stopped");
  }
}

/** A source of tags with its own rate limit. */
class LimitedSource implements TagSource {
  private readonly _authorization: Authorization;
  private readonly _method: Method;
  private readonly _limiter: AttemptLimiter;

  constructor(options: { authorization: Authorization; method: Method; limiter: AttemptLimiter }) {
    this._authorization = options.authorization;
    this._method = options.method;
    this._limiter = options.limiter;
  }

  attempt(tag: string, done: (result: AttemptResult) => void): void {
    this._authorization.attempt({ tag, method: this._method }, this._limiter, done);
  }
}
