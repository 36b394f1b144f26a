/** What stations say of themselves at the broker: their Homie trees (docs/protocol.md, section 5). */

import { randomUUID } from "node:crypto";
import mqtt, { type MqttClient } from "mqtt";
import { ErrorBarrier } from "./error-barrier.js";
import { type DeviceEntry, type Registry, userTopicOf } from "./registry.js";

export interface StationWatcherOptions {
  readonly registry: Registry;
  /** mqtt://host:port */
  readonly url: string;
  readonly username?: string;
  readonly password?: string;
  readonly now?: () => number;
  /** What a person should see to: the storage fails. */
  readonly onProblem?: (what: string) => void;
}

/** A station as it shows itself. Texts are the station's own: whoever shows them escapes them. */
export interface StationStatus {
  /** By paths under the station's root, those of `WATCHED_PATHS` that are there. */
  readonly values: Readonly<Record<string, string>>;
  /** When it last published something, in milliseconds since 1970-01-01 UTC; `undefined`: not while this one watched. */
  readonly heardMs: number | undefined;
}

export const WATCHED_PATHS = [
  "$state",
  "$name",
  "$fw/name",
  "$fw/version",
  "charger/status",
  "charger/session",
  "charger/power",
  "charger/energy",
  "charger/current-limit",
  "charger/last-error",
  "$telemetry/signal",
  "$telemetry/uptime",
] as const;

const MAX_PAYLOAD_CHARS = 128;
const TREE = "/sweet-home/";

interface Seen {
  readonly values: Map<string, string>;
  heardMs: number | undefined;
}

/** Follows the stations of a registry on any broker, by an account that may read everything. */
export class StationWatcher {
  #options: StationWatcherOptions;
  #client: MqttClient;
  #isConnected = true;
  /** By `<user>/sweet-home/<device id>`, of devices that the registry knows as that user's. */
  #stations = new Map<string, Seen>();

  private constructor(options: StationWatcherOptions, client: MqttClient) {
    this.#options = options;
    this.#client = client;
    const errorBarrier = new ErrorBarrier((why) => options.onProblem?.(`stations are not watched: ${why}`));
    client.on("message", (topic, payload, { retain }) =>
      errorBarrier.run(() => this.#receive(topic, payload, retain)),
    );
    client.on("connect", () => {
      this.#isConnected = true;
    });
    client.on("close", () => {
      this.#isConnected = false;
      // What is retained comes again with the connection, but for what was taken back meanwhile.
      for (const { values } of this.#stations.values()) values.clear();
    });
    // A broker that goes away is reported by `close`, and tried again.
    client.on("error", () => {});
  }

  /** Connects and subscribes. Rejects when the broker does not let it in. */
  static async start(options: StationWatcherOptions): Promise<StationWatcher> {
    const { url, username, password, registry } = options;
    const client = await mqtt.connectAsync(
      url,
      { username, password, clientId: `platform-watcher-${randomUUID()}`, reconnectPeriod: 1000 },
      false,
    );
    const watcher = new StationWatcher(options, client);
    try {
      // A root topic of several levels needs a filter of its own.
      const deep = registry.users.flatMap(({ rootTopic }) => (rootTopic?.includes("/") ? [rootTopic] : []));
      await client.subscribeAsync(
        ["+", ...deep].map((root) => `${root}${TREE}+/#`),
        { qos: 1 },
      );
    } catch {
      await client.endAsync(true);
      throw new Error("the broker lets this account not subscribe to what the stations publish");
    }
    return watcher;
  }

  /** The broker is reached; else nothing is known of any station. */
  get isConnected(): boolean {
    return this.#isConnected;
  }

  statusOf(device: DeviceEntry): StationStatus {
    const owner = this.#options.registry.user(device.owner);
    const seen = owner && this.#stations.get(`${userTopicOf(owner)}${TREE}${device.id}`);
    return { values: Object.fromEntries(seen?.values ?? []), heardMs: seen?.heardMs };
  }

  async close(): Promise<void> {
    await this.#client.endAsync(true);
  }

  #receive(topic: string, payload: Buffer, isRetained: boolean): void {
    const [userTopic = "", rest = "", more] = topic.split(TREE);
    const [deviceId = "", ...levels] = rest.split("/");
    const path = levels.join("/");
    if (more !== undefined || path.endsWith("/set")) return;
    const { registry, now = Date.now } = this.#options;
    const text = payload.toString("utf8").slice(0, MAX_PAYLOAD_CHARS);
    // It stays with the owner that it was offered to: the trial of the account comes no further than `init`.
    if (path === "$state" && text === "ready" && !isRetained) registry.takeOffer(deviceId, userTopic);
    const owner = registry.device(deviceId)?.owner;
    const users = [owner === undefined ? undefined : registry.user(owner), registry.offeredTo(deviceId)];
    if (!users.some((user) => user && userTopicOf(user) === userTopic)) return;
    const name = `${userTopic}${TREE}${deviceId}`;
    const seen: Seen = this.#stations.get(name) ?? { values: new Map(), heardMs: undefined };
    this.#stations.set(name, seen);
    if (!isRetained) seen.heardMs = now();
    if (!(WATCHED_PATHS as readonly string[]).includes(path)) return;
    if (text === "") seen.values.delete(path);
    else seen.values.set(path, text);
  }
}
