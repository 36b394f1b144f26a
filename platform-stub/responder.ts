import { createHmac, randomUUID } from "node:crypto";
import { Socket } from "node:net";
import type { MqttClient } from "mqtt";
import { z } from "zod";
import { parseJSONObject } from "../modules/json/index.js";
import { BoundedMap } from "../modules/limits/index.js";
import { userTopicsOf } from "./accounts.js";
import { connectToBroker } from "./connect-to-broker.js";
import { keyOfRequest } from "./device-keys.js";
import { type Decision, ENDPOINTS, error } from "./endpoints.js";
import type { DeviceEntry } from "./entries.js";
import { ErrorBarrier } from "./error-barrier.js";
import { LogLimit } from "./log-limit.js";
import type { Registry } from "./registry.js";
import { RequestLimit } from "./request-limit.js";
import { type Answer, type Response, sealAnswer } from "./sealing.js";

/** A request of a station. */
export interface Request {
  readonly userTopic: string;
  readonly deviceId: string;
  readonly endpoint: string;
  readonly id: string;
  readonly data: unknown;
}

export interface ResponderOptions {
  readonly registry: Registry;
  /** mqtt://host:port */
  readonly url: string;
  readonly username?: string;
  readonly password?: string;
  /** Uses MQTT 5 shared subscriptions, so that several responders share the requests. */
  readonly isShared: boolean;
  /** Maximum number of requests of a device in a minute. Default: 240. */
  readonly maxRequestsPerMinute?: number;
  /** Replaces a response before it is published, for demonstrations; `undefined` drops it. */
  readonly intercept?: (response: Response, request: Request) => Response | undefined;
  readonly onRequest?: (request: Request, decision: Decision) => void;
  /**
   * Called when messages are not answered, with the reason: once a minute for each device and reason, and with the number
   * of the others. The text contains no secret.
   */
  readonly onIgnored?: (why: string) => void;
  /** Called when an operator should act: the storage fails, or a report is implausible. The text contains no secret. */
  readonly onProblem?: (what: string) => void;
  readonly onConnection?: (isUp: boolean) => void;
}

/** Longest name of an endpoint, characters. The answer repeats it in its topic. */
const MAX_ENDPOINT_CHARS = 32;
/** Longest answer, bytes. A broker that gets a longer packet than it allows disconnects the responder, which sends it again. */
const MAX_ANSWER_BYTES = 60 * 1024;
/** Number of cached responses. A request that QoS 1 delivers twice gets the cached response. */
const MAX_CACHED = 1000;
/** Maximum size of a request, bytes. A trace has less than 3,000. */
const MAX_REQUEST_BYTES = 16 * 1024;
/** Default limit. After a month offline, a station reports 64 sessions at once and fetches its local list. */
const MAX_REQUESTS_PER_MINUTE = 240;

const requestSchema = z.object({
  data: z.unknown(),
  key: z.string().optional(),
  /** Id of the key, of a station that does not send its key. */
  keyId: z.string().optional(),
  /** An unsigned 64-bit number, in decimal. */
  id: z.string().regex(/^\d{1,20}$/),
});

/** A message whose sender was checked. */
type Checked =
  | {
      readonly known: DeviceEntry;
      /** The device's key that the request contains or names. */
      readonly key: string;
      readonly message: z.infer<typeof requestSchema>;
      /** The device has sent too many requests. */
      readonly isRefused: boolean;
    }
  /** Why the message is not answered; `undefined`: it is dropped without a report. */
  | { readonly ignored: string | undefined };

/** Answers the requests of the stations, over any broker. */
export class Responder {
  readonly #options: ResponderOptions;
  readonly #client: MqttClient;
  readonly #cached = new BoundedMap<string, Response>(MAX_CACHED);
  readonly #errorBarrier: ErrorBarrier;
  readonly #limit: RequestLimit;
  readonly #ignored: LogLimit;
  #isClosed = false;

