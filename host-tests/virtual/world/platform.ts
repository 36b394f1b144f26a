/** The platform's request handling in memory: decides on tags and seals its responses. */

import { sha256 } from "@noble/hashes/sha2.js";
import { decodeHex, decodeUTF8, encodeHex } from "../../../modules/bytes/index.js";
import { isJSONObject, type JSONObject } from "../../../modules/json/index.js";
import type { Cipher } from "../../../modules/settings/index.js";
import type { BrokerMessage, WorldBroker } from "./broker.js";
import { sealedResponse } from "./platform-answers.js";
import { ProofCards } from "./proof-cards.js";
import type { Random } from "./random.js";

export interface PlatformRequest {
  readonly user: string;
  readonly deviceId: string;
  readonly endpoint: string;
  readonly id: string;
  readonly data: JSONObject;
  /** Key that seals the response, 64 hex digits. Default: the device's. */
  readonly key?: string;
}

/** Replaces the platform's response by other messages, as an attacker or a lossy network would. */
export type Intercept = (response: Record<string, string>, request: PlatformRequest) => object[] | string[];

/**
 * Answers a request instead of the platform, which does not store it; `undefined` passes it to the platform.
 */
export type Outage = (request: PlatformRequest) => object[] | undefined;

export interface WorldPlatformOptions {
  readonly broker: WorldBroker;
  readonly random: Random;
  readonly cipher?: Cipher;
}

export class WorldPlatform {
  /** Response keys by device id, 64 hex digits. */
  readonly keys = new Map<string, string>();
  /** New response keys by device id. A request under one, other than a test, makes it the device's key. */
  readonly offeredKeys = new Map<string, string>();
  /** Answers to `authorize` by tag. Other tags are rejected. */
  readonly tags = new Map<string, JSONObject>();
  /** The cards that cannot be copied. Their decisions are in `tags`, too, by card id. */
  readonly proofCards = new ProofCards();
  readonly requests: PlatformRequest[] = [];
  /** Local list for all stations: hex SHA-256 of tags. */
  list: { version: number; tags: readonly string[] } = { version: 0, tags: [] };
  /** Answers to `change-owner` by the new owner's e-mail. */
  readonly accounts = new Map<string, JSONObject>();
  /** Accepted sessions by id. */
  readonly sessions = new Map<string, JSONObject>();
  /** Manipulates responses. The platform has stored the request's effect. */
  intercept: Intercept | undefined;
  /** Manipulates requests. The platform does not store their effect. */
  outage: Outage | undefined;
  cipher: Cipher;
  readonly #options: WorldPlatformOptions;

  constructor(options: WorldPlatformOptions) {
    this.#options = options;
    this.cipher = options.cipher ?? "aes-256-gcm";
    options.broker.watch((message) => this.#handleMessage(message));
  }

  /** Makes the platform's response, sealed for the device. */
  respond(request: PlatformRequest, data: unknown, status = "1", code = "200"): Record<string, string> {
    const { user, deviceId, endpoint, id } = request;
    const key = decodeHex(request.key ?? this.keys.get(deviceId) ?? "");
    if (key?.length !== 32) throw new Error(`the platform has no key for ${deviceId}`);
    const iv = this.#options.random.bytes(this.cipher === "aes-256-gcm" ? 12 : 16);
    const topic = `${user}/res/${deviceId}/${endpoint}`;
    return sealedResponse({ topic, id, status, code, data }, { cipher: this.cipher, key, iv });
  }

  #decide(request: PlatformRequest): Record<string, string> {
    const { endpoint, data } = request;
    switch (endpoint) {
      case "authorize":
        return this.respond(request, this.#authorize(request));
      case "session": {
        // An id identifies one session: its first report is kept.
        const id = String(data.id);
        if (!this.sessions.has(id)) this.sessions.set(id, data);
        return this.respond(request, { accepted: true });
      }
      case "create-tag":
        this.tags.set(String(data.tag), { authorized: true });
        return this.respond(request, { tagId: String(data.tag) });
      case "change-owner": {
        const account = this.accounts.get(String(data.owner));
        return account
          ? this.respond(request, account)
          : this.respond(
              request,
              { message: "the owner has not accepted a transfer of this station" },
              "0",
              "403",
            );
      }
      case "rotate-key": {
        if (data.step !== "get") return this.respond(request, { accepted: true });
        const key = this.offeredKeys.get(request.deviceId);
        return key === undefined
          ? this.respond(request, { message: "no new key is offered" }, "0", "409")
          : this.respond(request, { key });
      }
      case "diagnostics":
        return this.respond(request, { accepted: true });
      case "local-list":
        return this.respond(request, this.#listPage(request));
      default:
        return this.respond(request, { message: `there is no endpoint ${endpoint}` }, "0", "404");
    }
  }

  #authorize(request: PlatformRequest): JSONObject {
    const decision = this.tags.get(String(request.data.tag));
    return decision
      ? this.proofCards.authorize(request, decision)
      : { authorized: false, reason: "unknown-tag" };
  }

  #listPage({ deviceId, data: { version, from, limit, proofs } }: PlatformRequest): JSONObject {
    const tags = this.proofCards.listOf(this.list.tags, { deviceId, proofs: proofs === true });
    if (version === this.list.version) return { version };
    const first = Number(from ?? 0);
    const page = tags.slice(first, first + Number(limit ?? tags.length));
    return { version: this.list.version, tags: page, total: tags.length };
  }

  /** The device's key that a request contains or names. */
  #keyOf(deviceId: string, { key, keyId }: JSONObject): string | undefined {
    const known = [this.keys.get(deviceId), this.offeredKeys.get(deviceId)];
    return known.find((one) => one !== undefined && (key === one || keyId === keyIdOf(one)));
  }

  #answers(request: PlatformRequest): object[] | string[] {
    const response = this.#decide(request);
    return this.intercept?.(response, request) ?? [response];
  }

  #handleMessage(message: BrokerMessage): void {
    if (!message.topic.includes("/req/")) return;
    const [user = "", kind, deviceId = "", endpoint = ""] = message.topic.split("/");
    if (kind !== "req") return;
    const body: unknown = JSON.parse(decodeUTF8(message.payload) ?? "null");
    const key = isJSONObject(body) ? this.#keyOf(deviceId, body) : undefined;
    if (!isJSONObject(body) || !isJSONObject(body.data) || key === undefined) return;
    const request = { user, deviceId, endpoint, id: String(body.id), data: body.data, key };
    this.requests.push(request);
    if (key === this.offeredKeys.get(deviceId) && body.data.step !== "try") {
      this.keys.set(deviceId, key);
      this.offeredKeys.delete(deviceId);
    }
    for (const one of this.outage?.(request) ?? this.#answers(request)) {
      const payload = typeof one === "string" ? one : JSON.stringify(one);
      this.#options.broker.publish(`${user}/res/${deviceId}/${endpoint}`, payload);
    }
  }
}

function keyIdOf(key: string): string {
  return encodeHex(Uint8Array.from(sha256(decodeHex(key) ?? new Uint8Array(0)).subarray(0, 8)));
}
