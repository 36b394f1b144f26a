/** What must not grow, and how fast a station may talk, measured at its broker, its platform and its flash. */

import { isJSONObject, parseJSONObject } from "../../../modules/json/index.js";
import { LOG_SLOTS } from "../../../modules/sessions/index.js";
import type { Scene } from "../../virtual/scene.js";
import type { BrokerMessage } from "../../virtual/world/broker.js";
import type { EventLog } from "./event-log.js";
import type { Swipes } from "./swipes.js";

export interface QueuesOptions {
  readonly scene: Scene;
  readonly eventLog: EventLog;
  readonly swipes: Pick<Swipes, "noteLearned">;
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
/** 16 of them wait (modules/telemetry), and as many of another minute. */
const MAX_ERRORS_A_MINUTE = 45;
/** `<user>/sweet-home/<device id>/$state`: a node has one too. */
const STATE_LEVELS = 4;
const SLOTS = Array.from({ length: LOG_SLOTS }, (_, slot) => `log${slot}`);

/** A session that is reported. */
interface Report {
  /** Of the request. */
  readonly id: unknown;
  readonly sessionId: unknown;
  /** As many others waited. */
  readonly others: number;
  /** In which run of the firmware: a restart forgets what was tried last. */
  readonly run: number;
}

export class Queues {
  #options: QueuesOptions;
  /** When the latest were sent that count. */
  #moments: number[] = [];
  #isTreeOut = false;
  /** Under way: when they came to the broker, by their ids. */
  #requests = new Map<unknown, number>();
  #lastAnswered: unknown;
  #lastReport: Report | undefined;
  #errors = 0;

  constructor(options: QueuesOptions) {
    this.#options = options;
    const { scene } = options;
    scene.broker.watch((message) => this.#hear(message));
    scene.clock.repeat(() => this.#look(), LOOK_MS);
  }

  /** Sessions that wait in the flash. */
  get waitingSessions(): number {
    const { flash } = this.#options.scene.device;
    return SLOTS.filter((key) => flash.get("plugpass", key) !== undefined).length;
  }

  /** What has to hold after each step. */
  check(): void {
    const { mostUnacknowledged } = this.#options.scene.broker;
    if (mostUnacknowledged > MAX_IN_FLIGHT)
      this.#options.eventLog.reportViolation(`${mostUnacknowledged} messages sent and not acknowledged`);
  }

  #look(): void {
    const { scene, eventLog } = this.#options;
    if (scene.clock.pending > MAX_TIMERS) eventLog.reportViolation(`${scene.clock.pending} timers`);
    this.#errors = 0;
    if (scene.device.flash.get("plugpass", `log${LOG_SLOTS}`))
      eventLog.reportViolation("a log slot too many");
  }

  #hear({ topic, payload }: BrokerMessage): void {
    // Others set; the tree goes out as fast as the broker takes it.
    if (topic.endsWith("/set")) return;
    if (topic.includes("/errors/") && ++this.#errors > MAX_ERRORS_A_MINUTE)
      this.#options.eventLog.reportViolation(`${this.#errors} errors have waited`);
    if (topic.includes("/req/")) this.#countRequest(topic, payload);
    else if (topic.includes("/res/")) this.#countAnswer(payload);
    else if (topic.endsWith("/$state") && topic.split("/").length === STATE_LEVELS)
      this.#isTreeOut = payload.length === "ready".length;
    else if (this.#isTreeOut) this.#countMessage(topic);
  }

  #countAnswer(payload: Uint8Array<ArrayBuffer>): void {
    this.#lastAnswered = parseJSONObject(payload)?.id;
    this.#requests.delete(this.#lastAnswered);
  }

  #countRequest(topic: string, payload: Uint8Array<ArrayBuffer>): void {
    const { scene, eventLog, isCalm } = this.#options;
    const now = scene.clock.monotonicMs();
    this.#requests.forEach((sinceMs, id) => {
      if (now - sinceMs > REQUEST_MS - 1) this.#requests.delete(id);
    });
    const { id, data } = parseJSONObject(payload) ?? {};
    if (isJSONObject(data)) {
      if (topic.endsWith("/session")) this.#followReport(id, data.id);
      if (topic.endsWith("/create-tag")) this.#followLesson(data.tag);
    }
    // A platform that is well has answered before this is heard; a card is given up before its request's time is over.
    if (id !== this.#lastAnswered && !topic.endsWith("/authorize")) this.#requests.set(id, now);
    if (this.#requests.size > MAX_REQUESTS && isCalm())
      eventLog.reportViolation(`${this.#requests.size} requests under way`);
  }

  /** One session that the platform does not take keeps no other from getting there. */
  #followReport(id: unknown, sessionId: unknown): void {
    const { scene, eventLog, isCalm } = this.#options;
    const last = this.#lastReport;
    const run = scene.under.ends.length;
    // A broker hears the same again after a connection has ended.
    if (last?.id === id) return;
    if (last && last.sessionId === sessionId && last.others > 0 && last.run === run && isCalm())
      eventLog.reportViolation(`${sessionId} is reported again, and ${last.others} others wait`);
    this.#lastReport = { id, sessionId, others: this.waitingSessions - 1, run };
  }

  #followLesson(tag: unknown): void {
    // For a session there may have been no room among so many requests.
    this.#lastReport = undefined;
    // What was sent before the broker went comes when it is back.
    if (this.#options.isCalm()) this.#options.swipes.noteLearned(tag);
  }

  #countMessage(topic: string): void {
    const { scene, eventLog, isCalm } = this.#options;
    const now = scene.clock.monotonicMs();
    this.#moments = this.#moments.filter((moment) => now - moment < 1000);
    this.#moments.push(now);
    if (this.#moments.length > MAX_PER_SECOND && isCalm())
      eventLog.reportViolation(`${this.#moments.length} messages in a second, the last on ${topic}`);
  }
}
