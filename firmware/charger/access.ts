/** Who may charge: the ways in which cards come, and who is asked about them. */

import {
  AnswerCache,
  AttemptLimiter,
  type AttemptResult,
  Authorization,
  type Card,
  isTag,
  ListUpdate,
  LocalList,
  listIndexFormat,
  listPageFormat,
  OfflineVerifier,
  PlatformVerifier,
  type TagSource,
  tagEnd,
  tagHash,
  type Verifier,
  type Visitor,
} from "../../modules/authorization/index.js";
import type { Board, IO, Timer } from "../../modules/board/index.js";
import type { Charging } from "../../modules/charging/index.js";
import type { Signal } from "../../modules/indicator/index.js";
import { textField } from "../../modules/json/index.js";
import type { Requests } from "../../modules/requests/index.js";
import { CardReader } from "../../modules/rfid/index.js";
import type { Config } from "../config.js";
import type { Records } from "../records.js";
import type { Options } from "../settings.js";

export interface AccessOptions {
  readonly board: Board;
  readonly config: Config;
  readonly records: Records;
  readonly options: () => Options;
  readonly charging: Pick<Charging, "admit" | "session" | "status" | "stop">;
  /** Tells whoever stands there. */
  readonly signal: (signal: Signal) => void;
  /** The station has a response key: it could ask the platform if it were connected. */
  readonly isProvisioned: boolean;
  /** The broker has the station. */
  readonly isOnline: () => boolean;
  /** `undefined` while there is no platform to ask; what cannot be asked now fails by itself. */
  readonly requests: () => Requests | undefined;
  /** Something happened that somebody should know of. */
  readonly complain: (message: string) => void;
  /** `isBusy` may have changed. */
  readonly onBusy: () => void;
  /** Anything else may have. */
  readonly onChanged: () => void;
}

/** A blocked tag that is tried as often is told of; of as many tags the tries are counted. */
const BLOCKED_TRIES = 3;
const MAX_BLOCKED_TAGS = 16;
/** Tag learning turns itself off after this. */
const LEARNING_MS = 5 * 60_000;
const MINUTE_MS = 60_000;
const TOO_MANY = 429;
/** The card of a session that has begun without one. */
const NO_CARD = { tag: "0".repeat(64), tagEnd: "-" };

/** The list is asked for when the platform is reached, and as often. */
const LIST_UPDATE_MS = 60 * 60_000;

export class Access implements IO {
  private readonly _options: AccessOptions;
  private readonly _authorization: Authorization;
  private readonly _offline: OfflineVerifier;
  private readonly _list: LocalList;
  private readonly _cache: AnswerCache;
  private readonly _listUpdate: ListUpdate;
  private readonly _reader: CardReader;
  private readonly _readerSource: TagSource;
  private _listTimer: Timer | undefined;
  /** Runs while swiped cards become tags. */
  private _learning: Timer | undefined;
  private _learningLimit: AttemptLimiter;
  private _blockedTries = new Map<string, number>();
  private _lastResult: string | undefined;
  private _lettingIn: Timer | undefined;
  private _wasFree = false;

  constructor(options: AccessOptions) {
    this._options = options;
    const { board, config, records } = options;
    const { clock, crypto } = board;
    const report = (line: string) => board.log(line);
    this._cache = new AnswerCache({ clock });
    this._list = new LocalList({
      index: records(listIndexFormat),
      page: (name) => records(listPageFormat(name)),
    });
    this._listUpdate = new ListUpdate({ list: this._list, report, onUpdated: options.onChanged });
    const policy = () => options.options().offlinePolicy;
    const [list, cache] = [this._list, this._cache];
    this._offline = new OfflineVerifier({ clock, crypto, list, cache, policy, report });
    this._authorization = new Authorization({
      clock,
      verifiers: [this._platformVerifier(), this._offline],
      attemptsPerMinute: {
        source: config.attemptsPerMinute.connection,
        station: config.attemptsPerMinute.station,
      },
      gate: { visitor: () => this._visitor() },
      onChanged: options.onBusy,
      onResult: (card, result) => this._tell(card, result),
    });
    const count = config.attemptsPerMinute.station;
    this._learningLimit = new AttemptLimiter({ clock, count, windowMs: MINUTE_MS });
    this._readerSource = this._authorization.source("rfid");
    this._reader = new CardReader({ board, kind: config.cardReader, onCard: (tag) => this._swipe(tag) });
  }

