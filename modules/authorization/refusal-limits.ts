import type { Clock } from "../board/index.js";
import { AttemptLimiter, BoundedMap, GrowingPause, TokenBucket } from "../limits/index.js";
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
 * Lookups of tags that turn out to be unknown, in a minute, while a limit is reached. The reader has more, because
 * drivers share it.
 */
const LOOKUPS_PER_MINUTE: Readonly<Record<Method, number>> = { ble: 2, rfid: 6 };
/** Shortest time between two notifications of the owner, ms. */
const NOTIFICATION_MS = 60 * 60_000;
/** Highest number of tags that are remembered as authorized. */
const MAX_RECENT_TAGS = 16;
/** Highest number of addresses whose refusals are remembered after the connection. */
const MAX_ADDRESSES = 8;
/** Length of a key of a recent tag: the first hex digits of the hash, 64 bits. */
const KEY_CHARS = 16;
const MINUTE_MS = 60_000;

export interface RefusalLimitsOptions {
  readonly clock: Clock;
  readonly refusedTags: RefusedTags;
  /** Whether a tag is on the local list. */
  readonly isListed: (hash: string) => boolean;
  /** Many unknown tags were presented. Called at most once an hour. */
  readonly onGuessing: (method: Method) => void;
}

/** Refusals of one phone or of the card reader. */
export class SourceRefusals {
  readonly method: Method;
  readonly address: string | undefined;
  readonly minute: AttemptLimiter;
  readonly pause: GrowingPause;

  constructor(options: { clock: Clock; perMinute: number; method: Method; address: string | undefined }) {
    const { clock, perMinute: count } = options;
    this.method = options.method;
    this.address = options.address;
    this.minute = new AttemptLimiter({ clock, count, windowMs: MINUTE_MS });
    this.pause = new GrowingPause({ clock, allowed: UNKNOWN_IN_A_ROW });
  }

  get isLimited(): boolean {
    return this.minute.waitMs > 0 || this.pause.isPaused;
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
  private readonly _phones: TokenBucket;
  private readonly _lookups: Readonly<Record<Method, AttemptLimiter>>;
  private readonly _notifications: AttemptLimiter;
  private readonly _byAddress = new BoundedMap<string, SourceRefusals>(MAX_ADDRESSES);
  private readonly _recent = new BoundedMap<string, true>(MAX_RECENT_TAGS);

  constructor(options: RefusalLimitsOptions) {
    const { clock, refusedTags } = options;
    this._options = options;
    this._phones = new TokenBucket({ clock, capacity: refusedTags.ofPhones, refillMs: PHONES_REFILL_MS });
    const lookups = (method: Method) =>
      new AttemptLimiter({ clock, count: LOOKUPS_PER_MINUTE[method], windowMs: MINUTE_MS });
    this._lookups = { ble: lookups("ble"), rfid: lookups("rfid") };
    this._notifications = new AttemptLimiter({ clock, count: 1, windowMs: NOTIFICATION_MS });
  }

  /** Returns the refusals of a source. A phone with a known address has those of its former connections. */
  source(method: Method, address: string | undefined): SourceRefusals {
    const known = address === undefined ? undefined : this._byAddress.get(address);
    const { clock, refusedTags } = this._options;
    return known ?? new SourceRefusals({ clock, perMinute: refusedTags.perMinute, method, address });
  }

  /** Whether the tag of a source may be verified now. */
  allows(source: SourceRefusals, hash: string): boolean {
    const isLimited = source.isLimited || (source.method === "ble" && this._phones.isEmpty);
    return !isLimited || this._isKnown(source.method, hash);
  }

  /** Counts a tag that is malformed, or that the station refuses without a verification. */
  countMalformed(source: SourceRefusals): void {
    source.minute.take();
    if (source.address !== undefined) this._byAddress.set(source.address, source);
  }

  /** Counts a tag that the platform has rejected, or that is unknown offline. */
  countUnknown(source: SourceRefusals, hash: string): void {
    this.countMalformed(source);
    source.pause.fail();
    this._recent.delete(keyOf(hash));
    if (source.method === "ble") this._phones.take();
    const isGuessing = source.pause.isReached || this._phones.taken >= UNKNOWN_IN_A_ROW;
    if (isGuessing && this._notifications.take()) this._options.onGuessing(source.method);
  }

  /** Remembers an authorized tag. */
  countAuthorized(source: SourceRefusals, hash: string): void {
    source.pause.succeed();
    this._recent.set(keyOf(hash), true);
  }

  /** Forgets the tags of the previous owner. */
  forgetOwner(): void {
    this._recent.clear();
  }

  private _isKnown(method: Method, hash: string): boolean {
    const lookups = this._lookups[method];
    if (lookups.waitMs > 0) return false;
    if (this._recent.has(keyOf(hash)) || this._options.isListed(hash)) return true;
    lookups.take();
    return false;
  }
}

function keyOf(hash: string): string {
  return hash.slice(0, KEY_CHARS);
}
