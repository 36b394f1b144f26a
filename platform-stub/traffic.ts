/** The latest requests and answers, for people to look at: without secrets, and of tags only their ends. */

import type { Decision } from "./endpoints.js";
import { tagEndOf } from "./fields.js";
import type { Request } from "./responder.js";

export interface Exchange {
  /** Milliseconds since 1970-01-01 UTC. */
  readonly atMs: number;
  readonly device: string;
  readonly endpoint: string;
  /** Fields of the request and of the answer that may be seen, as text; of the others only that they were there. */
  readonly asked: Readonly<Record<string, string>>;
  readonly code: string;
  readonly answered: Readonly<Record<string, string>>;
}

/** A message that was not answered. */
export interface Ignored {
  readonly atMs: number;
  readonly why: string;
}

export const MAX_EXCHANGES = 200;
const MAX_TEXT_CHARS = 80;

type Show = "whole" | "end" | "count" | "hidden";

/** What is not listed is not shown: neither are endpoints nobody knows, nor fields nobody expects. */
const SHOWN: Readonly<Record<string, { asked: Record<string, Show>; answered: Record<string, Show> }>> = {
  authorize: {
    asked: { tag: "end", method: "whole" },
    answered: { authorized: "whole", reason: "whole", maxCurrent: "whole", cacheFor: "whole" },
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
    asked: { version: "whole", from: "whole", limit: "whole" },
    answered: { version: "whole", total: "whole", tags: "count" },
  },
  "create-tag": { asked: { tag: "end", label: "whole" }, answered: { tagId: "end" } },
  "change-owner": { asked: { owner: "whole" }, answered: { user: "whole", token: "hidden" } },
};

/** In memory, the latest 200 of each. */
export class Traffic {
  #now: () => number;
  #exchanges: Exchange[] = [];
  #ignored: Ignored[] = [];

  constructor(options: { readonly now?: () => number } = {}) {
    this.#now = options.now ?? Date.now;
  }

  note({ deviceId, endpoint, data }: Request, { code, data: answer }: Decision): void {
    const shown = Object.hasOwn(SHOWN, endpoint) ? SHOWN[endpoint] : undefined;
    const answered = shown?.answered ?? {};
    push(this.#exchanges, {
      atMs: this.#now(),
      device: deviceId,
      endpoint: shown ? endpoint : "unknown",
      asked: fieldsOf(data, shown?.asked ?? {}),
      code,
      answered: fieldsOf(answer, { ...answered, message: "whole" }),
    });
  }

  /** @param why without secrets */
  noteIgnored(why: string): void {
    push(this.#ignored, { atMs: this.#now(), why: cut(why) });
  }

  /** The newest first. */
  get exchanges(): readonly Exchange[] {
    return this.#exchanges.toReversed();
  }

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
  if (typeof value === "object" && value !== null) return "hidden";
  return how === "end" ? tagEndOf(String(value)) : cut(String(value));
}

function cut(text: string): string {
  return text.length > MAX_TEXT_CHARS ? `${text.slice(0, MAX_TEXT_CHARS)}…` : text;
}
