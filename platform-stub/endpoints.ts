import { createHash, randomBytes } from "node:crypto";
import { z } from "zod";
import { userTopicOf } from "./accounts.js";
import { REMARKABLE_SESSIONS } from "./daily-limits.js";
import type { DeviceEntry, TagEntry } from "./entries.js";
import { label, tagText } from "./fields.js";
import { METHODS } from "./methods.js";
import type { Registry } from "./registry.js";
import { doubtsOf } from "./session-doubts.js";

/** An endpoint's answer to a request whose sender is known. */
export interface Decision {
  readonly status: "0" | "1";
  readonly code: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** The true reason of a refusal, for the operator only: the station must not learn it, and the answer does not contain it. */
  readonly note?: string;
}

export interface EndpointContext {
  readonly registry: Registry;
  /** Whether stations may have their own tokens. Only the embedded broker supports them; others have one per user. */
  readonly hasStationTokens: boolean;
  /** Id of the request. A repeated request has the same id. */
  readonly requestId: string;
  /** Called when an operator should act: a report of a station is implausible. */
  readonly report?: (what: string) => void;
}

/** Decides the answer to a request of a device. */
export type Endpoint = (data: unknown, device: DeviceEntry, context: EndpointContext) => Decision;

const authorizeRequest = z.object({
  tag: z.string().min(1).max(64),
  method: z.enum(["ble", "rfid"]),
  proof: z.string().max(64).optional(),
  nonce: z
    .string()
    .regex(/^[0-9a-f]{32}$/)
    .optional(),
});

/**
 * `authorize`: decides whether a tag may charge at a station. A refusal is an answer, not an error. Another owner's card is
 * unknown, also with a proof: an owner must not learn of the cards of others.
 */
const authorize: Endpoint = (data, device, context) => {
  const request = authorizeRequest.safeParse(data);
  if (!request.success) return error("400", "authorize needs {tag, method: ble or rfid}");
  const { tag: number, proof, nonce } = request.data;
  const tag = context.registry.tag(number);
  if (!tag) return refused("unknown-tag");
  if (tag.owner !== device.owner) return { ...refused("unknown-tag"), note: "wrong-owner" };
  if (proof !== undefined) return authorizeProof({ tag, proof, nonce }, device, context);
  const reason = refusalOf(tag, device) ?? (tag.accepts === "proof" ? "proof-required" : undefined);
  if (reason !== undefined) return refused(reason);
  const { maxCurrent, cacheFor } = tag;
  return { status: "1", code: "200", data: { authorized: true, maxCurrent, cacheFor } };
};

/**
 * Decides about a card that was presented with a proof. Only a right proof uses up its nonce and gets a receipt. The
 * answer has no `cacheFor`: a station's cache knows numbers only, and the number of this card is public.
 */
function authorizeProof(
  { tag, proof, nonce }: { readonly tag: TagEntry; readonly proof: string; readonly nonce?: string },
  device: DeviceEntry,
  { registry, requestId, report }: EndpointContext,
): Decision {
  if (nonce === undefined) return error("400", "authorize with a proof needs its nonce, 32 hex digits");
  const card = registry.stationCard(tag.tag, device.id);
  if (!card) return refused("static-required");
  if (!card.isProof(proof, nonce)) return refused("wrong-proof");
  if (!registry.useNonce({ device: device.id, nonce, request: requestId })) {
    report?.(
      `authorize of ${device.id}: a recorded proof was sent again by a client that has the station's key`,
    );
    return refused("nonce-used");
  }
  const reason = refusalOf(tag, device);
  const receipt = card.receipt(nonce, reason === undefined ? 200 : 403);
  const data =
    reason === undefined ? { authorized: true, maxCurrent: tag.maxCurrent } : { authorized: false, reason };
  return { status: "1", code: "200", data: { ...data, receipt } };
}

/** The reason why a card of its owner may not charge at a station, however it is presented; `undefined` if it may. */
function refusalOf({ blocked, stations }: TagEntry, device: DeviceEntry): string | undefined {
  if (blocked) return "blocked";
  return stations && !stations.includes(device.id) ? "wrong-station" : undefined;
}

const wholeNumber = z.number().int().min(0);
/** Meter reading, Wh. The limit is above that of any meter. */
const energyWh = z.number().min(0).max(1e12);
/** Seconds since 1970-01-01 UTC; `null`: the station did not know the time. */
const moment = wholeNumber.nullable();

/** Maximum length of a session's signed data, characters: two OCMF texts with signatures. */
const MAX_SIGNED_CHARS = 4096;

