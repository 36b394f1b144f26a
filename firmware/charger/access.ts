/** Access control: sources of tags (card reader, phones) and the verifiers that decide about them. */

import {
  AnswerCache,
  type AttemptResult,
  Authorization,
  type AuthorizationListener,
  type AuthorizationPolicy,
  acceptsStatic,
  type Card,
  isTag,
  ListUpdate,
  type ListUpdateListener,
  LocalList,
  type Method,
  OfflineVerifier,
  PlatformVerifier,
  type TagSource,
  tagEnd,
  tagHash,
  type Verdict,
  type Verifier,
} from "../../modules/authorization/index.js";
import type { Board, IO, Timer } from "../../modules/board/index.js";
import type { Charging } from "../../modules/charging/index.js";
import type { FaultReporter } from "../../modules/faults/index.js";
import type { Indicator } from "../../modules/indicator/index.js";
import { BoundedMap } from "../../modules/limits/index.js";
import type { Requester } from "../../modules/requests/index.js";
import { type CardReaderListener, openCardReader } from "../../modules/rfid/index.js";
import type { TraceSink } from "../../modules/trace/index.js";
import type { Config } from "../config.js";
import type { Records } from "../records.js";
import type { Settings } from "../settings.js";
import type { ChargerListener } from "./charger-listener.js";
import type { TagLearning } from "./tag-learning.js";

/** Tag learning, as access control uses it. */
type Learning = Pick<TagLearning, "isOn" | "learn" | "refuse">;

export interface AccessOptions {
  readonly board: Board;
  readonly config: Config;
  readonly records: Records;
  readonly settings: { readonly now: Pick<Settings, "offlinePolicy" | "cardEnds" | "staticCards"> };
  readonly charging: Pick<Charging, "admit" | "session" | "sessionAgeMs" | "stop">;
  readonly indicator: Pick<Indicator, "signal">;
  readonly platform: Requester;
  readonly reporter: FaultReporter;
  readonly listener: Pick<ChargerListener, "handleBusyChanged" | "handleChargerChanged">;
  readonly trace: TraceSink;
}

/** Attempts with one blocked tag after which the owner is notified. */
const BLOCKED_ATTEMPTS = 3;
/** Maximum number of blocked tags whose attempts are counted. The least recently tried one is dropped. */
const MAX_BLOCKED_TAGS = 16;
/** Result code of an attempt over the limit. */
const TOO_MANY = 429;

/**
 * Time in which a card at the reader neither ends what it has just begun, nor begins what it has just ended, ms: it may
 * be tapped twice by one hand.
 */
const SECOND_TAP_MS = 15_000;
/** Time in which no other card at the reader begins a session after one has ended it, ms: a wallet may hold two cards. */
const WALLET_MS = 3000;
/** Result code of a card with a random number. */
const MALFORMED = 400;
const RANDOM_CARD = "the card shows another number each time";

/** Refresh interval of the local list while the platform is reached, ms. */
const LIST_REFRESH_MS = 60 * 60_000;

