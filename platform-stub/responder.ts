import { randomUUID } from "node:crypto";
import { Socket } from "node:net";
import type { MqttClient } from "mqtt";
import { z } from "zod";
import { connectToBroker } from "./connect-to-broker.js";
import { type Decision, ENDPOINTS, error } from "./endpoints.js";
import { ErrorBarrier } from "./error-barrier.js";
import { type DeviceEntry, isSame, type Registry, userTopicOf } from "./registry.js";
import { type Response, sealAnswer } from "./sealing.js";

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
  /** Replaces a response before it is published, for demonstrations; `undefined` drops it. */
  readonly intercept?: (response: Response, request: Request) => Response | undefined;
  readonly onRequest?: (request: Request, decision: Decision) => void;
  /** Called when a message is not answered, with the reason. The text contains no secret. */
  readonly onIgnored?: (why: string) => void;
  /** Called when an operator should act: the storage fails, or a report is implausible. The text contains no secret. */
  readonly onProblem?: (what: string) => void;
  readonly onConnection?: (isUp: boolean) => void;
}

const SHARE_NAME = "plugpass";
/** Number of cached responses. A request that QoS 1 delivers twice gets the cached response. */
const MAX_CACHED = 1000;

const requestSchema = z.object({
  data: z.unknown(),
  key: z.string(),
  /** An unsigned 64-bit number, in decimal. */
  id: z.string().regex(/^\d{1,20}$/),
});

/** Answers the requests of the stations, over any broker. */
export class Responder {
  readonly #options: ResponderOptions;
  readonly #client: MqttClient;
  readonly #cached = new Map<string, Response>();
  readonly #errorBarrier: ErrorBarrier;
  #isClosed = false;

  private constructor(options: ResponderOptions, client: MqttClient) {
    this.#options = options;
    this.#client = client;
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
  }

  #receive(topic: string, payload: Buffer): void {
    const [endpoint = "", deviceId = "", kind, ...root] = topic.split("/").reverse();
    const userTopic = root.reverse().join("/");
    if (kind !== "req") return;
    const known = this.#sender(userTopic, deviceId);
    const message = parseRequest(payload);
    const problem = problemOf(known, message);
    if (!known || !message || problem !== undefined) {
      this.#options.onIgnored?.(`${endpoint} of ${deviceId}: ${problem}`);
      return;
    }
    // A request on the new owner's topics, with the right key, completes a transfer.
    const device = this.#options.registry.completeTransfer(deviceId, userTopic) ?? known;
    const request = { userTopic, deviceId, endpoint, id: message.id, data: message.data };
    const response = this.#answer(request, device);
    const sent = this.#options.intercept ? this.#options.intercept(response, request) : response;
    if (!sent) return;
    this.#client.publish(`${userTopic}/res/${deviceId}/${endpoint}`, JSON.stringify(sent), { qos: 1 });
  }

  /** The device, if the topic's user owns it or has been offered it. */
  #sender(userTopic: string, deviceId: string): DeviceEntry | undefined {
    const { registry } = this.#options;
    const device = registry.device(deviceId);
    const users = [device && registry.user(device.owner), registry.offeredTo(deviceId)];
    return users.some((user) => user && userTopicOf(user) === userTopic) ? device : undefined;
  }

  #answer(request: Request, device: DeviceEntry): Response {
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
    const response = sealAnswer(
      { topic: `${userTopic}/res/${deviceId}/${endpoint}`, id, ...decision },
      device,
    );
    this.#cached.set(name, response);
    const [oldest] = this.#cached.keys();
    if (this.#cached.size > MAX_CACHED && oldest !== undefined) this.#cached.delete(oldest);
    return response;
  }
}

/** The reason why a request is not answered: the sender is not the device that the topic names. */
function problemOf(
  device: DeviceEntry | undefined,
  message: z.infer<typeof requestSchema> | undefined,
): string | undefined {
  if (!device) return "not a device of that user";
  if (!message) return "not a request {data, key, id}";
  return isSame(Buffer.from(message.key, "utf8"), device.key) ? undefined : "wrong key";
}

/** Disables Nagle's algorithm: it would delay each small answer until TCP acknowledges the previous one. */
function disableNagle(client: MqttClient): void {
  if (client.stream instanceof Socket) client.stream.setNoDelay(true);
}

/** The topic filters of all requests. A root topic of several levels needs a separate filter. */
function requestFilters({ registry, isShared }: ResponderOptions): string[] {
  const deep = registry.users.flatMap(({ rootTopic }) => (rootTopic?.includes("/") ? [rootTopic] : []));
  const filters = ["+", ...deep].map((root) => `${root}/req/+/+`);
  return isShared ? filters.map((filter) => `$share/${SHARE_NAME}/${filter}`) : filters;
}

function parseRequest(payload: Buffer): z.infer<typeof requestSchema> | undefined {
  try {
    return requestSchema.parse(JSON.parse(payload.toString("utf8")));
  } catch {
    return undefined;
  }
}