export const sessionSchema = z.object({
  id: z.string().regex(/^[0-9a-f]{16}$/),
  connector: z.literal(1),
  tag: z.string().regex(/^[0-9a-f]{64}$/),
  tagEnd: z.string().min(1).max(4),
  method: z.enum(METHODS),
  start: moment,
  end: moment,
  seconds: wholeNumber,
  startWh: energyWh,
  endWh: energyWh,
  why: z.string().min(1).max(16),
  meterFault: z.string().min(1).max(32).optional(),
  /** Reserved for the meter's signed data. What cannot be kept is left out, because the station would repeat the session. */
  signed: z.string().min(1).max(MAX_SIGNED_CHARS).optional().catch(undefined),
});

/**
 * `session`: records a finished session. Implausible sessions are accepted too, since the station would repeat them
 * forever, and are reported to the operator. Beyond the limit of a day a new session is refused: the station keeps it and
 * repeats it.
 */
const session: Endpoint = (data, device, { registry, report }) => {
  const request = sessionSchema.safeParse(data);
  if (!request.success) return error("400", "session needs a finished session as in docs/protocol.md");
  const { connector: _, ...finished } = request.data;
  if (!registry.hasSession(device.id, finished.id)) {
    const admission = registry.dailyLimits.admitSession(device.id);
    if (admission === "refused") return error("429", "too many sessions in a day; repeat it later");
    if (admission === "remarkable")
      report?.(`${device.id} has reported more than ${REMARKABLE_SESSIONS} sessions in a day; check it`);
  }
  const entry = { device: device.id, owner: device.owner, accepted: registry.nowS, ...finished };
  const isSignedLost = finished.signed === undefined && hasSigned(data);
  const doubts = doubtsOf(registry.acceptSession(entry)).concat(
    isSignedLost ? [`its signed data was not kept: it is no text of 1-${MAX_SIGNED_CHARS} characters`] : [],
  );
  if (doubts.length > 0) report?.(`session ${finished.id} of ${device.id}: ${doubts.join("; ")}`);
  return { status: "1", code: "200", data: { accepted: true } };
};

function hasSigned(data: unknown): boolean {
  return typeof data === "object" && data !== null && "signed" in data && data.signed !== undefined;
}

/** Maximum number of entries in a station's local list (docs/protocol.md, section 4). */
const MAX_LISTED = 500;
const listRequest = z.object({
  version: wholeNumber,
  from: wholeNumber.default(0),
  limit: z.number().int().min(1).max(MAX_LISTED).default(MAX_LISTED),
  proofs: z.boolean().default(false),
});

/** An entry of a local list: of a plain tag, or with `cardId` of a card that is proved. */
interface ListEntry {
  readonly hash: string;
  readonly cardId?: string;
}

/**
 * `local-list`: returns a page of the cards that a station may authorize by itself. The version is a hash of the entries
 * and their form, so it changes exactly when they change, also by a new secret. A card's secret itself never leaves the
 * platform: an entry has its key at this station only.
 */
const localList: Endpoint = (data, device, { registry }) => {
  const request = listRequest.safeParse(data);
  if (!request.success) return error("400", "local-list needs {version}");
  const { from, limit, proofs } = request.data;
  const entries = registry
    .tagsAt(device)
    .flatMap(({ tag, accepts = "static" }) => {
      const hash = createHash("sha256").update(tag, "utf8").digest("hex");
      const isPlain = accepts !== "proof";
      const isProof = proofs && accepts !== "static";
      return [...(isPlain ? [{ hash }] : []), ...(isProof ? [{ hash, cardId: tag }] : [])];
    })
    .sort((one, other) => (one.hash < other.hash ? -1 : Number(one.hash > other.hash)))
    .slice(0, MAX_LISTED)
    .map(({ hash, cardId }: ListEntry) => {
      const card = cardId === undefined ? undefined : registry.stationCard(cardId, device.id);
      return card ? `${hash}:${card.key}` : hash;
    });
  const form = proofs ? "proofs," : "";
  const digest = createHash("sha256")
    .update(form + entries.join(), "utf8")
    .digest();
  const version = digest.readUIntBE(0, 6) + 1;
  if (request.data.version === version) return { status: "1", code: "200", data: { version } };
  const tags = entries.slice(from, from + limit);
  return { status: "1", code: "200", data: { version, tags, total: entries.length } };
};

const createTagRequest = z.object({ tag: tagText, label: label.optional() });

/** Maximum number of cards that an owner's stations can add. A station cannot fill the database. */
const MAX_LEARNED_TAGS = 5000;

