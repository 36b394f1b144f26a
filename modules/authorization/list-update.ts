import type { IO } from "../board/index.js";
import { type JSONObject, numberField } from "../json/index.js";
import type { Requester, RequestOutcome } from "../requests/index.js";
import { LIST_PAGE_TAGS, type LocalList, MAX_LISTED_TAGS } from "./local-list.js";

export interface ListUpdateOptions {
  readonly list: LocalList;
  readonly platform: Pick<Requester, "request">;
  readonly report: (line: string) => void;
  /** There is a new list. */
  readonly onUpdated: () => void;
}

/** Brings the local list up to date, a page at a time; what does not come whole changes nothing. */
export class ListUpdate implements IO {
  private _options: ListUpdateOptions;
  private _asking: IO | undefined;

  constructor(options: ListUpdateOptions) {
    this._options = options;
  }

  /** Asks the platform, unless that is under way. */
  start(): void {
    if (!this._asking) this._ask(0, undefined);
  }

  /** Gives up what is under way. */
  close(): void {
    this._asking?.close();
    this._asking = undefined;
  }

  private _ask(from: number, version: number | undefined): void {
    const { list, platform } = this._options;
    const data = { version: list.version, from, limit: LIST_PAGE_TAGS };
    this._asking = platform.request("local-list", data, (outcome) => {
      this._asking = undefined;
      const problem = this._take(outcome, { from, version });
      if (problem) this._options.report(`local-list: stays as it is: ${problem}`);
    });
  }

  /** What is wrong with an answer, if anything is. */
  private _take(
    outcome: RequestOutcome,
    { from, version: begun }: { from: number; version: number | undefined },
  ): string | undefined {
    if (!outcome.ok) return outcome.failure.code;
    const { list, report, onUpdated } = this._options;
    const answer = parseAnswer(outcome.data, from);
    if (!answer) return "the platform's answer is no list";
    const { version, tags, total } = answer;
    if (version === list.version) return undefined;
    if (begun !== undefined && version !== begun) return "it changed while it was fetched";
    const next = from + tags.length;
    if (next < total && (tags.length === 0 || next % LIST_PAGE_TAGS !== 0)) return "a page is not whole";
    try {
      list.put(from, tags);
      if (next < total) this._ask(next, version);
      else {
        list.commit({ version, count: next });
        report(`local-list: version ${version} with ${next} tags`);
        onUpdated();
      }
      return undefined;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      return error.message;
    }
  }
}

/** Without `total` what came is all. */
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
