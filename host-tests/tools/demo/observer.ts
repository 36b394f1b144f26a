import { setTimeout as sleep } from "node:timers/promises";
import type { MqttClient } from "mqtt";
import { connectToBroker } from "../../../platform-stub/connect-to-broker.js";
import type { Platform } from "../../../platform-stub/index.js";

export interface Seen {
  readonly topic: string;
  readonly payload: string;
}

export interface ObserverOptions {
  readonly platform: Platform;
  readonly onLost: () => void;
}

export interface SweepOptions {
  readonly deviceIds: readonly string[];
  /** Account of the stations. */
  readonly username: string;
  readonly password: string;
}

const SWEEP_TIMEOUT_MS = 5000;

/** Observer at the broker. It sees all messages and has no access to a station's internals. */
export class Observer {
  readonly seen: Seen[] = [];
  readonly #client: MqttClient;
  readonly #url: string;
  #isLost = false;

  private constructor(client: MqttClient, { platform, onLost }: ObserverOptions) {
    this.#client = client;
    this.#url = platform.url;
    client.on("message", (topic, payload) => this.seen.push({ topic, payload: payload.toString("utf8") }));
    client.on("error", () => {});
    client.on("close", () => {
      this.#isLost = true;
      onLost();
    });
  }

  static async start(options: ObserverOptions): Promise<Observer> {
    const { url, account } = options.platform;
    const client = await connectToBroker(url, { ...account, reconnectPeriod: 0 });
    const observer = new Observer(client, options);
    await client.subscribeAsync("#", { qos: 1 });
    return observer;
  }

  /** The connection to the broker has ended. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** Payload of the latest message on a topic with this ending. */
  last(topicEnd: string): string | undefined {
    return this.seen.findLast(({ topic }) => topic.endsWith(topicEnd))?.payload;
  }

  find(topicEnd: string, from = 0): Seen | undefined {
    return this.seen.slice(from).find(({ topic }) => topic.endsWith(topicEnd));
  }

  /** Removes the stations' sessions and retained messages from the broker, if it is reachable. */
  async sweep(options: SweepOptions): Promise<void> {
    if (this.#isLost) return;
    const isSwept = await Promise.race([
      this.#remove(options).then(() => true),
      sleep(SWEEP_TIMEOUT_MS, false, { ref: false }),
    ]);
    if (!isSwept)
      throw new Error("the broker did not allow the stations' sessions and retained messages to be removed");
  }

  async close(): Promise<void> {
    await this.#client.endAsync(true);
  }

  /** Ends the sessions first: the end of a session may publish a last message. */
  async #remove({ deviceIds, ...account }: SweepOptions): Promise<void> {
    for (const clientId of deviceIds) {
      const options = { ...account, clientId, clean: true, connectTimeout: SWEEP_TIMEOUT_MS };
      const client = await connectToBroker(this.#url, options);
      await client.endAsync();
    }
    const topics = new Set(this.seen.map(({ topic }) => topic));
    for (const topic of topics) {
      if (!deviceIds.some((id) => topic.includes(`/sweet-home/${id}/`))) continue;
      await this.#client.publishAsync(topic, "", { qos: 1, retain: true });
    }
  }
}
