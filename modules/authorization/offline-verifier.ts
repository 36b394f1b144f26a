import type { Clock, Crypto, IO } from "../board/index.js";
import type { AnswerCache } from "./cache.js";
import type { LocalList } from "./local-list.js";
import { tagHash } from "./tag.js";
import type { Card, Verdict, Verifier } from "./verifier.js";

/** Who may charge when the platform does not answer: nobody, who is on the local list, or who was let in lately too. */
export const OFFLINE_POLICIES = ["deny", "list", "list-and-cache"] as const;
export type OfflinePolicy = (typeof OFFLINE_POLICIES)[number];

export interface OfflineVerifierOptions {
  readonly clock: Clock;
  readonly crypto: Pick<Crypto, "sha256">;
  readonly list: LocalList;
  readonly cache: AnswerCache;
  readonly policy: () => OfflinePolicy;
  readonly report: (line: string) => void;
}

/** Says what it knows of a card without the platform; asked only after that has not answered. */
export class OfflineVerifier implements Verifier {
  private _options: OfflineVerifierOptions;

  constructor(options: OfflineVerifierOptions) {
    this._options = options;
  }

  /** It may let somebody in. */
  get isOfUse(): boolean {
    const { policy, list, cache } = this._options;
    return policy() !== "deny" && (list.count > 0 || (policy() === "list-and-cache" && cache.size > 0));
  }

  /** Remembers what the platform has said of a card. */
  note({ tag }: Card, verdict: Verdict): void {
    const { crypto, list, cache } = this._options;
    if (verdict.type === "failed") return;
    const hash = tagHash(crypto, tag);
    if (verdict.type === "authorized") {
      if (verdict.cacheForS !== undefined) cache.allow(hash, verdict.cacheForS, verdict.maxCurrentA);
      else cache.forget(hash);
      this._keep(() => list.restore(hash));
    } else {
      cache.forget(hash);
      this._keep(() => list.strike(hash));
    }
  }

  private _keep(change: () => void): void {
    try {
      change();
    } catch (error) {
      this._options.report(`local-list: not stored: ${error instanceof Error ? error.message : "unknown"}`);
    }
  }

  verify({ tag }: Card, done: (verdict: Verdict) => void): IO {
    const { clock, crypto } = this._options;
    const timer = clock.set(() => done(this._verdict(tagHash(crypto, tag))), 0);
    return { close: () => clock.clear(timer) };
  }

  private _verdict(hash: string): Verdict {
    const { policy, list, cache } = this._options;
    const known = policy() === "list-and-cache" ? cache.get(hash) : undefined;
    if (known) return { type: "authorized", ...known, by: "the cache" };
    if (policy() !== "deny" && list.has(hash)) return { type: "authorized", by: "the local list" };
    return { type: "failed", code: 503, reason: "nobody but the platform knows the tag" };
  }
}
