import type { Board, IO } from "../board/index.js";
import { decodeBase64URL, encodeUTF8, equalBytes } from "../bytes/index.js";
import { proofOf } from "../card-proof/index.js";
import { messageOf } from "../errors/index.js";
import type { AnswerCache } from "./cache.js";
import type { LocalList } from "./local-list.js";
import type { Card, CardChallengeProof, Verdict, Verifier } from "./verifier.js";

/**
 * Policies for authorization without the platform: authorize no tag, the tags on the local list, or also the tags in
 * the cache.
 */
export const OFFLINE_POLICIES = ["deny", "list", "list-and-cache"] as const;
/** Policy for authorization without the platform. */
export type OfflinePolicy = (typeof OFFLINE_POLICIES)[number];

/** The platform's reason for a card that its owner or a person has blocked. */
const BLOCKED = "blocked";
const BY_LIST: Verdict = { type: "authorized", by: "the local list" };
const UNKNOWN: Verdict = {
  type: "failed",
  failure: { code: "unknown-offline", message: "the card is unknown without the platform" },
};
const DENIED: Verdict = {
  type: "failed",
  failure: { code: "offline", message: "no card is authorized without the platform" },
};

export interface OfflineVerifierOptions {
  readonly board: Pick<Board, "clock" | "log"> & { readonly crypto: Pick<Board["crypto"], "sha256"> };
  readonly list: LocalList;
  readonly cache: AnswerCache;
  readonly settings: { readonly now: { readonly offlinePolicy: OfflinePolicy } };
}

/** Verifier that decides by local list and cache. It runs only after the platform has not answered. */
export class OfflineVerifier implements Verifier {
  private readonly _options: OfflineVerifierOptions;

  constructor(options: OfflineVerifierOptions) {
    this._options = options;
  }

  /** Whether any tag can be authorized under the present policy, list and cache. */
  get canAuthorize(): boolean {
    const { settings, list, cache } = this._options;
    const policy = settings.now.offlinePolicy;
    return policy !== "deny" && (list.count > 0 || (policy === "list-and-cache" && cache.size > 0));
  }

  /** Whether a tag is on the local list. */
  isListed(hash: string): boolean {
    const { settings, list } = this._options;
    return settings.now.offlinePolicy !== "deny" && list.has(hash);
  }

  /** Updates cache and list by a verdict of the platform. */
  recordVerdict({ hash, proof }: Card, verdict: Verdict): void {
    const { list, cache } = this._options;
    if (verdict.type === "failed") return;
    if (proof) this._recordProofVerdict(hash, verdict);
    else if (verdict.type === "authorized") {
      if (verdict.cacheForS !== undefined) cache.allow(hash, verdict.cacheForS, verdict.maxCurrentA);
      else cache.forget(hash);
      this._persist(() => list.restore(hash));
    } else {
      cache.forget(hash);
      this._persist(() => list.strike(hash));
    }
  }

  /**
   * Updates the list by a verdict about a proof. The cache stores none: it would authorize the public id of the card.
   * Only a blocked card is struck, because every phone in reach can write a wrong proof for a card id.
   */
  private _recordProofVerdict(hash: string, verdict: Verdict): void {
    const { list } = this._options;
    if (verdict.type === "authorized") this._persist(() => list.restore(hash, "proofs"));
    else if (verdict.type === "rejected" && verdict.reason === BLOCKED) {
      this._persist(() => list.strike(hash, "proofs"));
    }
  }

  /** Writes to the list. A storage error is reported, and the change then holds until the restart. */
  private _persist(change: () => void): void {
    try {
      change();
    } catch (error) {
      this._options.board.log(`local-list: not stored: ${messageOf(error)}`);
    }
  }

  verify(card: Card, done: (verdict: Verdict) => void): IO {
    const { clock } = this._options.board;
    const timer = clock.set(() => done(this._verdict(card)), 0);
    return { close: () => clock.clear(timer) };
  }

  private _verdict({ hash, tag, proof }: Card): Verdict {
    const { settings, list, cache } = this._options;
    const policy = settings.now.offlinePolicy;
    // Nothing was looked up, so that the tag does not count as an unknown one.
    if (policy === "deny") return DENIED;
    if (proof) return this._isProven(hash, tag, proof) ? BY_LIST : UNKNOWN;
    const known = policy === "list-and-cache" ? cache.get(hash) : undefined;
    if (known) return { type: "authorized", ...known, by: "the cache" };
    return list.has(hash) ? BY_LIST : UNKNOWN;
  }

  /** Whether a proof is that of a listed card. */
  private _isProven(hash: string, cardId: string, { proof, station, nonce }: CardChallengeProof): boolean {
    const { board, list } = this._options;
    const stationKey = decodeBase64URL(list.stationKeyOf(hash) ?? "");
    if (!stationKey?.length) return false;
    const expected = proofOf(board.crypto, stationKey, { station, nonce, cardId });
    return equalBytes(encodeUTF8(expected), encodeUTF8(proof));
  }
}