/**
 * `create-tag`: adds a card that an installer presented. An existing tag of the owner does not change. All refusals have one
 * text, and after some of them all new tags of the owner are refused for a day: an owner could find other owners' cards.
 */
const createTag: Endpoint = (data, device, { registry, report }) => {
  const request = createTagRequest.safeParse(data);
  if (!request.success) return error("400", "create-tag needs {tag, label?}");
  const { tag, label } = request.data;
  const before = registry.tag(tag);
  if (before?.owner === device.owner) return { status: "1", code: "200", data: { tagId: tag } };
  const note = createRefusalOf(device, { registry, report, isTaken: before !== undefined });
  if (note !== undefined) return { ...error("403", "the card cannot be added"), note };
  registry.putTag({ tag, owner: device.owner, label });
  return { status: "1", code: "200", data: { tagId: tag } };
};

/** The reason why a station may not add a tag; `undefined` if it may. */
function createRefusalOf(
  { id, owner }: DeviceEntry,
  context: Pick<EndpointContext, "registry" | "report"> & { readonly isTaken: boolean },
): string | undefined {
  const { registry, report, isTaken } = context;
  const admission = registry.dailyLimits.admitTag(owner, { isTaken });
  if (admission === "remarkable")
    report?.(`create-tag of ${id}: ${owner} has tried several cards of other owners; it adds none for a day`);
  if (isTaken) return "wrong-owner";
  if (admission === "refused") return "too many cards of other owners in a day";
  const { length } = registry.tags.filter((one) => one.owner === owner);
  return length >= MAX_LEARNED_TAGS ? "the owner has too many cards" : undefined;
}

const changeOwnerRequest = z.object({ owner: z.string().min(3).max(128) });

/**
 * `change-owner`: offers the station to an owner who has accepted the transfer, and returns the account. The refusal
 * does not reveal whether the e-mail is a user's. The transfer is complete when the station connects with the account;
 * until then its requests use the topics of the previous owner.
 */
const changeOwner: Endpoint = (data, device, { registry, hasStationTokens }) => {
  const request = changeOwnerRequest.safeParse(data);
  if (!request.success) return error("400", "change-owner needs {owner}");
  const owner = registry.acceptingUser(request.data.owner.trim(), device.id);
  if (!owner) return error("403", "no owner with that e-mail has accepted this station");
  // The owner's token would give a holder of this station's key access to all stations of the owner. A station with an
  // account of its own does not use the token.
  const token =
    hasStationTokens || device.password !== undefined ? randomBytes(16).toString("hex") : owner.token;
  registry.offerDevice(device.id, { owner: owner.email, token });
  return { status: "1", code: "200", data: { user: userTopicOf(owner), token } };
};

const rotateKeyRequest = z.object({ step: z.enum(["get", "try", "done"]) });

/** `rotate-key`: offers a new response key. The responder completes the rotation. */
const rotateKey: Endpoint = (data, device) => {
  const request = rotateKeyRequest.safeParse(data);
  if (!request.success) return error("400", "rotate-key needs {step: get, try or done}");
  if (request.data.step !== "get") return { status: "1", code: "200", data: { accepted: true } };
  if (device.nextKey === undefined) return error("409", "no new key is offered to this station");
  return { status: "1", code: "200", data: { key: device.nextKey } };
};

const word = z.string().min(1).max(32);
const diagnosticsRequest = z.object({
  uptimeMs: z.number().min(0),
  timeMs: z.number().min(0).nullable(),
  counters: z.record(word, wholeNumber),
  events: z.array(z.tuple([wholeNumber, word, z.union([word, z.number(), z.null()]), wholeNumber])).max(64),
});

/** `diagnostics`: receives a station's trace. The log of the requests displays it. */
const diagnostics: Endpoint = (data) => {
  const request = diagnosticsRequest.safeParse(data);
  if (!request.success) return error("400", "diagnostics needs a trace as in docs/protocol.md");
  return { status: "1", code: "200", data: { accepted: true } };
};

/** Endpoints by name, which is the last level of the request's topic. */
export const ENDPOINTS: Readonly<Record<string, Endpoint>> = {
  authorize,
  "change-owner": changeOwner,
  "create-tag": createTag,
  diagnostics,
  "rotate-key": rotateKey,
  session,
  "local-list": localList,
};

export function error(code: string, message: string): Decision {
  return { status: "0", code, data: { message } };
}

function refused(reason: string): Decision {
  return { status: "1", code: "200", data: { authorized: false, reason } };
}