  private constructor(options: ResponderOptions, client: MqttClient) {
    this.#options = options;
    this.#client = client;
    this.#limit = new RequestLimit({ maxRequests: options.maxRequestsPerMinute ?? MAX_REQUESTS_PER_MINUTE });
    this.#ignored = new LogLimit((why) => options.onIgnored?.(why));
    this.#errorBarrier = new ErrorBarrier((why) => options.onProblem?.(`requests are not answered: ${why}`));
    // A station repeats an unanswered session request, so a failure loses no session.
    client.on("message", (topic, payload) => this.#errorBarrier.run(() => this.#receive(topic, payload)));
    client.on("connect", () => {
      disableNagle(client);
      options.onConnection?.(true);
    });
    client.on("close", () => {
      if (!this.#isClosed) options.onConnection?.(false);
    });
    // `close` reports a lost broker, and the client reconnects.
    client.on("error", () => {});
  }

  /** Connects and subscribes. Rejects when the broker refuses the account. */
  static async start(options: ResponderOptions): Promise<Responder> {
    const client = await connectToBroker(options.url, {
      username: options.username,
      password: options.password,
      protocolVersion: options.isShared ? 5 : 4,
      clientId: `platform-${randomUUID()}`,
      reconnectPeriod: 1000,
      connectTimeout: 10_000,
    });
    const responder = new Responder(options, client);
    try {
      await client.subscribeAsync(requestFilters(options), { qos: 1 });
    } catch {
      await client.endAsync(true);
      throw new Error("the broker does not allow this account to subscribe to requests");
    }
    disableNagle(client);
    options.onConnection?.(true);
    return responder;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#client.endAsync(true);
    this.#ignored.close();
  }

  #receive(topic: string, payload: Buffer): void {
    const [endpoint = "", deviceId = "", kind, ...root] = topic.split("/").reverse();
    const userTopic = root.reverse().join("/");
    if (kind !== "req") return;
    const found = this.#check({ userTopic, deviceId, endpoint }, payload);
    if ("ignored" in found) {
      const { ignored } = found;
      if (ignored !== undefined)
        this.#ignored.add({
          source: deviceId,
          kind: ignored,
          text: `${endpoint} of ${deviceId}: ${ignored}`,
        });
      return;
    }
    const { known, key, message, isRefused } = found;
    const request = { userTopic, deviceId, endpoint, id: message.id, data: message.data };
    const response = isRefused
      ? this.#refuse(request, { ...known, key })
      : this.#answer(request, this.#committed(request, known, key), key);
    const sent = this.#options.intercept ? this.#options.intercept(response, request) : response;
    if (!sent) return;
    this.#client.publish(`${userTopic}/res/${deviceId}/${endpoint}`, JSON.stringify(sent), { qos: 1 });
  }

  /** Checks the sender of a message. Returns the device and the key of the answer, or the reason of a refusal. */
  #check(
    { userTopic, deviceId, endpoint }: Pick<Request, "userTopic" | "deviceId" | "endpoint">,
    payload: Buffer,
  ): Checked {
    const known = this.#sender(userTopic, deviceId);
    if (!known) return { ignored: "not a device of that user" };
    const admission = this.#limit.admit(deviceId);
    if (admission === "dropped" || endpoint.length > MAX_ENDPOINT_CHARS) return { ignored: undefined };
    const message = parseRequest(payload);
    if (!message) return { ignored: "not a request {data, key or keyId, id}" };
    const key = keyOfRequest(known, message);
    if (key === undefined) return { ignored: "wrong key" };
    if (!this.#isProved(userTopic, known, message))
      return { ignored: "on the new owner's topics a request needs key or keyId" };
    return { known, key, message, isRefused: admission === "refused" };
  }

  /** The device, if the topic's user owns it or has been offered it. */
  #sender(userTopic: string, deviceId: string): DeviceEntry | undefined {
    const { registry } = this.#options;
    const isOwn = registry.usersOf(deviceId).some((user) => userTopicsOf(user).includes(userTopic));
    return isOwn ? registry.device(deviceId) : undefined;
  }

  /**
   * Whether a request on the topics of the owner to whom the device is offered comes from the device: it contains or names the
   * device's key, or the device has an account of its own. On Mosquitto that owner's account can publish there as any device.
   */
  #isProved(
    userTopic: string,
    { id, owner, password }: DeviceEntry,
    { key, keyId }: z.infer<typeof requestSchema>,
  ): boolean {
    if (key !== undefined || keyId !== undefined || password !== undefined) return true;
    const offeredTo = this.#options.registry.offeredTo(id);
    return !offeredTo || offeredTo.email === owner || !userTopicsOf(offeredTo).includes(userTopic);
  }

  /** Completes what a request shows to be complete, and returns the device. */
  #committed({ userTopic, deviceId, endpoint, data }: Request, known: DeviceEntry, key: string): DeviceEntry {
    const { registry } = this.#options;
    // A request on the new owner's topics, from the device itself, completes a transfer.
    const device = registry.completeTransfer(deviceId, userTopic) ?? known;
    const isTest = endpoint === "rotate-key" && (data as { step?: unknown } | undefined)?.step === "try";
    return key === device.nextKey && !isTest ? registry.completeRotation(device) : device;
  }

  #refuse(request: Request, device: DeviceEntry): Response {
    const { userTopic, deviceId, endpoint, id } = request;
    const decision = error("429", "too many requests; try again in a minute");
    this.#options.onRequest?.(request, decision);
    return sealAnswer({ topic: `${userTopic}/res/${deviceId}/${endpoint}`, id, ...decision }, device);
  }

  #answer(request: Request, device: DeviceEntry, key: string): Response {
    const { userTopic, deviceId, endpoint, id, data } = request;
    const { registry, isShared, onProblem: report } = this.#options;
    const name = `${deviceId} ${endpoint} ${id}`;
    const cached = this.#cached.get(name);
    if (cached) return cached;
    const decide = Object.hasOwn(ENDPOINTS, endpoint) ? ENDPOINTS[endpoint] : undefined;
    const decision = decide
      ? decide(data, device, { registry, hasStationTokens: !isShared, requestId: id, report })
      : error("404", `unknown endpoint ${endpoint}`);
    this.#options.onRequest?.(request, decision);
    const response = sealBounded(
      { topic: `${userTopic}/res/${deviceId}/${endpoint}`, id, ...decision },
      { ...device, key },
    );
    this.#cached.set(name, response);
    return response;
  }
}

