import type { Board, IO } from "../board/index.js";
import { messageOf } from "../errors/index.js";
import type { AnswerCache } from "./cache.js";
import type { LocalList } from "./local-list.js";
import { tagHash } from "./tag.js";
import type { Card, Verdict, Verifier } from "./verifier.js";

/**
 * Policies for authorization without the platform: authorize no tag, the tags on the local list, or also the tags in
 * the cache.
 */
export const OFFLINE_POLICIES = ["deny", "list", "list-and-cache"] as const;
/** Policy for authorization without the platform. */
export type OfflinePolicy = (typeof OFFLINE_POLICIES)[number];

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
  recordVerdict({ tag }: Card, verdict: Verdict): void {
    const { board, list, cache } = this._options;
    if (verdict.type === "failed") return;
    const hash = tagHash(board.crypto, tag);
    if (verdict.type === "authorized") {
      if (verdict.cacheForS !== undefined) cache.allow(hash, verdict.cacheForS, verdict.maxCurrentA);
      else cache.forget(hash);
      this._persist(() => list.restore(hash));
    } else {
      cache.forget(hash);
      this._persist(() => list.strike(hash));
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

  verify({ tag }: Card, done: (verdict: Verdict) => void): IO {
    const { clock, crypto } = this._options.board;
    const timer = clock.set(() => done(this._verdict(tagHash(crypto, tag))), 0);
    return { close: () => clock.clear(timer) };
  }

  private _verdict(hash: string): Verdict {
    const { settings, list, cache } = this._options;
    const policy = settings.now.offlinePolicy;
    // Nothing was looked up, so that the tag does not count as an unknown one.
    if (policy === "deny") {
      return {
        type: "failed",
        failure: { code: "offline", message: "no tag is authorized without the platform" },
      };
    }
    const known = policy === "list-and-cache" ? cache.get(hash) : undefined;
    if (known) return { type: "authorized", ...known, by: "the cache" };
    if (list.has(hash)) return { type: "authorized", by: "the local list" };
    return {
      type: "failed",
      failure: { code: "unknown-offline", message: "the tag is unknown without the platform" },
    };
  }
}
