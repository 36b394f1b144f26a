/** The admin page's API. The server has checked the login and the origin of every call. */

import encodeQR from "qr";
import { z } from "zod";
import { parseJSONObject } from "../../modules/json/index.js";
import { cardFileText, cardLinkOf, makeCardId } from "../cards.js";
import type { TagEntry } from "../entries.js";
import { deviceId, tagEntry, tagText } from "../fields.js";
import { guessFinder } from "../guessable.js";
import type { Registry } from "../registry.js";
import { doubtsOf } from "../session-doubts.js";
import type { StationWatcher } from "../station-watcher.js";
import type { Traffic } from "../traffic.js";
import { type Known, problemsOf } from "./card-rules.js";
import { CSVError, formatCards, parseCards } from "./cards-csv.js";
import { formatSessions } from "./sessions-csv.js";
import {
  CARDS_PER_PAGE,
  type Cards,
  type Energy,
  type ImportedCards,
  type PhoneCard,
  type Refusal,
  type Requests,
  type SavedCard,
  SESSIONS_PER_PAGE,
  type Sessions,
  type Stations,
} from "./shapes.js";

export interface APIOptions {
  readonly registry: Registry;
  readonly watcher: Pick<StationWatcher, "isConnected" | "statusOf" | "requestDiagnostics">;
  readonly traffic: Pick<Traffic, "exchanges" | "ignored">;
  readonly now?: () => number;
}

/** A request to the API. */
export interface Call {
  readonly method: string;
  /** Decoded levels of the path, without `/api/`. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
  readonly body: string;
  /** `If-None-Match: *`: the call must not replace an existing entry. */
  readonly isNew: boolean;
}

/** A file for download. */
export interface AnsweredFile {
  readonly name: string;
  readonly type: string;
  readonly text: string;
}

export type Answer =
  | { readonly status: number; readonly json: object }
  | { readonly status: number; readonly file: AnsweredFile };

/** Maximum number of time edges in an energy request: more than one year of days. */
const MAX_EDGES = 400;
/** Maximum size of an imported file beyond that of an export, bytes. */
const MAX_FURTHER_BYTES = 2 * 1024 * 1024;
/** Maximum number of sessions in an exported file. */
const MAX_EXPORTED_SESSIONS = 10_000;
/** Maximum number of reported numbers that can be guessed. */
const MAX_WARNINGS = 20;
/** Width of the light border around a QR code, in modules (ISO/IEC 18004). */
const QUIET_ZONE = 4;
const NO_SECRET = "this card does not exist, or accepts no proofs";
const cardBody = tagEntry.omit({ tag: true });
const acceptanceBody = z.strictObject({ device: deviceId });

/** Answers a call. */
export function answer(call: Call, options: APIOptions): Answer {
  const [kind, name, ...rest] = call.path;
  if (rest.length > 0 || kind === undefined) return refuse(404, "not found");
  if (kind === "cards" && name !== undefined) return card(name, call, options);
  if (kind === "cards" && call.method === "POST") return makeCard(call, options);
  if (kind === "secrets" && name !== undefined) return secret(name, call, options);
  if (kind === "card-files" && name !== undefined) return cardFile(name, call, options);
  if (kind === "diagnostics" && name !== undefined) return diagnostics(name, call, options);
  if (kind === "rotate-key" && name !== undefined) return rotateKey(name, call, options);
  if (kind === "expected" && name !== undefined) return acceptance(name, call, options);
  if (name !== undefined) return refuse(404, "not found");
  if (kind === "cards.csv") return cardsFile(call, options);
  if (kind === "sessions.csv") return sessionsFile(call, options);
  if (call.method !== "GET") return refuse(405, "method not allowed; use GET");
  const { registry, traffic } = options;
  switch (kind) {
    case "cards":
      return ok(cards(call.query, registry));
    case "stations":
      return ok(stations(options));
    case "sessions":
      return ok(sessions(call.query, registry));
    case "energy":
      return energy(call.query, registry);
    case "requests":
      return ok({ exchanges: traffic.exchanges, ignored: traffic.ignored } satisfies Requests);
    default:
      return refuse(404, "not found");
  }
}

export function refuse(status: number, error: string, mistakes?: readonly string[]): Answer {
  return { status, json: { error, mistakes } satisfies Refusal };
}

function ok(json: object): Answer {
  return { status: 200, json };
}

