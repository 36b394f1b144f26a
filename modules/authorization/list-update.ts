import type { Board, IO } from "../board/index.js";
import { messageOf } from "../errors/index.js";
import { type JSONObject, numberField } from "../json/index.js";
import type { Requester, RequestOutcome } from "../requests/index.js";
import { LIST_PAGE_TAGS, type LocalList, MAX_LISTED_TAGS } from "./local-list.js";

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
    if (!this._request) this._requestPage(0, undefined);
  }

  /** Cancels the download. */
  close(): void {
    this._request?.close();
    this._request = undefined;
  }

  private _requestPage(from: number, version: number | undefined): void {
    const { list, platform } = this._options;
    const data = { version: list.version, from, limit: LIST_PAGE_TAGS };
    this._request = platform.request("local-list", data, (outcome) => {
      this._request = undefined;
      const problem = this._handleOutcome(outcome, { from, version });
      if (problem) this._options.board.log(`local-list: not updated: ${problem}`);
    });
  }

  /** Stores a page. Returns an error text when the page cannot be used. */
  private _handleOutcome(
    outcome: RequestOutcome,
    { from, version: begun }: { from: number; version: number | undefined },
  ): string | undefined {
    if (!outcome.ok) return outcome.failure.message;
    const { list, board, listener } = this._options;
    const answer = parseAnswer(outcome.data, from);
    if (!answer) return "the platform's answer is not a list";
    const { version, tags, total } = answer;
    if (version === list.version) return undefined;
    if (begun !== undefined && version !== begun) return "the list changed during the download";
    const next = from + tags.length;
    if (next < total && (tags.length === 0 || next % LIST_PAGE_TAGS !== 0)) return "a page is incomplete";
    try {
      list.put(from, tags);
      if (next < total) this._requestPage(next, version);
      else {
        list.commit({ version, count: next });
        board.log(`local-list: version ${version} with ${next} tags`);
        listener.handleListChanged();
      }
      return undefined;
    } catch (error) {
      return messageOf(error);
    }
  }
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
  const isList = tags.every((tag) => typeof tag === "string" && /^[0-9a-f]{64}$/.test(tag));
  return isList ? { version, tags: tags as string[], total } : undefined;
}
