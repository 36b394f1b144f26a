/** Log of the latest requests and answers, for the admin page. It contains no secrets, and only the ends of tags. */

import type { Decision } from "./endpoints.js";
import { tagEndOf } from "./fields.js";
import type { Request } from "./responder.js";

/** A request and its answer. */
export interface Exchange {
  /** Milliseconds since 1970-01-01 UTC. */
  readonly atMs: number;
  readonly device: string;
  readonly endpoint: string;
  /** Displayable fields of the request, as text. Secret values are replaced by "hidden". */
  readonly asked: Readonly<Record<string, string>>;
  readonly code: string;
  /** Displayable fields of the answer, as text, and `note`: the true reason of a refusal, which the answer hides. Secret values are replaced by "hidden". */
  readonly answered: Readonly<Record<string, string>>;
}

/** A message that was not answered. */
export interface Ignored {
  readonly atMs: number;
  readonly why: string;
}

export const MAX_EXCHANGES = 200;
const MAX_TEXT_CHARS = 80;
/** Maximum number of displayed rows of a trace. */
const MAX_ROWS = 64;

/** How a field is displayed. */
type Show = "whole" | "end" | "count" | "hidden" | "counters" | "events";

/** The displayed fields of each endpoint. Unlisted endpoints and fields are not displayed. */
const SHOWN: Readonly<Record<string, { asked: Record<string, Show>; answered: Record<string, Show> }>> = {
  authorize: {
    asked: { tag: "end", method: "whole", proof: "hidden" },
    answered: {
      authorized: "whole",
      reason: "whole",
      maxCurrent: "whole",
      cacheFor: "whole",
      receipt: "hidden",
    },
  },
  session: {
    asked: {
      id: "whole",
      tagEnd: "whole",
      method: "whole",
      start: "whole",
      end: "whole",
      seconds: "whole",
      startWh: "whole",
      endWh: "whole",
      why: "whole",
    },
    answered: { accepted: "whole" },
  },
  "local-list": {
    asked: { version: "whole", from: "whole", limit: "whole", proofs: "whole" },
    answered: { version: "whole", total: "whole", tags: "count" },
  },
  "create-tag": { asked: { tag: "end", label: "whole" }, answered: { tagId: "end" } },
  diagnostics: {
    asked: { uptimeMs: "whole", timeMs: "whole", counters: "counters", events: "events" },
    answered: { accepted: "whole" },
  },
  "rotate-key": { asked: { step: "whole" }, answered: { key: "hidden", accepted: "whole" } },
  "change-owner": { asked: { owner: "whole" }, answered: { user: "whole", token: "hidden" } },
};

/** The latest 200 exchanges and the latest 200 ignored messages, in memory. */
export class Traffic {
  readonly #now: () => number;
  readonly #exchanges: Exchange[] = [];
  readonly #ignored: Ignored[] = [];

  constructor(options: { readonly now?: () => number } = {}) {
    this.#now = options.now ?? Date.now;
  }

  record({ deviceId, endpoint, data }: Request, { code, data: answer, note }: Decision): void {
    const shown = Object.hasOwn(SHOWN, endpoint) ? SHOWN[endpoint] : undefined;
    const answered = shown?.answered ?? {};
    push(this.#exchanges, {
      atMs: this.#now(),
      device: deviceId,
      endpoint: shown ? endpoint : "unknown",
      asked: fieldsOf(data, shown?.asked ?? {}),
      code,
      answered: {
        ...fieldsOf(answer, { ...answered, message: "whole" }),
        ...(note === undefined ? {} : { note: cut(note) }),
      },
    });
  }

  /** @param why The reason, without secrets. */
  recordIgnored(why: string): void {
    push(this.#ignored, { atMs: this.#now(), why: cut(why) });
  }

  /** The exchanges, the newest first. */
  get exchanges(): readonly Exchange[] {
    return this.#exchanges.toReversed();
  }

  /** The ignored messages, the newest first. */
  get ignored(): readonly Ignored[] {
    return this.#ignored.toReversed();
  }
}

function push<T>(list: T[], item: T): void {
  list.push(item);
  if (list.length > MAX_EXCHANGES) list.shift();
}

function fieldsOf(data: unknown, shown: Readonly<Record<string, Show>>): Record<string, string> {
  const fields: Record<string, string> = {};
  if (typeof data !== "object" || data === null) return fields;
  for (const [name, how] of Object.entries(shown)) {
    const value: unknown = Object.hasOwn(data, name) ? Reflect.get(data, name) : undefined;
    if (value !== undefined) fields[name] = textOf(value, how);
  }
  return fields;
}

function textOf(value: unknown, how: Show): string {
  if (how === "hidden") return "hidden";
  if (how === "count") return Array.isArray(value) ? String(value.length) : "hidden";
  if (how === "counters") return listOf(Object.entries(value ?? {}));
  if (how === "events") return Array.isArray(value) ? listOf(value) : "hidden";
  if (typeof value === "object" && value !== null) return "hidden";
  return how === "end" ? tagEndOf(String(value)) : cut(String(value));
}

/** The rows of a trace, as text. A row is an array of words and numbers. */
function listOf(rows: readonly unknown[]): string {
  return rows
    .slice(0, MAX_ROWS)
    .map((one) => cut(Array.isArray(one) ? one.filter(isShort).join(" ") : ""))
    .join("; ");
}

function isShort(value: unknown): boolean {
  return typeof value === "number" || typeof value === "string";
}

function cut(text: string): string {
  return text.length > MAX_TEXT_CHARS ? `${text.slice(0, MAX_TEXT_CHARS)}…` : text;
}