function cards(query: URLSearchParams, registry: Registry): Cards {
  const wanted = (query.get("search") ?? "").trim().toLowerCase();
  const found = registry.tags.filter((one) =>
    [one.tag, one.owner, one.label ?? ""].some((text) => text.toLowerCase().includes(wanted)),
  );
  const offset = wholeNumber(query.get("offset"));
  const warningOf = guessFinder(registry.tags);
  return {
    total: found.length,
    cards: found.slice(offset, offset + CARDS_PER_PAGE).map((one) => ({ ...one, warning: warningOf(one) })),
    owners: registry.users.map(({ email }) => email),
    stations: registry.devices.map(({ id, owner }) => ({ id, owner })),
  };
}

function card(tag: string, { method, body, isNew }: Call, { registry }: APIOptions): Answer {
  const before = registry.tag(tag);
  if (method === "DELETE") {
    if (!before) return refuse(404, "this card does not exist");
    registry.deleteTag(tag);
    return ok({});
  }
  if (method !== "PUT") return refuse(405, "method not allowed; use PUT or DELETE");
  if (isNew && before) return refuse(412, "a card with this number already exists");
  if (!isNew && !before) return refuse(404, "this card no longer exists");
  const number = tagText.safeParse(tag);
  if (!number.success) return refuse(400, `tag: ${number.error.issues[0]?.message}`);
  return saveCard(tag, body, registry);
}

/** Adds a card with a number of the platform. */
function makeCard({ body }: Call, { registry }: APIOptions): Answer {
  return saveCard(makeCardId(), body, registry);
}

function saveCard(tag: string, body: string, registry: Registry): Answer {
  const fields = cardBody.safeParse(parseJSON(body));
  if (!fields.success) {
    const [issue] = fields.error.issues;
    return refuse(400, `${issue?.path.join(".") || "the card"}: ${issue?.message}`);
  }
  const entry: TagEntry = { tag, ...fields.data };
  const [problem] = problemsOf(entry, knownBy(registry));
  if (problem !== undefined) return refuse(400, problem);
  registry.putTag(entry);
  return ok({ tag, warning: guessFinder(registry.tags)(entry) } satisfies SavedCard);
}

/** Shows the secret of a card, or gives it a new one. */
function secret(tag: string, { method }: Call, { registry }: APIOptions): Answer {
  if (method !== "GET" && method !== "PUT") return refuse(405, "method not allowed; use GET or PUT");
  if (!registry.cardFile(tag)) return refuse(404, NO_SECRET);
  if (method === "PUT") registry.replaceSecret(tag);
  const card = registry.cardFile(tag);
  if (!card) return refuse(404, NO_SECRET);
  const link = cardLinkOf(card);
  const qr = encodeQR(link, "raw", { ecc: "medium", border: QUIET_ZONE }).map((row) =>
    row.map((isDark) => (isDark ? "1" : "0")).join(""),
  );
  return ok({ link, qr } satisfies PhoneCard);
}

function cardFile(tag: string, { method }: Call, { registry }: APIOptions): Answer {
  if (method !== "GET") return refuse(405, "method not allowed; use GET");
  const card = registry.cardFile(tag);
  if (!card) return refuse(404, NO_SECRET);
  const file = { name: `card-${tag}.json`, type: "application/json", text: cardFileText(card) };
  return { status: 200, file };
}

function knownBy(registry: Registry): Known {
  return {
    isUser: (email) => registry.user(email) !== undefined,
    ownerOf: (id) => registry.device(id)?.owner,
    card: (tag) => registry.tag(tag),
    cards: registry.tags.length,
  };
}

/** Maximum size of an imported file of cards, bytes: that of an export plus room for 10,000 more cards. */
export function maxFileBytes(registry: Registry): number {
  return MAX_FURTHER_BYTES + Buffer.byteLength(formatCards(registry.tags));
}

function cardsFile({ method, body }: Call, { registry }: APIOptions): Answer {
  if (method === "GET") {
    const text = formatCards(registry.tags);
    return { status: 200, file: { name: "cards.csv", type: "text/csv; charset=utf-8", text } };
  }
  if (method !== "POST") return refuse(405, "method not allowed; use GET or POST");
  try {
    const entries = parseCards(body, knownBy(registry));
    const isNew = entries.filter(({ tag }) => !registry.tag(tag)).length;
    registry.putTags(entries);
    const warnings = entries.map(guessFinder(registry.tags)).filter((one) => one !== undefined);
    return ok({
      added: isNew,
      changed: entries.length - isNew,
      warnings: warnings.slice(0, MAX_WARNINGS),
    } satisfies ImportedCards);
  } catch (error) {
    if (!(error instanceof CSVError)) throw error;
    return refuse(400, "The file was not imported; no card has changed.", error.mistakes);
  }
}

