import type { Board, IO } from "../board/index.js";
import { messageOf } from "../errors/index.js";
import { type JSONObject, numberField } from "../json/index.js";
import type { Requester, RequestOutcome } from "../requests/index.js";
import {
  isProofEntry,
  LIST_PAGE_TAGS,
  type LocalList,
  MAX_LISTED_PROOFS,
  MAX_LISTED_TAGS,
} from "./local-list.js";

export interface ListUpdateOptions {
  readonly list: LocalList;
  readonly platform: Pick<Requester, "request">;
  readonly board: Pick<Board, "log">;
  readonly listener: ListUpdateListener;
}

export interface ListUpdateListener {
  /** A new list is in force. */
  handleListChanged(): void;
}

/** Downloads the local list from the platform page by page. An incomplete download leaves the old list in force. */
export class ListUpdate implements IO {
  private readonly _options: ListUpdateOptions;
  private _request: IO | undefined;

  constructor(options: ListUpdateOptions) {
    this._options = options;
  }

  /** Starts a download, unless one is in progress. */
  start(): void {
    if (!this._request) this._requestPage({ from: 0, version: undefined, proofs: 0 });
  }

  /** Cancels the download. */
  close(): void {
    this._request?.close();
    this._request = undefined;
  }

  private _requestPage(download: Download): void {
    const { list, platform } = this._options;
    const data = { version: list.version, from: download.from, limit: LIST_PAGE_TAGS, proofs: true };
    this._request = platform.request("local-list", data, (outcome) => {
      this._request = undefined;
      const problem = this._handleOutcome(outcome, download);
      if (problem) this._options.board.log(`local-list: not updated: ${problem}`);
    });
  }

  /** Stores a page. Returns an error text when the page cannot be used. */
  private _handleOutcome(outcome: RequestOutcome, download: Download): string | undefined {
    if (!outcome.ok) return outcome.failure.message;
    const { list, board, listener } = this._options;
    const { from } = download;
    const answer = parseAnswer(outcome.data, from);
    if (!answer) return "the platform's answer is not a list";
    const { version, tags, total } = answer;
    if (version === list.version) return undefined;
    if (download.version !== undefined && version !== download.version) {
      return "the list changed during the download";
    }
    const next = from + tags.length;
    if (next < total && (tags.length === 0 || next % LIST_PAGE_TAGS !== 0)) return "a page is incomplete";
    const proofs = download.proofs + tags.filter(isProofEntry).length;
    try {
      list.put(from, withoutSurplus(tags, MAX_LISTED_PROOFS - download.proofs));
      if (next < total) this._requestPage({ from: next, version, proofs });
      else {
        list.commit({ version, count: next });
        const secrets = proofs > 0 ? `, ${proofs} of them with a secret` : "";
        board.log(`local-list: version ${version} with ${next} tags${secrets}`);
        listener.handleListChanged();
      }
      return undefined;
    } catch (error) {
      return messageOf(error);
    }
  }
}

/** State of a download before its next page. */
interface Download {
  /** Index of the first entry of the page. */
  readonly from: number;
  readonly version: number | undefined;
  /** Number of received entries with a station key. */
  readonly proofs: number;
}

/** Empties the entries with a station key that the storage has no room for. Those cards need the platform. */
function withoutSurplus(entries: readonly string[], roomForProofs: number): readonly string[] {
  let room = roomForProofs;
  return entries.map((entry) => (isProofEntry(entry) && room-- <= 0 ? "" : entry));
}

/** Parses one page; `undefined` when it is malformed. Without `total` the page is the last one. */
function parseAnswer(
  data: JSONObject,
  from: number,
): { version: number; tags: string[]; total: number } | undefined {
  const version = numberField(data, "version", { min: 0, max: Number.MAX_SAFE_INTEGER });
  const tags: unknown[] = Array.isArray(data.tags) ? data.tags : [];
  const total = numberField(data, "total", { min: 0, max: MAX_LISTED_TAGS }) ?? from + tags.length;
  if (version === undefined || from + tags.length > Math.min(total, MAX_LISTED_TAGS)) return undefined;
  const isList = tags.every((tag) => typeof tag === "string" && isEntry(tag));
  return isList ? { version, tags: tags as string[], total } : undefined;
}

/** Whether a text is the hash of a tag, or of a card id with the card's station key in base64url. */
function isEntry(text: string): boolean {
  return /^[0-9a-f]{64}(:[A-Za-z0-9_-]{43})?$/.test(text);
}
