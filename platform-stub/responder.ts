import { randomUUID } from "node:crypto";
import { Socket } from "node:net";
import mqtt, { type MqttClient } from "mqtt";
import { z } from "zod";
import { type Decision, ENDPOINTS, error } from "./endpoints.js";
import { ErrorBarrier } from "./error-barrier.js";
import { type DeviceEntry, isSame, type Registry, userTopicOf } from "./registry.js";
import { type Response, sealAnswer } from "./sealing.js";

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
  /** MQTT 5 shared subscriptions: several responders then share the requests. */
  readonly isShared: boolean;
  /** Stands between the answer and the broker, for demonstrations: another answer, or none. */
  readonly intercept?: (response: Response, request: Request) => Response | undefined;
  readonly onRequest?: (request: Request, decision: Decision) => void;
  /** A message that is not answered, and why; no secret in it. */
  readonly onIgnored?: (why: string) => void;
  /** What a person should see to: the storage fails, what a station reports cannot be right. No secret in it. */
  readonly onProblem?: (what: string) => void;
  readonly onConnection?: (isUp: boolean) => void;
}

const SHARE_NAME = "plugpass";
/** Answers that are remembered, so that a request delivered twice is decided once (QoS 1). */
const MAX_REMEMBERED = 1000;

const requestSchema = z.object({
  data: z.unknown(),
  key: z.string(),
  /** An unsigned 64-bit number, in decimal. */
  id: z.string().regex(/^\d{1,20}$/),
});

/** Answers the stations' requests, over any broker. */
export class Responder {
  #options: ResponderOptions;
  #client: MqttClient;
  #remembered = new Map<string, Response>();
  #errorBarrier: ErrorBarrier;
  #isClosed = false;

  private constructor(options: ResponderOptions, client: MqttClient) {
    this.#options = options;
    this.#client = client;
    this.#errorBarrier = new ErrorBarrier((why) => options.onProblem?.(`requests are not answered: ${why}`));
    // What is not answered is asked again, where it matters: a session is not lost.
    client.on("message", (topic, payload) => this.#errorBarrier.run(() => this.#receive(topic, payload)));
    client.on("connect", () => {
      sendAtOnce(client);
      options.onConnection?.(true);
    });
    client.on("close", () => {
      if (!this.#isClosed) options.onConnection?.(false);
    });
    // A broker that goes away is reported by `close`, and tried again.
    client.on("error", () => {});
  }

  /** Connects and subscribes. Rejects when the broker does not let it in. */
  static async start(options: ResponderOptions): Promise<Responder> {
    const client = await mqtt.connectAsync(
      options.url,
      {
        username: options.username,
        password: options.password,
        protocolVersion: options.isShared ? 5 : 4,
        clientId: `platform-${randomUUID()}`,
        reconnectPeriod: 1000,
        connectTimeout: 10_000,
      },
      false,
    );
    const responder = new Responder(options, client);
    try {
      await client.subscribeAsync(requestFilters(options), { qos: 1 });
    } catch {
      await client.endAsync(true);
      throw new Error("the broker lets this account not subscribe to the stations' requests");
    }
    sendAtOnce(client);
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
    // It comes with its key as the owner's that it was offered to.
    const device = this.#options.registry.takeOffer(deviceId, userTopic) ?? known;
    const request = { userTopic, deviceId, endpoint, id: message.id, data: message.data };
    const response = this.#answer(request, device);
    const sent = this.#options.intercept ? this.#options.intercept(response, request) : response;
    if (!sent) return;
    this.#client.publish(`${userTopic}/res/${deviceId}/${endpoint}`, JSON.stringify(sent), { qos: 1 });
  }

  /** A device, when the topic's user owns it, or it was offered to them. */
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
    const before = this.#remembered.get(name);
    if (before) return before;
    const decide = Object.hasOwn(ENDPOINTS, endpoint) ? ENDPOINTS[endpoint] : undefined;
    const decision = decide
      ? decide(data, device, { registry, hasStationTokens: !isShared, report })
      : error("404", `there is no endpoint ${endpoint}`);
    this.#options.onRequest?.(request, decision);
    const response = sealAnswer(
      { topic: `${userTopic}/res/${deviceId}/${endpoint}`, id, ...decision },
      device,
    );
    this.#remembered.set(name, response);
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size > MAX_REMEMBERED && oldest !== undefined) this.#remembered.delete(oldest);
    return response;
  }
}

/** Why a request is not answered: whoever sent it could not read the answer, or may not have one. */
function problemOf(
  device: DeviceEntry | undefined,
  message: z.infer<typeof requestSchema> | undefined,
): string | undefined {
  if (!device) return "no device of that user";
  if (!message) return "not a request {data, key, id}";
  return isSame(Buffer.from(message.key, "utf8"), device.key) ? undefined : "a wrong key";
}

/** Answers are small and alone: Nagle would hold each for TCP's acknowledgement of the one before. */
function sendAtOnce(client: MqttClient): void {
  if (client.stream instanceof Socket) client.stream.setNoDelay(true);
}

/** A root topic of several levels needs a filter of its own. */
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