  get isBusy(): boolean {
    return this._authorization.isBusy;
  }

  /** Somebody may be let in though the platform cannot be asked. */
  get authorizesOffline(): boolean {
    return this._offline.isOfUse;
  }

  /** Tags on the local list. */
  get listedTags(): number {
    return this._list.count;
  }

  /** Swiped cards become tags of the owner's. */
  get isLearning(): boolean {
    return this._learning !== undefined;
  }

  setLearning(isOn: boolean): void {
    const { board, onChanged } = this._options;
    board.clock.clear(this._learning);
    this._learning = isOn ? board.clock.set(() => this.setLearning(false), LEARNING_MS) : undefined;
    board.log(`access: tag learning is ${isOn ? "on" : "off"}`);
    onChanged();
  }

  /** The owner lets the vehicle that waits charge. Gives why not, if not. */
  startWithoutCard(): string | undefined {
    const { charging, config } = this._options;
    const grant = { ...NO_CARD, method: "remote" as const, currentA: config.currentLimitA };
    const isStarted = charging.admit()?.authorize(grant);
    return isStarted ? undefined : "no vehicle is plugged, or a session is under way";
  }

  /** A vehicle is plugged, or the owner has changed what it may: with free charging it needs no card. */
  letIn(): void {
    const { board, charging, config, options } = this._options;
    const { isFree } = options();
    board.clock.clear(this._lettingIn);
    // Whoever was let in and has not drawn yet needs a card from now on.
    if (this._wasFree && !isFree && charging.status === "authorized") charging.stop();
    this._wasFree = isFree;
    if (!isFree) return;
    this._lettingIn = board.clock.set(() => {
      if (!options().isFree) return;
      const grant = {
        ...NO_CARD,
        method: "free" as const,
        currentA: config.currentLimitA,
        isOpenEnded: true,
      };
      charging.admit()?.authorize(grant);
    }, 0);
  }

  /** What became of the latest card, and who said so; no whole tag in it. */
  get lastResult(): string | undefined {
    return this._lastResult;
  }

  /** Another owner's customers are not ours. Storage errors pass through; then it holds until the restart. */
  forgetOwner(): void {
    this._options.board.clock.clear(this._lettingIn);
    this._wasFree = false;
    this._cache.clear();
    this._blockedTries.clear();
    this._lastResult = undefined;
    this.setLearning(false);
    this._list.clear();
  }

  /** Where a phone's connection presents its tags. */
  newPhone(): TagSource {
    return this._authorization.source("ble");
  }

  /** The platform can be asked, or not any more; or who is let in without it has changed. */
  followPlatform(): void {
    const { clock } = this._options.board;
    clock.clear(this._listTimer);
    this._listTimer = undefined;
    this._listUpdate.close();
    if (!this._options.isOnline() || this._options.options().offlinePolicy === "deny") return;
    this._updateList();
    this._listTimer = clock.repeat(() => this._updateList(), LIST_UPDATE_MS);
  }

  close(): void {
    this._options.board.clock.clear(this._listTimer);
    this._options.board.clock.clear(this._learning);
    this._options.board.clock.clear(this._lettingIn);
    this._listUpdate.close();
    this._reader.close();
    this._authorization.close();
  }

  private _updateList(): void {
    const requests = this._options.requests();
    if (requests) this._listUpdate.start(requests);
  }

