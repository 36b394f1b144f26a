import type { Clock, Crypto, IO, Timer } from "../board/index.js";
import { parseCardProof, type StationChallenge } from "../card-proof/index.js";
import type { Admission, Charging } from "../charging/index.js";
import { RefusalLimits, type RefusedTags, type SourceRefusals } from "./refusal-limits.js";
import { type AttemptResult, resultOf, resultOfFailure } from "./result.js";
import { isTag, tagEnd, tagHash } from "./tag.js";
import type { Card, Method, Verdict, Verifier } from "./verifier.js";

/** Receives changes and results of attempts. */
export interface AuthorizationListener {
  /** `isBusy` may have changed. */
  handleBusyChanged(): void;
  /** An attempt has ended, and its source has received the result. */
  handleResult(card: Card, result: AttemptResult): void;
  /** Many unknown tags were presented. Called at most once an hour. */
  handleGuessing(method: Method): void;
}

/** Rules of the station that may change at any time. */
export interface AuthorizationPolicy {
  /** Whether a plain tag with this hash is on the local list. */
  isListed(hash: string): boolean;
  /** Whether plain tags are accepted by this method. */
  acceptsStatic(method: Method): boolean;
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
  readonly refusedTags: RefusedTags;
  readonly policy: AuthorizationPolicy;
}

/** Time limit of an attempt, ms: one second less than the time within which a phone receives its result. */
const ATTEMPT_TIMEOUT_MS = 14_000;
/** The challenge of a proof whose challenge is not valid. */
const NO_CHALLENGE: StationChallenge = { station: "", nonce: "" };

interface Attempt {
  readonly card: Card;
  readonly source: SourceRefusals;
  readonly admission: Admission;
  readonly done: (result: AttemptResult) => void;
  /** Failure of the first verifier that could not decide. */
  failure: AttemptResult | undefined;
  /** Neither the platform nor the station knows the tag, or the platform rejects it. */
  isUnknown: boolean;
  verification: IO | undefined;
  timer: Timer | undefined;
}

/** Source of tags (a phone's connection, the card reader) with its own limit of refused tags. */
export interface TagSource {
  /**
   * Verifies a tag. Calls `done` exactly once, during this call or later, within the time limit of an attempt. An attempt
   * that `Authorization.close` cancels gets no result.
   * @param text a plain tag, or `p1:<card id>:<proof>`
   * @param challenge the challenge that a proof has to be for; `undefined` without a valid one
   */
  attempt(text: string, done: (result: AttemptResult) => void, challenge?: StationChallenge): void;
}

/**
 * Runs attempts to authorize a tag: one at a time for the station, each with exactly one result. An attempt continues
 * when its source disconnects.
 */
export class Authorization implements IO {
  private readonly _options: AuthorizationOptions;
  private readonly _limits: RefusalLimits;
  private _running: Attempt | undefined;

  constructor(options: AuthorizationOptions) {
    this._options = options;
    this._limits = new RefusalLimits(options);
  }

  /** Whether an attempt is running. Another one would be refused with 423. */
  get isBusy(): boolean {
    return this._running !== undefined;
  }

  /** Makes a source of tags. Connections from one address share their limit. */
  source(method: Method, address?: string): TagSource {
    return new LimitedSource({ authorization: this, refusals: this._limits.source(method, address) });
  }

  /** Runs an attempt of a source. A proof needs a challenge. */
  attempt(
    { text, challenge = NO_CHALLENGE }: { text: string; challenge: StationChallenge | undefined },
    source: SourceRefusals,
    done: (result: AttemptResult) => void,
  ): void {
    const proven = parseCardProof(text);
    const tag = proven?.cardId ?? text;
    const card: Card = {
      tag,
      hash: tagHash(this._options.crypto, tag),
      method: source.method,
      proof: proven && { proof: proven.proof, ...challenge },
    };
    this._attempt(card, source, (result) => {
      done(result);
      this._options.listener.handleResult(card, result);
    });
  }

  /** Forgets the tags of the previous owner. */
  forgetOwner(): void {
    this._limits.forgetOwner();
  }

  /** Cancels the running attempt without a result. */
  close(): void {
    if (this._running) this._release(this._running);
    this._running = undefined;
  }

  private _attempt(card: Card, source: SourceRefusals, done: (result: AttemptResult) => void): void {
    const refusal = this._refusal(card, source);
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
      source,
      admission,
      done,
      failure: undefined,
      isUnknown: false,
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
   * Returns the reason to refuse an attempt. The limits come first, so that a source that guesses tags learns nothing.
   */
  private _refusal(card: Card, source: SourceRefusals): AttemptResult | undefined {
    if (!this._limits.allows(source, plainHash(card))) return resultOf(429, "too many refused tags");
    if (!isTag(card.tag)) {
      this._limits.countMalformed(source);
      return resultOf(400, "the tag is not 4-64 characters of A-Z a-z 0-9 . _ : -");
    }
    if (card.proof?.nonce === "") return resultOf(401, "the proof is for no valid challenge");
    if (!card.proof && !this._options.policy.acceptsStatic(card.method)) {
      this._limits.countMalformed(source);
      return resultOf(403, "the owner accepts no cards without a secret here");
    }
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
        attempt.isUnknown = true;
        this._finish(attempt, { ...resultOf(403, verdict.reason), receipt: verdict.receipt });
        break;
      case "failed": {
        const result = resultOfFailure(verdict.failure);
        const mayContinue = result.code === 408 || result.code === 503;
        attempt.failure ??= result;
        attempt.isUnknown = verdict.failure.code === "unknown-offline";
        if (mayContinue && index + 1 < this._options.verifiers.length) this._verify(attempt, index + 1);
        else this._finish(attempt, attempt.failure);
        break;
      }
    }
  }

  private _finish(attempt: Attempt, result: AttemptResult): void {
    this._release(attempt);
    this._running = undefined;
    const { source, card, isUnknown } = attempt;
    const hash = plainHash(card);
    if (isUnknown) this._limits.countUnknown(source, hash);
    else if (result.code === 200) this._limits.countAuthorized(source, hash);
    this._options.listener.handleBusyChanged();
    attempt.done(result);
  }

  private _release(attempt: Attempt): void {
    this._options.clock.clear(attempt.timer);
    attempt.verification?.close();
  }

  private _authorize(
    { card, admission }: Attempt,
    { maxCurrentA, receipt, by = "the platform" }: Verdict & { readonly type: "authorized" },
  ): AttemptResult {
    const stationA = this._options.maxCurrentA;
    const isAuthorized = admission.authorize({
      tag: card.hash,
      tagEnd: tagEnd(card.tag),
      method: card.method,
      currentA: Math.min(stationA, maxCurrentA ?? stationA),
    });
    return isAuthorized
      ? { ...resultOf(200, `authorized by ${by}`), receipt }
      : resultOf(409, "the vehicle has left, or was stopped");
  }
}

/** A source of tags with its own limit of refused tags. */
class LimitedSource implements TagSource {
  private readonly _authorization: Authorization;
  private readonly _refusals: SourceRefusals;

  constructor(options: { authorization: Authorization; refusals: SourceRefusals }) {
    this._authorization = options.authorization;
    this._refusals = options.refusals;
  }

  attempt(text: string, done: (result: AttemptResult) => void, challenge?: StationChallenge): void {
    this._authorization.attempt({ text, challenge }, this._refusals, done);
  }
}

function plainHash({ proof, hash }: Card): string | undefined {
  return proof ? undefined : hash;
}