export class Access
  implements IO, AuthorizationListener, AuthorizationPolicy, CardReaderListener, ListUpdateListener
{
  private readonly _options: AccessOptions;
  private readonly _learning: Learning;
  private readonly _authorization: Authorization;
  private readonly _offline: OfflineVerifier;
  private readonly _list: LocalList;
  private readonly _cache: AnswerCache;
  private readonly _listUpdate: ListUpdate;
  private readonly _reader: IO | undefined;
  private readonly _readerSource: TagSource;
  private _listTimer: Timer | undefined;
  private _blockedAttempts: BoundedMap<string, number> | undefined;
  private _lastResult: string | undefined;
  /** Hash of the card that ended a session last at the reader, and the monotonic time, ms. */
  private _ended: { readonly hash: string; readonly atMs: number } | undefined;

  constructor({ parts, learning }: { parts: AccessOptions; learning: Learning }) {
    this._options = parts;
    this._learning = learning;
    const { board, config, records, charging, platform, settings } = parts;
    const { clock, crypto } = board;
    this._cache = new AnswerCache({ clock });
    this._list = new LocalList(records);
    this._listUpdate = new ListUpdate({ list: this._list, platform, board, listener: this });
    this._offline = new OfflineVerifier({ board, list: this._list, cache: this._cache, settings });
    this._authorization = new Authorization({
      clock,
      crypto,
      verifiers: [new RememberingVerifier(new PlatformVerifier(platform), this), this._offline],
      charging,
      maxCurrentA: config.currentLimitA,
      refusedTags: config.refusedTags,
      policy: this,
      listener: this,
    });
    this._readerSource = this._authorization.source("rfid");
    this._reader = openCardReader({ board, kind: config.cardReader, listener: this });
  }

  get isBusy(): boolean {
    return this._authorization.isBusy;
  }

  /** `true` if some tags can be authorized while the platform is not reached. */
  get authorizesOffline(): boolean {
    return this._offline.canAuthorize;
  }

  /** Number of tags on the local list. */
  get listedTags(): number {
    return this._list.count;
  }

  /** Result of the latest card and its reason; contains only the end of the tag. */
  get lastResult(): string | undefined {
    return this._lastResult;
  }

  /** Deletes the cards of the previous owner. Throws storage errors; the deletion then lasts until the restart. */
  forgetOwner(): void {
    this._cache.clear();
    this._authorization.forgetOwner();
    this._blockedAttempts = undefined;
    this._lastResult = undefined;
    this._ended = undefined;
    this._list.clear();
  }

  /** Returns the source for the tags of one phone's connection. */
  newCentral(address?: string): TagSource {
    return this._authorization.source("ble", address);
  }

  /** Starts or stops the refresh of the local list. To be called when connection or offline policy have changed. */
  updateList(): void {
    const { board, platform, settings } = this._options;
    board.clock.clear(this._listTimer);
    this._listTimer = undefined;
    this._listUpdate.close();
    if (!platform.isOnline || settings.now.offlinePolicy === "deny") return;
    this._listUpdate.start();
    this._listTimer = board.clock.repeat(() => this._listUpdate.start(), LIST_REFRESH_MS);
  }

  close(): void {
    this._options.board.clock.clear(this._listTimer);
    this._listUpdate.close();
    this._reader?.close();
    this._authorization.close();
  }

  handleBusyChanged(): void {
    this._options.listener.handleBusyChanged();
  }

  handleListChanged(): void {
    this._options.listener.handleChargerChanged();
  }

  handleResult({ tag }: Card, { state, code, reason }: AttemptResult): void {
    this._options.indicator.signal(state);
    if (state !== "authorized") this._options.trace.add("cardRefused", code);
    // It is published with the next change or heartbeat: an extra message here would delay the driver's result.
    this._lastResult = `${code}${isTag(tag) ? ` …${tagEnd(tag)}` : ""}: ${reason}`;
  }

  isListed(hash: string): boolean {
    return this._offline.isListed(hash);
  }

  acceptsStatic(method: Method): boolean {
    return acceptsStatic(this._options.settings.now.staticCards, method);
  }

  handleGuessing(method: Method): void {
    const where = method === "ble" ? "over Bluetooth" : "at the card reader";
    const message = `many unknown cards were presented ${where}`;
    this._options.reporter.reportFault({ code: "cards-guessed", message });
  }

  /**
   * Handles a card at the reader, in this order: tag learning; a second tap, which is ignored; the end of the session with
   * the same tag; an attempt. Only the reader ends a session, also one that a phone started with the same tag. An
   * authorization that is not used yet is not ended (409). Ending a session has no rate limit.
   */
  handleCard(tag: string): void {
    const { board, charging, indicator, settings } = this._options;
    if (this._learning.isOn && isTag(tag)) {
      this._learning.learn(tag);
      return;
    }
    const hash = tagHash(board.crypto, tag);
    const repeated = this._repeatedSignal(hash);
    if (repeated) {
      board.log(`rfid: the second tap of the card …${tagEnd(tag)} is ignored`);
      indicator.signal(repeated);
      return;
    }
    if (settings.now.cardEnds && charging.session?.grant.tag === hash) {
      board.log(`rfid: the card …${tagEnd(tag)} ends its session`);
      this._ended = { hash, atMs: board.clock.monotonicMs() };
      indicator.signal("ended");
      charging.stop();
      return;
    }
    this._readerSource.attempt(tag, ({ state, code, reason }) => {
      // A defective reader must not flood the log.
      if (code !== TOO_MANY) board.log(`rfid: the card …${tagEnd(tag)}: ${state} (${code}: ${reason})`);
    });
  }

  /**
   * Handles a card with a random UID. It is neither learned nor authorized: the next card with that number is likely to be
   * another one. It takes no part in the limit of refused tags, because no number can be guessed with it.
   */
  handleRandomCard(): void {
    const { board, indicator, trace } = this._options;
    board.log(`rfid: ${RANDOM_CARD}`);
    if (this._learning.isOn) {
      this._learning.refuse(RANDOM_CARD);
      return;
    }
    indicator.signal("rejected");
    trace.add("cardRefused", MALFORMED);
    this._lastResult = `${MALFORMED}: ${RANDOM_CARD}`;
  }

  /** Reports a silent reader. Phones are not affected. */
  handleReaderSilent(): void {
    const message = "the card reader does not respond";
    this._options.reporter.reportFault({ code: "card-reader-silent", message });
  }

  /** Stores the platform's verdict for times when the platform is not reached. */
  remember(card: Card, verdict: Verdict): void {
    this._offline.recordVerdict(card, verdict);
    if (verdict.type === "rejected" && verdict.reason === "blocked") this._countBlocked(card);
  }

  private _countBlocked({ tag, hash }: Card): void {
    const blocked = this._blockedAttempts ?? new BoundedMap<string, number>(MAX_BLOCKED_TAGS);
    this._blockedAttempts = blocked;
    const attempts = (blocked.get(hash) ?? 0) + 1;
    blocked.delete(hash);
    if (attempts === BLOCKED_ATTEMPTS) {
      const message = `the blocked tag …${tagEnd(tag)} was tried ${attempts} times`;
      this._options.reporter.reportFault({ code: "blocked-tag", message });
      return;
    }
    blocked.set(hash, attempts);
  }

  /** Signal of a second tap, which repeats that of the first one; `undefined` for another tap. */
  private _repeatedSignal(hash: string): "authorized" | "ended" | undefined {
    const { board, charging } = this._options;
    if (this._ended) {
      const limitMs = this._ended.hash === hash ? SECOND_TAP_MS : WALLET_MS;
      if (board.clock.monotonicMs() - this._ended.atMs < limitMs) return "ended";
    }
    const isOfSession = charging.session?.grant.tag === hash && charging.sessionAgeMs < SECOND_TAP_MS;
    return isOfSession ? "authorized" : undefined;
  }
}

/** Passes each verdict of another verifier to `Access.remember` before it is returned. */
class RememberingVerifier implements Verifier {
  private readonly _verifier: Verifier;
  private readonly _access: Access;

  constructor(verifier: Verifier, access: Access) {
    this._verifier = verifier;
    this._access = access;
  }

  verify(card: Card, done: (verdict: Verdict) => void): IO {
    return this._verifier.verify(card, (verdict) => {
      this._access.remember(card, verdict);
      done(verdict);
    });
  }
}
