/** The platform's side of the requests, in memory: decides over tags and seals its answers. */

import { decodeHex, decodeUTF8 } from "../../modules/bytes/index.js";
import { isJSONObject, type JSONObject } from "../../modules/json/index.js";
import type { Cipher } from "../../modules/settings/index.js";
import type { BrokerMessage, WorldBroker } from "./broker.js";
import { sealedResponse } from "./platform-answers.js";
import type { Random } from "./random.js";

export interface PlatformRequest {
  readonly user: string;
  readonly deviceId: string;
  readonly endpoint: string;
  readonly id: string;
  readonly data: JSONObject;
}

/** The messages that answer a request: one of the platform's own, unless somebody is in between. */
export type Intercept = (response: Record<string, string>, request: PlatformRequest) => object[] | string[];

export interface WorldPlatformOptions {
  readonly broker: WorldBroker;
  readonly random: Random;
  readonly cipher?: Cipher;
}

export class WorldPlatform {
  /** By device id; 64 hex digits. */
  readonly keys = new Map<string, string>();
  /** What `authorize` says of a tag; anything else is not allowed. */
  readonly tags = new Map<string, JSONObject>();
  readonly requests: PlatformRequest[] = [];
  intercept: Intercept | undefined;
  cipher: Cipher;
  #options: WorldPlatformOptions;

  constructor(options: WorldPlatformOptions) {
    this.#options = options;
    this.cipher = options.cipher ?? "aes-256-gcm";
    options.broker.watch((message) => this.#hear(message));
  }

  /** The response that the platform gives, sealed for the device. */
  respond(request: PlatformRequest, data: unknown, status = "1", code = "200"): Record<string, string> {
    const { user, deviceId, endpoint, id } = request;
    const key = decodeHex(this.keys.get(deviceId) ?? "");
    if (key?.length !== 32) throw new Error(`the platform has no key of ${deviceId}`);
    const iv = this.#options.random.bytes(this.cipher === "aes-256-gcm" ? 12 : 16);
    const topic = `${user}/res/${deviceId}/${endpoint}`;
    return sealedResponse({ topic, id, status, code, data }, { cipher: this.cipher, key, iv });
  }

  #hear(message: BrokerMessage): void {
    const [user = "", kind, deviceId = "", endpoint = ""] = message.topic.split("/");
    if (kind !== "req") return;
    const body: unknown = JSON.parse(decodeUTF8(message.payload) ?? "null");
    if (!isJSONObject(body) || !isJSONObject(body.data) || body.key !== this.keys.get(deviceId)) return;
    const request = { user, deviceId, endpoint, id: String(body.id), data: body.data };
    this.requests.push(request);
    const decision = this.tags.get(String(body.data.tag)) ?? { authorized: false, reason: "unknown-tag" };
    const response = this.respond(request, decision);
    for (const one of this.intercept?.(response, request) ?? [response]) {
      const payload = typeof one === "string" ? one : JSON.stringify(one);
      this.#options.broker.publish(`${user}/res/${deviceId}/${endpoint}`, payload);
    }
  }
}
