import type { Clock } from "../board/index.js";
import { BoundedMap, GrowingPause, TokenBucket } from "../limits/index.js";
import type { Method } from "./verifier.js";

/** Highest numbers of refused tags before further attempts are refused unseen (429). */
export interface RefusedTags {
  /** Refused and malformed tags of one phone or of the card reader in a minute. */
  readonly perMinute: number;
  /** Unknown tags of all phones together; one more every 2 min. Phones can change their address. */
  readonly ofPhones: number;
}

/** Unknown tags in a row after which a source has to pause, and the owner is notified. */
const UNKNOWN_IN_A_ROW = 10;
/** Time after which the phones together have one attempt more, ms. More than one phone in its longest pause needs. */
const PHONES_REFILL_MS = 2 * 60_000;
/**
 * Wrong proofs of all phones together, and the time after which one more is verified, ms. The platform answers 240 requests
 * of a station in a minute, and the station verifies one card at a time: other cards need both.
 */
const WRONG_PROOFS = 30;
const PROOF_REFILL_MS = 2000;
/** Shortest time between two notifications of the owner, ms. */
const NOTIFICATION_MS = 60 * 60_000;
/** Highest number of tags that are remembered as authorized. */
const MAX_RECENT_TAGS = 16;
/** Highest number of addresses whose refusals are remembered after the connection. */
const MAX_ADDRESSES = 8;
/** Length of a key of a recent tag: the first hex digits of the hash, 64 bits. */
const KEY_CHARS = 16;
const MINUTE_MS = 60_000;
/** Lookups of unknown tags while a limit is reached. The reader has more of them, because drivers share it. */
const LOOKUPS_PER_MINUTE: Readonly<Record<Method, number>> = { ble: 2, rfid: 6 };

export interface RefusalLimitsOptions {
  readonly clock: Pick<Clock, "monotonicMs">;
  readonly refusedTags: RefusedTags;
  readonly policy: { isListed(hash: string): boolean };
  readonly listener: { handleGuessing(method: Method): void };
}

/**
 * Hash of a plain tag; `undefined` for a proof. A proof cannot be guessed: its limit over all phones bounds the requests
 * only, and the public id of its card is remembered for nothing.
 */
type PlainHash = string | undefined;

/** Refusals of one phone or of the card reader. */
export class SourceRefusals {
  readonly method: Method;
  readonly address: string | undefined;
  // Made at the first refusal, because most phones have none.
  private _refused: TokenBucket | undefined;
  private _unknown: GrowingPause | undefined;

  constructor(options: { method: Method; address: string | undefined }) {
    this.method = options.method;
    this.address = options.address;
  }

  get isLimited(): boolean {
    return this._refused?.isEmpty === true || this._unknown?.isPaused === true;
  }

  /** Whether so many unknown tags came in a row that they may be guesses. */
  get isGuessing(): boolean {
    return this._unknown?.isReached === true;
  }

  countRefused({ clock, refusedTags }: RefusalLimitsOptions): void {
    const { perMinute: capacity } = refusedTags;
    this._refused ??= new TokenBucket({ clock, capacity, refillMs: MINUTE_MS / capacity });
    this._refused.take();
  }

  countUnknown({ clock }: RefusalLimitsOptions): void {
    this._unknown ??= new GrowingPause({ clock, allowed: UNKNOWN_IN_A_ROW });
    this._unknown.fail();
  }

  countAuthorized(): void {
    this._unknown = undefined;
  }
}

/**
 * Limits what a source can guess. Only refused tags count, so that a good card is never refused for its own use. A
 * source that reaches its limit affects no other source. The phones have a limit together, because a phone can change
 * its address. A tag that was authorized lately, or is on the local list, passes also when a limit is reached; only few
 * lookups that fail are made meanwhile, so that guessing does not get faster by it.
 */
