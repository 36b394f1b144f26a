/** Checks limits of queues and rates at the station's broker, platform and flash. */

import { isJSONObject, parseJSONObject } from "../../../modules/json/index.js";
import { LOG_SLOTS } from "../../../modules/sessions/index.js";
import type { Scene } from "../../virtual/scene.js";
import type { BrokerMessage } from "../../virtual/world/broker.js";
import type { EventLog } from "./event-log.js";
import type { Swipes } from "./swipes.js";

export interface QueuesOptions {
  readonly scene: Scene;
  readonly eventLog: EventLog;
  readonly swipes: Pick<Swipes, "onLearnRequest">;
  /** The path between the station and its broker works, and has worked for a while. */
  readonly isCalm: () => boolean;
}

/** Maximum number of requests under way (docs/protocol.md, section 4). */
const MAX_REQUESTS = 4;
/** Time limit of a request, ms (docs/protocol.md, section 4). */
const REQUEST_MS = 10_000;
/** Maximum number of unacknowledged messages (modules/mqtt). */
const MAX_IN_FLIGHT = 8;
/** Maximum number of telemetry messages per second (docs/protocol.md, section 5). */
const MAX_PER_SECOND = 5;
/**
 * Maximum number of timers of station and world. One leaked timer per heartbeat exceeds it within half an
 * hour.
 */
const MAX_TIMERS = 250;
const CHECK_PERIOD_MS = 60_000;
/**
 * Maximum number of errors published per minute: modules/telemetry queues 16, and one minute may publish as
 * many again.
 */
const MAX_ERRORS_A_MINUTE = 45;
/** Number of levels of `<user>/sweet-home/<device id>/$state`. A node's `$state` has another number. */
const STATE_LEVELS = 4;
const SLOTS = Array.from({ length: LOG_SLOTS }, (_, slot) => `log${slot}`);

/** A reported session. */
interface Report {
  /** Id of the request. */
  readonly id: unknown;
  readonly sessionId: unknown;
  /** Number of other sessions in the queue. */
  readonly others: number;
  /** Run of the firmware. A restart erases which session was reported last. */
  readonly run: number;
}

export class Queues {
  readonly #options: QueuesOptions;
  /** Times of the latest telemetry messages, ms. */
  #moments: number[] = [];
  #isTreeOut = false;
  /** Requests under way: time of arrival at the broker by request id, ms. */
  readonly #requests = new Map<unknown, number>();
  #lastAnswered: unknown;
  #lastReport: Report | undefined;
  #errors = 0;

  constructor(options: QueuesOptions) {
    this.#options = options;
    const { scene } = options;
    scene.broker.watch((message) => this.#handleMessage(message));
    scene.clock.repeat(() => this.#checkPeriodically(), CHECK_PERIOD_MS);
  }

  /** Number of sessions queued in the flash. */
  get waitingSessions(): number {
    const { flash } = this.#options.scene.device;
    return SLOTS.filter((key) => flash.get("plugpass", key) !== undefined).length;
  }

  /** Checks the invariants that hold after each step. */
  check(): void {
    const { mostUnacknowledged } = this.#options.scene.broker;
    if (mostUnacknowledged > MAX_IN_FLIGHT)
      this.#options.eventLog.reportViolation(`${mostUnacknowledged} messages sent and not acknowledged`);
  }

  #checkPeriodically(): void {
    const { scene, eventLog } = this.#options;
    if (scene.clock.pending > MAX_TIMERS) eventLog.reportViolation(`${scene.clock.pending} timers`);
    this.#errors = 0;
    if (scene.device.flash.get("plugpass", `log${LOG_SLOTS}`))
      eventLog.reportViolation("a log slot too many");
  }

  #handleMessage({ topic, payload }: BrokerMessage): void {
    // Others publish to `set`. The station publishes the device tree without a rate limit.
    if (topic.endsWith("/set")) return;
    if (topic.includes("/errors/") && ++this.#errors > MAX_ERRORS_A_MINUTE)
      this.#options.eventLog.reportViolation(`${this.#errors} errors have waited`);
    if (topic.includes("/req/")) this.#handleRequest(topic, payload);
    else if (topic.includes("/res/")) this.#handleResponse(payload);
    else if (topic.endsWith("/$state") && topic.split("/").length === STATE_LEVELS)
      this.#handleState(payload.length === "ready".length);
    else if (this.#isTreeOut) this.#countMessage(topic);
  }

  #handleState(isReady: boolean): void {
    this.#isTreeOut = isReady;
    // The report of another session may have been lost with the previous connection.
    this.#lastReport = undefined;
  }

  #handleResponse(payload: Uint8Array<ArrayBuffer>): void {
    this.#lastAnswered = parseJSONObject(payload)?.id;
    this.#requests.delete(this.#lastAnswered);
  }

  #handleRequest(topic: string, payload: Uint8Array<ArrayBuffer>): void {
    const { scene, eventLog, isCalm } = this.#options;
    const now = scene.clock.monotonicMs();
    this.#requests.forEach((sinceMs, id) => {
      if (now - sinceMs > REQUEST_MS - 1) this.#requests.delete(id);
    });
    const { id, data } = parseJSONObject(payload) ?? {};
    if (isJSONObject(data)) {
      if (topic.endsWith("/session")) this.#handleReport(id, data.id);
      if (topic.endsWith("/create-tag")) this.#handleLearnRequest(data.tag);
    }
    // A working platform has already answered here. A card's request is given up before its time is over.
    if (id !== this.#lastAnswered && !topic.endsWith("/authorize")) this.#requests.set(id, now);
    if (this.#requests.size > MAX_REQUESTS && isCalm())
      eventLog.reportViolation(`${this.#requests.size} requests under way`);
  }

  /** Checks that a session which the platform rejects does not block the others. */
  #handleReport(id: unknown, sessionId: unknown): void {
    const { scene, eventLog, isCalm } = this.#options;
    const last = this.#lastReport;
    const run = scene.under.ends.length;
    // The station publishes the same message again after a reconnect.
    if (last?.id === id) return;
    if (last && last.sessionId === sessionId && last.others > 0 && last.run === run && isCalm())
      eventLog.reportViolation(
        `${sessionId} is reported again while ${last.others} other sessions are queued`,
      );
    this.#lastReport = { id, sessionId, others: this.waitingSessions - 1, run };
  }

  #handleLearnRequest(tag: unknown): void {
    // The station may have had no free request for a session.
    this.#lastReport = undefined;
    // Messages sent before an outage of the broker arrive after it.
    if (this.#options.isCalm()) this.#options.swipes.onLearnRequest(tag);
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
