/** Collects the properties that stations publish at the broker as Homie devices (docs/protocol.md, section 5). */

import { randomUUID } from "node:crypto";
import type { MqttClient } from "mqtt";
import { userTopicsOf } from "./accounts.js";
import { connectToBroker } from "./connect-to-broker.js";
import type { DeviceEntry } from "./entries.js";
import { ErrorBarrier } from "./error-barrier.js";
import type { Registry } from "./registry.js";

export interface StationWatcherOptions {
  readonly registry: Registry;
  /** mqtt://host:port */
  readonly url: string;
  readonly username?: string;
  readonly password?: string;
  readonly now?: () => number;
  /** Called when an operator should act: the storage fails. */
  readonly onProblem?: (what: string) => void;
}

/** The published properties of a station. The texts are untrusted: a display has to escape them. */
export interface StationStatus {
  /** Values by path below the station's root, of the `WATCHED_PATHS`. */
  readonly values: Readonly<Record<string, string>>;
  /** Time of the last message, in milliseconds since 1970-01-01 UTC; `undefined`: no message since the start. */
  readonly lastMessageMs: number | undefined;
}

/** Paths of the collected properties, below the station's root. */
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
/** Minimum interval between two demands that a station replaces its response key, ms. */
const ROTATION_INTERVAL_MS = 60_000;

interface Seen {
  readonly values: Map<string, string>;
  lastMessageMs: number | undefined;
  /** Time of the last demand to replace the response key. */
  rotationMs?: number;
}

/** Watches the stations of a registry on any broker. Its account must be allowed to read all topics. */
export class StationWatcher {
  readonly #options: StationWatcherOptions;
  readonly #client: MqttClient;
  #isConnected = true;
  /** Stations by `<user>/sweet-home/<device id>`. Only devices of the registry are stored. */
  readonly #stations = new Map<string, Seen>();

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
      // The broker sends retained values again on connection, except those removed meanwhile.
      for (const { values } of this.#stations.values()) values.clear();
    });
    // `close` reports a lost broker, and the client reconnects.
    client.on("error", () => {});
  }

  /** Connects and subscribes. Rejects when the broker refuses the account. */
  static async start(options: StationWatcherOptions): Promise<StationWatcher> {
    const { url, username, password, registry } = options;
    const client = await connectToBroker(url, {
      username,
      password,
      clientId: `platform-watcher-${randomUUID()}`,
      reconnectPeriod: 1000,
    });
    const watcher = new StationWatcher(options, client);
    try {
      // A root topic of several levels needs a separate filter.
      const deep = registry.users.flatMap(({ rootTopic }) => (rootTopic?.includes("/") ? [rootTopic] : []));
      await client.subscribeAsync(
        ["+", ...deep].map((root) => `${root}${TREE}+/#`),
        { qos: 1 },
      );
    } catch {
      await client.endAsync(true);
      throw new Error("the broker does not allow this account to subscribe to the stations' properties");
    }
    return watcher;
  }

  /** Whether the broker is connected. Without it no status is known. */
  get isConnected(): boolean {
    return this.#isConnected;
  }

  statusOf(device: DeviceEntry): StationStatus {
    const [seen] = this.#rootsOf(device).flatMap((root) => this.#stations.get(root) ?? []);
    return { values: Object.fromEntries(seen?.values ?? []), lastMessageMs: seen?.lastMessageMs };
  }

  /** Asks a station for its trace. The station answers with the request `diagnostics` if it is online. */
  requestDiagnostics(device: DeviceEntry): void {
    const roots = this.#rootsOf(device);
    const root = roots.find((one) => this.#stations.has(one)) ?? roots[0];
    if (root !== undefined) this.#client.publish(`${root}/$telemetry/diagnostics/set`, "true");
  }

  /** Roots of the topics that a device may have with its owner. */
  #rootsOf({ id, owner }: DeviceEntry): string[] {
    const user = this.#options.registry.user(owner);
    return user ? userTopicsOf(user).map((topic) => `${topic}${TREE}${id}`) : [];
  }

  /** Asks an online station to replace its response key, if a new key is offered to it. */
  #demandRotation(root: string, device: DeviceEntry | undefined, seen: Seen): void {
    const now = (this.#options.now ?? Date.now)();
    if (device?.nextKey === undefined || now - (seen.rotationMs ?? -Infinity) < ROTATION_INTERVAL_MS) return;
    seen.rotationMs = now;
    this.#client.publish(`${root}/$telemetry/rotate-key/set`, "true");
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
    // `ready` completes a transfer. A station that only tests the new account publishes no more than `init`.
    if (path === "$state" && text === "ready" && !isRetained) registry.completeTransfer(deviceId, userTopic);
    if (!registry.usersOf(deviceId).some((user) => userTopicsOf(user).includes(userTopic))) return;
    const name = `${userTopic}${TREE}${deviceId}`;
    const seen: Seen = this.#stations.get(name) ?? { values: new Map(), lastMessageMs: undefined };
    this.#stations.set(name, seen);
    if (!isRetained) {
      seen.lastMessageMs = now();
      this.#demandRotation(name, registry.device(deviceId), seen);
    }
    if (!(WATCHED_PATHS as readonly string[]).includes(path)) return;
    if (text === "") seen.values.delete(path);
    else seen.values.set(path, text);
  }
}
