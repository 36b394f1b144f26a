import mqtt, { type MqttClient } from "mqtt";
import type { Platform } from "../../platform-stub/index.js";

export interface Seen {
  readonly topic: string;
  readonly payload: string;
}

/** Somebody at the broker who sees what goes over it, and knows nothing of what a station says of itself. */
export class Observer {
  readonly seen: Seen[] = [];
  #client: MqttClient;
  #url: string;

  private constructor(client: MqttClient, url: string) {
    this.#client = client;
    this.#url = url;
    client.on("message", (topic, payload) => this.seen.push({ topic, payload: payload.toString("utf8") }));
    client.on("error", () => {});
  }

  static async start(platform: Platform): Promise<Observer> {
    const { url, account } = platform;
    const observer = new Observer(await mqtt.connectAsync(url, { ...account }, false), url);
    await observer.#client.subscribeAsync("#", { qos: 1 });
    return observer;
  }

  /** The newest message on a topic that ends so. */
  last(topicEnd: string): string | undefined {
    return this.seen.findLast(({ topic }) => topic.endsWith(topicEnd))?.payload;
  }

  find(topicEnd: string, from = 0): Seen | undefined {
    return this.seen.slice(from).find(({ topic }) => topic.endsWith(topicEnd));
  }

  /** Takes away what stations have left at the broker: retained messages and their sessions. */
  async sweep(options: { deviceIds: readonly string[]; username: string; password: string }): Promise<void> {
    const { deviceIds, ...account } = options;
    const topics = new Set(this.seen.map(({ topic }) => topic));
    for (const topic of topics) {
      if (!deviceIds.some((id) => topic.includes(`/sweet-home/${id}/`))) continue;
      await this.#client.publishAsync(topic, "", { qos: 1, retain: true });
    }
    for (const clientId of deviceIds) {
      const client = await mqtt.connectAsync(this.#url, { ...account, clientId, clean: true }, false);
      await client.endAsync();
    }
  }

  async close(): Promise<void> {
    await this.#client.endAsync(true);
  }
}