export class RefusalLimits {
  private readonly _options: RefusalLimitsOptions;
  /** Time of the latest notification, ms of the monotonic clock. */
  private _notifiedAtMs: number | undefined;
  // Made when they are needed first.
  private _phones: TokenBucket | undefined;
  /** Lookups of tags that turn out to be unknown while a limit is reached. */
  private _lookups: Map<Method, TokenBucket> | undefined;
  private _byAddress: BoundedMap<string, SourceRefusals> | undefined;
  private _recent: BoundedMap<string, true> | undefined;
  private _wrongProofs: TokenBucket | undefined;

  constructor(options: RefusalLimitsOptions) {
    this._options = options;
  }

  /** Returns the refusals of a source. A phone with a known address has those of its former connections. */
  source(method: Method, address: string | undefined): SourceRefusals {
    const known = address === undefined ? undefined : this._byAddress?.get(address);
    return known ?? new SourceRefusals({ method, address });
  }

  /** Whether a card of a source may be verified now. */
  allows(source: SourceRefusals, hash: PlainHash): boolean {
    if (hash === undefined) return !source.isLimited && this._wrongProofs?.isEmpty !== true;
    const isLimited = source.isLimited || (source.method === "ble" && this._phones?.isEmpty === true);
    return !isLimited || this._isKnown(source.method, hash);
  }

  /** Counts a tag that is malformed, or that the station refuses without a verification. */
  countMalformed(source: SourceRefusals): void {
    source.countRefused(this._options);
    if (source.address === undefined) return;
    this._byAddress ??= new BoundedMap(MAX_ADDRESSES);
    this._byAddress.set(source.address, source);
  }

  /** Counts a card that the platform has rejected, or that is unknown offline. */
  countUnknown(source: SourceRefusals, hash: PlainHash): void {
    this.countMalformed(source);
    source.countUnknown(this._options);
    if (hash === undefined) {
      const { clock } = this._options;
      this._wrongProofs ??= new TokenBucket({ clock, capacity: WRONG_PROOFS, refillMs: PROOF_REFILL_MS });
      this._wrongProofs.take();
    } else {
      this._recent?.delete(keyOf(hash));
      if (source.method === "ble") this._countUnknownOfPhones();
    }
    const isGuessing = source.isGuessing || (this._phones?.taken ?? 0) >= UNKNOWN_IN_A_ROW;
    if (isGuessing) this._notify(source.method);
  }

  /** Remembers an authorized tag. */
  countAuthorized(source: SourceRefusals, hash: PlainHash): void {
    source.countAuthorized();
    if (hash === undefined) return;
    this._recent ??= new BoundedMap(MAX_RECENT_TAGS);
    this._recent.set(keyOf(hash), true);
  }

  /** Forgets the tags of the previous owner. */
  forgetOwner(): void {
    this._recent = undefined;
  }

  private _countUnknownOfPhones(): void {
    const { clock, refusedTags } = this._options;
    const capacity = refusedTags.ofPhones;
    this._phones ??= new TokenBucket({ clock, capacity, refillMs: PHONES_REFILL_MS });
    this._phones.take();
  }

  private _notify(method: Method): void {
    const nowMs = this._options.clock.monotonicMs();
    if (this._notifiedAtMs !== undefined && nowMs - this._notifiedAtMs < NOTIFICATION_MS) return;
    this._notifiedAtMs = nowMs;
    this._options.listener.handleGuessing(method);
  }

  private _isKnown(method: Method, hash: string): boolean {
    const lookups = this._lookupsOf(method);
    if (lookups.isEmpty) return false;
    if (this._recent?.has(keyOf(hash)) || this._options.policy.isListed(hash)) return true;
    lookups.take();
    return false;
  }

  private _lookupsOf(method: Method): TokenBucket {
    this._lookups ??= new Map();
    const present = this._lookups.get(method);
    if (present) return present;
    const capacity = LOOKUPS_PER_MINUTE[method];
    const { clock } = this._options;
    const lookups = new TokenBucket({ clock, capacity, refillMs: MINUTE_MS / capacity });
    this._lookups.set(method, lookups);
    return lookups;
  }
}

function keyOf(hash: string): string {
  return hash.slice(0, KEY_CHARS);
}
