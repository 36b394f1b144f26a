/** Who may charge: the ways in which cards come, and who is asked about them. */

import {
  AnswerCache,
  Authorization,
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
  readonly onChanged: () => void;
}

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
      onChanged: options.onChanged,
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
    const limitA = options().currentLimitA;
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

  /** What the platform says is remembered. */
  #platformVerifier(): Verifier {
    return {
      verify: (card, done) =>
        this.#askPlatform().verify(card, (verdict) => {
          this.#offline.note(card, verdict);
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

  #swipe(tag: string): void {
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