/** Encrypts an answer, or an error in place of one that is too long. */
function sealBounded(answer: Answer, device: Pick<DeviceEntry, "cipher" | "key">): Response {
  const response = sealAnswer(answer, device);
  if (response.data.length <= MAX_ANSWER_BYTES) return response;
  return sealAnswer({ ...answer, ...error("413", "the answer is too long; ask for fewer entries") }, device);
}

/** Disables Nagle's algorithm: it would delay each small answer until TCP acknowledges the previous one. */
function disableNagle(client: MqttClient): void {
  if (client.stream instanceof Socket) client.stream.setNoDelay(true);
}

/**
 * Name of the shared subscription. It is a secret that the responders of a platform have in common: Mosquitto lets every
 * client join a shared subscription whose name it knows, and drops the client's share of the requests.
 */
function shareNameOf({ username = "", password = "" }: ResponderOptions): string {
  return createHmac("sha256", password).update(`plugpass-share|${username}`).digest("hex").slice(0, 32);
}

/** The topic filters of all requests. A root topic of several levels needs a separate filter. */
function requestFilters(options: ResponderOptions): string[] {
  const { registry, isShared } = options;
  const deep = registry.users.flatMap(({ rootTopic }) => (rootTopic?.includes("/") ? [rootTopic] : []));
  const filters = ["+", ...deep].map((root) => `${root}/req/+/+`);
  const share = shareNameOf(options);
  return isShared ? filters.map((filter) => `$share/${share}/${filter}`) : filters;
}

/** Parses a request; `undefined` when it is too long, nests too deep, or is not a request. */
function parseRequest(payload: Buffer): z.infer<typeof requestSchema> | undefined {
  if (payload.length > MAX_REQUEST_BYTES) return undefined;
  const { data } = requestSchema.safeParse(parseJSONObject(Uint8Array.from(payload)));
  return data;
}
