/** What must not grow, and how fast a station may talk, measured at its broker, its platform and its flash. */

import { parseJSONObject } from "../../../modules/json/index.js";
import { LOG_SLOTS } from "../../../modules/sessions/index.js";
import type { BrokerMessage } from "../../world/broker.js";
import type { Scene } from "../scene.js";
import type { Diary } from "./diary.js";

export interface QueuesOptions {
  readonly scene: Scene;
  readonly diary: Diary;
  /** Nothing is wrong between the station and its broker, and nothing was a moment ago. */
  readonly isCalm: () => boolean;
}

/** Protocol, section 4: under way at a time, each for 10 s. */
const MAX_REQUESTS = 4;
const REQUEST_MS = 10_000;
/** Sent and not acknowledged (modules/mqtt). */
const MAX_IN_FLIGHT = 8;
/** Protocol, section 5. */
const MAX_PER_SECOND = 5;
/** Of the station and of the world around it; a station that leaks one for each heartbeat has as many in half an hour. */
const MAX_TIMERS = 250;
const LOOK_MS = 60_000;
/** `<user>/sweet-home/<device id>/$state`: a node has one too. */
const STATE_LEVELS = 4;

export class Queues {
  #options: QueuesOptions;
  /** When the latest were sent that count. */
  #moments: number[] = [];
  #isTreeOut = false;
  /** Under way: when they came to the broker, by their ids. */
  #requests = new Map<unknown, number>();
  #lastAnswered: unknown;

  constructor(options: QueuesOptions) {
    this.#options = options;
    const { scene } = options;
    scene.broker.watch((message) => this.#hear(message));
    scene.clock.repeat(() => this.#look(), LOOK_MS);
  }

  /** Sessions that wait in the flash. */
  get waitingSessions(): number {
    const { flash } = this.#options.scene.device;
    let count = 0;
    for (let slot = 0; slot < LOG_SLOTS; slot++) if (flash.get("plugpass", `log${slot}`)) count++;
    return count;
  }

  #look(): void {
    const { scene, diary } = this.#options;
    if (scene.clock.pending > MAX_TIMERS) diary.accuse(`${scene.clock.pending} timers`);
    if (scene.broker.mostUnacknowledged > MAX_IN_FLIGHT)
      diary.accuse(`${scene.broker.mostUnacknowledged} messages sent and not acknowledged`);
    if (scene.device.flash.get("plugpass", `log${LOG_SLOTS}`)) diary.accuse("a log slot too many");
  }

  #hear({ topic, payload }: BrokerMessage): void {
    // Others set; the tree goes out as fast as the broker takes it.
    if (topic.endsWith("/set")) return;
    if (topic.includes("/req/")) this.#countRequest(payload);
    else if (topic.includes("/res/")) this.#countAnswer(payload);
    else if (topic.endsWith("/$state") && topic.split("/").length === STATE_LEVELS)
      this.#isTreeOut = payload.length === "ready".length;
    else if (this.#isTreeOut) this.#countMessage(topic);
  }

  #countAnswer(payload: Uint8Array<ArrayBuffer>): void {
    this.#lastAnswered = parseJSONObject(payload)?.id;
    this.#requests.delete(this.#lastAnswered);
  }

  #countRequest(payload: Uint8Array<ArrayBuffer>): void {
    const { scene, diary, isCalm } = this.#options;
    const now = scene.clock.monotonicMs();
    this.#requests.forEach((sinceMs, id) => {
      if (now - sinceMs >= REQUEST_MS) this.#requests.delete(id);
    });
    const id = parseJSONObject(payload)?.id;
    // A platform that is well has answered before this is heard.
    if (id !== this.#lastAnswered) this.#requests.set(id, now);
    if (this.#requests.size > MAX_REQUESTS && isCalm())
      diary.accuse(`${this.#requests.size} requests under way`);
  }

  #countMessage(topic: string): void {
    const { scene, diary, isCalm } = this.#options;
    const now = scene.clock.monotonicMs();
    this.#moments = this.#moments.filter((moment) => now - moment < 1000);
    this.#moments.push(now);
    if (this.#moments.length > MAX_PER_SECOND && isCalm())
      diary.accuse(`${this.#moments.length} messages in a second, the last on ${topic}`);
  }
}