function stations({ registry, watcher, now = Date.now }: APIOptions): Stations {
  return {
    isConnected: watcher.isConnected,
    owners: registry.users.map(({ email }) => email),
    expected: registry.acceptances.map(({ owner, device, until }) => ({
      owner,
      device,
      forS: until - registry.nowS,
    })),
    stations: registry.devices.map((device) => {
      const { values, lastMessageMs } = watcher.statusOf(device);
      const lastMessageS =
        lastMessageMs === undefined ? null : Math.max(0, Math.round((now() - lastMessageMs) / 1000));
      const isRotating = device.nextKey !== undefined;
      return { id: device.id, owner: device.owner, values, lastMessageS, isRotating };
    }),
  };
}

/** Asks a station for its trace, which appears among the requests. */
function diagnostics(id: string, { method }: Call, { registry, watcher }: APIOptions): Answer {
  if (method !== "PUT") return refuse(405, "method not allowed; use PUT");
  const device = registry.device(id);
  if (!device) return refuse(404, "this station does not exist");
  watcher.requestDiagnostics(device);
  return ok({});
}

/** Offers a new response key to a station, which is asked to take it as soon as it is online. */
function rotateKey(id: string, { method }: Call, { registry }: APIOptions): Answer {
  if (method !== "PUT") return refuse(405, "method not allowed; use PUT");
  const device = registry.device(id);
  if (!device) return refuse(404, "this station does not exist");
  if (device.cipher !== "aes-256-gcm") return refuse(409, "a station with CBC cannot get a new key");
  registry.rotateKey(id);
  return ok({});
}

/** Records or withdraws an owner's acceptance of a station's transfer. */
function acceptance(owner: string, { method, body }: Call, { registry }: APIOptions): Answer {
  if (!registry.user(owner)) return refuse(404, "this user does not exist");
  if (method === "DELETE") {
    registry.withdrawAcceptance(owner);
    return ok({});
  }
  if (method !== "PUT") return refuse(405, "method not allowed; use PUT or DELETE");
  const fields = acceptanceBody.safeParse(parseJSON(body));
  if (!fields.success) return refuse(400, `device: ${fields.error.issues[0]?.message}`);
  registry.acceptTransfer({ owner, ...fields.data });
  return ok({});
}

function sessions(query: URLSearchParams, registry: Registry): Sessions {
  const offset = wholeNumber(query.get("offset"));
  return {
    total: registry.sessionCount,
    sessions: registry.sessions({ offset, limit: SESSIONS_PER_PAGE }).map((entry) => {
      const { tag: _, startWh, endWh, isDisputed: __, meterFault: ___, signed: ____, ...session } = entry;
      return { ...session, energyWh: Math.max(0, endWh - startWh), doubts: doubtsOf(entry) };
    }),
  };
}

function sessionsFile({ method }: Call, { registry }: APIOptions): Answer {
  if (method !== "GET") return refuse(405, "method not allowed; use GET");
  const text = formatSessions(registry.sessions({ limit: MAX_EXPORTED_SESSIONS }));
  return { status: 200, file: { name: "sessions.csv", type: "text/csv; charset=utf-8", text } };
}

/**
 * Energy between consecutive `edges`, which are in seconds since 1970-01-01 UTC and rising. The browser sends its days'
 * starts, because days with a clock change have other lengths.
 */
function energy(query: URLSearchParams, registry: Registry): Answer {
  const edges = (query.get("edges") ?? "").split(",").map(Number);
  const isRising = edges.every((edge, i) => Number.isSafeInteger(edge) && edge > (edges[i - 1] ?? -1));
  if (!isRising || edges.length < 2 || edges.length > MAX_EDGES) {
    return refuse(400, `edges: must be 2-${MAX_EDGES} whole numbers, each larger than the previous one`);
  }
  const wh = edges.slice(1).map((toS, i) => registry.energyWh({ fromS: edges[i] ?? 0, toS }));
  return ok({ wh } satisfies Energy);
}

function wholeNumber(text: string | null): number {
  return text !== null && /^\d{1,9}$/.test(text) ? Number(text) : 0;
}

function parseJSON(text: string): unknown {
  return parseJSONObject(Uint8Array.from(Buffer.from(text, "utf8")));
}
