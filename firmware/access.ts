/** Who may charge: the ways in which cards come, and who is asked about them. */

import {
  AnswerCache,
  Authorization,
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
} from "../modules/authorization/index.js";
import type { Board, IO, Timer } from "../modules/board/index.js";
import type { Charging } from "../modules/charging/index.js";
import { textField } from "../modules/json/index.js";
import type { Requests } from "../modules/requests/index.js";
import { CardReader } from "../modules/rfid/index.js";
import type { Config } from "./config.js";
import type { Options } from "./options.js";
import type { Records } from "./records.js";

export interface AccessOptions {
  readonly board: Board;
  readonly config: Config;
  readonly records: Records;
  readonly options: () => Options;
  readonly charging: Pick<Charging, "admit" | "session" | "stop">;
  /** The station has a response key: it could ask the platform if it were connected. */
  readonly isProvisioned: boolean;
  /** `undefined` while the platform cannot be asked. */
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
/** The card of a session that the owner has started without one. */
const NO_CARD = { tag: "0".repeat(64), tagEnd: "-", method: "remote" };

/** The list is asked for when the platform is reached, and as often. */
const LIST_UPDATE_MS = 60 * 60_000;

export class Access implements IO {
  readonly #options: AccessOptions;
  readonly #authorization: Authorization;
  readonly #offline: OfflineVerifier;
  readonly #list: LocalList;
  readonly #cache: AnswerCache;
  readonly #listUpdate: ListUpdate;
  readonly #reader: CardReader;
  readonly #readerSource: TagSource;
  #listTimer: Timer | undefined;
  /** Runs while swiped cards become tags. */
  #learning: Timer | undefined;
  #blockedTries = new Map<string, number>();

  constructor(options: AccessOptions) {
    this.#options = options;
    const { board, config, records } = options;
    const { clock, crypto } = board;
    const report = (line: string) => board.log(line);
    this.#cache = new AnswerCache({ clock });
    this.#list = new LocalList({
      index: records(listIndexFormat),
      page: (name) => records(listPageFormat(name)),
    });
    this.#listUpdate = new ListUpdate({ list: this.#list, report, onUpdated: options.onChanged });
    const policy = () => options.options().offlinePolicy;
    this.#offline = new OfflineVerifier({ clock, crypto, list: this.#list, cache: this.#cache, policy });
    this.#authorization = new Authorization({
      clock,
      verifiers: [this.#platformVerifier(), this.#offline],
      attemptsPerMinute: {
        source: config.attemptsPerMinute.connection,
        station: config.attemptsPerMinute.station,
      },
      gate: { visitor: () => this.#visitor() },
      onChanged: options.onBusy,
    });
    this.#readerSource = this.#authorization.source("rfid");
    this.#reader = new CardReader({ board, kind: config.cardReader, onCard: (tag) => this.#swipe(tag) });
  }

  get isBusy(): boolean {
    return this.#authorization.isBusy;
  }

  /** Somebody may be let in though the platform cannot be asked. */
  get authorizesOffline(): boolean {
    return this.#offline.isOfUse;
  }

  /** Tags on the local list. */
  get listedTags(): number {
    return this.#list.count;
  }

  /** Swiped cards become tags of the owner's. */
  get isLearning(): boolean {
    return this.#learning !== undefined;
  }

  setLearning(isOn: boolean): void {
    const { board, onChanged } = this.#options;
    board.clock.clear(this.#learning);
    this.#learning = isOn ? board.clock.set(() => this.setLearning(false), LEARNING_MS) : undefined;
    board.log(`access: tag learning is ${isOn ? "on" : "off"}`);
    onChanged();
  }

  /** The owner lets the vehicle that waits charge. Gives why not, if not. */
  startWithoutCard(): string | undefined {
    const { charging, options } = this.#options;
    const isStarted = charging.admit()?.authorize({ ...NO_CARD, currentA: this.#limitA(options()) });
    return isStarted ? undefined : "no vehicle is plugged, or a session is under way";
  }

  /** Another owner's customers are not ours. */
  forgetOwner(): void {
    this.#cache.clear();
    this.#list.clear();
    this.setLearning(false);
  }

  /** Where a phone's connection presents its tags. */
  newPhone(): TagSource {
    return this.#authorization.source("ble");
  }

  /** The platform can be asked, or not any more; or who is let in without it has changed. */
  followPlatform(): void {
    const { clock } = this.#options.board;
    clock.clear(this.#listTimer);
    this.#listTimer = undefined;
    this.#listUpdate.close();
    if (!this.#options.requests() || this.#options.options().offlinePolicy === "deny") return;
    this.#updateList();
    this.#listTimer = clock.repeat(() => this.#updateList(), LIST_UPDATE_MS);
  }

  close(): void {
    this.#options.board.clock.clear(this.#listTimer);
    this.#options.board.clock.clear(this.#learning);
    this.#listUpdate.close();
    this.#reader.close();
    this.#authorization.close();
  }

  #updateList(): void {
    const requests = this.#options.requests();
    if (requests) this.#listUpdate.start(requests);
  }

  #visitor(): Visitor | undefined {
    const { board, charging, options } = this.#options;
    const admission = charging.admit();
    const limitA = this.#limitA(options());
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

  #limitA({ currentLimitA }: Options): number {
    return Math.min(currentLimitA, this.#options.config.currentLimitA);
  }

  /** What the platform says is remembered. */
  #platformVerifier(): Verifier {
    return {
      verify: (card, done) =>
        this.#askPlatform().verify(card, (verdict) => {
          this.#offline.note(card, verdict);
          if (verdict.type === "rejected" && verdict.reason === "blocked") this.#countBlocked(card.tag);
          done(verdict);
        }),
    };
  }

  #askPlatform(): Verifier {
    const { board, isProvisioned, requests } = this.#options;
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

  #countBlocked(tag: string): void {
    const hash = tagHash(this.#options.board.crypto, tag);
    const tries = (this.#blockedTries.get(hash) ?? 0) + 1;
    this.#blockedTries.delete(hash);
    if (tries === BLOCKED_TRIES) {
      this.#options.complain(`access: the blocked tag …${tagEnd(tag)} was tried ${tries} times`);
      return;
    }
    this.#blockedTries.set(hash, tries);
    const oldest = this.#blockedTries.keys().next().value;
    if (this.#blockedTries.size > MAX_BLOCKED_TAGS && oldest !== undefined) this.#blockedTries.delete(oldest);
  }

  /** A card becomes a tag at the platform. */
  #learn(tag: string): void {
    const { board, requests, complain } = this.#options;
    const name = `access: the card …${tagEnd(tag)}`;
    const platform = requests();
    if (!platform) {
      complain(`${name} was not learned: the station is not connected`);
      return;
    }
    platform.request("create-tag", { tag }, (outcome) => {
      if (outcome.ok && textField(outcome.data, "tagId", 64)) board.log(`${name} is learned`);
      else complain(`${name} was not learned: ${outcome.ok ? "no tagId came" : outcome.failure.code}`);
    });
  }

  #swipe(tag: string): void {
    if (this.isLearning && isTag(tag)) {
      this.#learn(tag);
      return;
    }
    const { board, charging, options } = this.#options;
    if (options().cardEnds && charging.session?.grant.tag === tagHash(board.crypto, tag)) {
      board.log(`rfid: the card …${tagEnd(tag)} ends its session`);
      charging.stop();
      return;
    }
    this.#readerSource.attempt(tag, ({ state, code, reason }) => {
      board.log(`rfid: the card …${tagEnd(tag)}: ${state} (${code}: ${reason})`);
    });
  }
}