  private _visitor(): Visitor | undefined {
    const { board, charging, config } = this._options;
    const admission = charging.admit();
    const limitA = config.currentLimitA;
    return (
      admission && {
        authorize: ({ card: { tag, method }, maxCurrentA = limitA }) =>
          admission.authorize({
            tag: tagHash(board.crypto, tag),
            tagEnd: tagEnd(tag),
            method,
            currentA: Math.min(limitA, maxCurrentA),
          }),
      }
    );
  }

  private _tell({ tag }: Card, { state, code, reason }: AttemptResult): void {
    this._options.signal(state);
    // It goes out with what changes next, or with the heartbeat: whoever stands there is not kept waiting for it.
    this._lastResult = `${code}${isTag(tag) ? ` …${tagEnd(tag)}` : ""}: ${reason}`;
  }

  /** What the platform says is remembered. */
  private _platformVerifier(): Verifier {
    return {
      verify: (card, done) =>
        this._askPlatform().verify(card, (verdict) => {
          this._offline.note(card, verdict);
          if (verdict.type === "rejected" && verdict.reason === "blocked") this._countBlocked(card.tag);
          done(verdict);
        }),
    };
  }

  private _askPlatform(): Verifier {
    const { board, isProvisioned, requests } = this._options;
    const platform = requests();
    if (platform) return new PlatformVerifier(platform);
    const verdict = isProvisioned
      ? ({ type: "failed", code: 503, reason: "the station is not connected to the platform" } as const)
      : ({
          type: "failed",
          code: 500,
          reason: "the station was not provisioned with a response key",
        } as const);
    return {
      verify: (_card, done) => {
        const timer = board.clock.set(() => done(verdict), 0);
        return { close: () => board.clock.clear(timer) };
      },
    };
  }

  private _countBlocked(tag: string): void {
    const hash = tagHash(this._options.board.crypto, tag);
    const tries = (this._blockedTries.get(hash) ?? 0) + 1;
    this._blockedTries.delete(hash);
    if (tries === BLOCKED_TRIES) {
      this._options.complain(`access: the blocked tag …${tagEnd(tag)} was tried ${tries} times`);
      return;
    }
    this._blockedTries.set(hash, tries);
    const oldest = this._blockedTries.keys().next().value;
    if (this._blockedTries.size > MAX_BLOCKED_TAGS && oldest !== undefined) this._blockedTries.delete(oldest);
  }

  /** A card becomes a tag at the platform. */
  private _learn(tag: string): void {
    const { board, requests, complain, signal } = this._options;
    const name = `access: the card …${tagEnd(tag)}`;
    const platform = requests();
    if (!this._learningLimit.take()) {
      signal("failed");
      return;
    }
    if (!platform) {
      complain(`${name} was not learned: the station is not connected`);
      signal("failed");
      return;
    }
    platform.request("create-tag", { tag }, (outcome) => {
      const isLearned = outcome.ok && textField(outcome.data, "tagId", 64) !== undefined;
      signal(isLearned ? "learned" : "failed");
      if (isLearned) board.log(`${name} is learned`);
      else complain(`${name} was not learned: ${outcome.ok ? "no tagId came" : outcome.failure.code}`);
    });
  }

  private _swipe(tag: string): void {
    if (this.isLearning && isTag(tag)) {
      this._learn(tag);
      return;
    }
    const { board, charging, options, signal } = this._options;
    if (options().cardEnds && charging.session?.grant.tag === tagHash(board.crypto, tag)) {
      board.log(`rfid: the card …${tagEnd(tag)} ends its session`);
      signal("ended");
      charging.stop();
      return;
    }
    this._readerSource.attempt(tag, ({ state, code, reason }) => {
      // A reader that goes mad does not flood the log.
      if (code !== TOO_MANY) board.log(`rfid: the card …${tagEnd(tag)}: ${state} (${code}: ${reason})`);
    });
  }
}
