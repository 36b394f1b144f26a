import { setTimeout as sleep } from "node:timers/promises";
import mqtt, { type MqttClient } from "mqtt";
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
  /** The stations' account. */
  readonly username: string;
  readonly password: string;
}

const SWEEP_TIMEOUT_MS = 5000;

/** Somebody at the broker who sees what goes over it, and knows nothing of what a station says of itself. */
export class Observer {
  readonly seen: Seen[] = [];
  #client: MqttClient;
  #url: string;
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
    const client = await mqtt.connectAsync(url, { ...account, reconnectPeriod: 0 }, false);
    const observer = new Observer(client, options);
    await client.subscribeAsync("#", { qos: 1 });
    return observer;
  }

  /** Whether the broker is not there any more. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** The newest message on a topic that ends so. */
  last(topicEnd: string): string | undefined {
    return this.seen.findLast(({ topic }) => topic.endsWith(topicEnd))?.payload;
  }

  find(topicEnd: string, from = 0): Seen | undefined {
    return this.seen.slice(from).find(({ topic }) => topic.endsWith(topicEnd));
  }

  /** Takes away what stations have left at the broker, their sessions and retained messages, if it is there. */
  async sweep(options: SweepOptions): Promise<void> {
    if (this.#isLost) return;
    const isSwept = await Promise.race([
      this.#takeAway(options).then(() => true),
      sleep(SWEEP_TIMEOUT_MS, false, { ref: false }),
    ]);
    if (!isSwept) throw new Error("the broker did not let what the stations left there be taken away");
  }

  async close(): Promise<void> {
    await this.#client.endAsync(true);
  }

  /** The sessions first: the end of one may be the last that is published. */
  async #takeAway({ deviceIds, ...account }: SweepOptions): Promise<void> {
    for (const clientId of deviceIds) {
      const options = { ...account, clientId, clean: true, connectTimeout: SWEEP_TIMEOUT_MS };
      const client = await mqtt.connectAsync(this.#url, options, false);
      await client.endAsync();
    }
    const topics = new Set(this.seen.map(({ topic }) => topic));
    for (const topic of topics) {
      if (!deviceIds.some((id) => topic.includes(`/sweet-home/${id}/`))) continue;
      await this.#client.publishAsync(topic, "", { qos: 1, retain: true });
    }
  }
}
