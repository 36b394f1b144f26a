/**
 * Expected state of a station: its settings, its local list and its cache, as an outside observer can infer
 * them. The sources are the last published values and the messages that may have arrived since.
 */

import type { JSONObject } from "../../../modules/json/index.js";
import type { VirtualClock } from "../../virtual/world/clock.js";

/** Maximum time in which a message from the owner arrives, ms. A later message is lost. */
export const ON_ITS_WAY_MS = 3 * 60_000;
/** Maximum time from presenting a card to an offline decision, including the network, ms. */
const DECISION_MS = 15_000;
/** Current limit of the installation, A. */
export const INSTALLED_A = 16;

/** Expected value of a setting: the published value, or a value sent since. */
export class Setting<Value> {
  readonly #clock: VirtualClock;
  #published: Value;
  #sent: { readonly value: Value; readonly atMs: number }[] = [];

  constructor(clock: VirtualClock, published: Value) {
    this.#clock = clock;
    this.#published = published;
  }

  get possible(): Value[] {
    return [this.#published, ...this.#sent.map(({ value }) => value)];
  }

  /** The owner has sent this value. */
  send(value: Value): void {
    this.#sent.push({ value, atMs: this.#clock.monotonicMs() });
  }

  /** The station has published this value. */
  handlePublished(value: Value): void {
    this.#published = value;
    this.handleHeartbeat();
  }

  /** The station has sent a heartbeat: values sent more than ON_ITS_WAY_MS ago no longer count. */
  handleHeartbeat(): void {
    const now = this.#clock.monotonicMs();
    this.#sent = this.#sent.filter(({ atMs }) => now - atMs < ON_ITS_WAY_MS);
  }
}

export class ExpectedState {
  readonly limitA: Setting<number>;
  readonly policy: Setting<string>;
  readonly #clock: VirtualClock;
  /** Tags of the platform's local lists, by version. */
  readonly #lists = new Map<number, readonly string[]>();
  /** List versions that the station may have, with the time at which it may have received each, ms. */
  readonly #versions = new Map<number, number>([[0, 0]]);
  /** Cached positive answers of the platform: expiry, ms, and current limit, A. */
  readonly #cache = new Map<string, { readonly untilMs: number; readonly maxA: number }>();
  /** Tags that a phone has reported as refused by the platform. */
  readonly #refused = new Set<string>();

  constructor(clock: VirtualClock) {
    this.#clock = clock;
    this.limitA = new Setting(clock, INSTALLED_A);
    this.policy = new Setting(clock, "deny");
  }

  /** Highest current limit that may apply at the station now, A. */
  get mostA(): number {
    return Math.max(...this.limitA.possible);
  }

  /** Handles a published property, by its path under the station's root, or a heartbeat. */
  handlePublished(path: string, value: string): void {
    if (path === "charger/current-limit") this.limitA.handlePublished(Number(value));
    else if (path === "access/offline-policy") this.policy.handlePublished(value);
    else if (path === "$heartbeat") {
      this.limitA.handleHeartbeat();
      this.policy.handleHeartbeat();
    }
  }

  /** The platform has published a version of the local list. */
  addList(version: number, tags: readonly string[]): void {
    this.#lists.set(version, tags);
  }

  /** The station has requested the local list: it has one version and may soon have the other. */
  recordListRequest(has: number, gets: number): void {
    const now = this.#clock.monotonicMs();
    for (const [version, atMs] of this.#versions)
      if (now - atMs > ON_ITS_WAY_MS) this.#versions.delete(version);
    this.#versions.set(has, now);
    if (has === gets) return;
    this.#versions.set(gets, now);
    for (const tag of this.#lists.get(gets) ?? []) this.#refused.delete(tag);
  }

  /** The platform has answered an authorization request. */
  recordAnswer(tag: string, { authorized, cacheFor, maxCurrent = INSTALLED_A }: JSONObject): void {
    if (authorized !== true) return;
    this.#refused.delete(tag);
    if (cacheFor === undefined) return;
    const untilMs = this.#clock.monotonicMs() + Number(cacheFor) * 1000 + DECISION_MS;
    this.#cache.set(tag, { untilMs, maxA: Math.min(INSTALLED_A, Number(maxCurrent)) });
  }

  /** The station has received a refusal from the platform: it no longer accepts the tag offline. */
  recordRefusal(tag: string): void {
    this.#cache.delete(tag);
    this.#refused.add(tag);
  }

  /**
   * The firmware has ended. After a restart, the station has only what its flash holds, which may be older.
   */
  forget(): void {
    this.#cache.clear();
    this.#refused.clear();
  }

  /** Current that the station may allow a card without the platform, A; `undefined` if it must refuse. */
  offlineA(tag: string): number | undefined {
    const policies = this.policy.possible;
    const isListed = [...this.#versions.keys()].some((version) => this.#lists.get(version)?.includes(tag));
    if (isListed && !this.#refused.has(tag) && policies.some((policy) => policy !== "deny"))
      return INSTALLED_A;
    const answer = policies.includes("list-and-cache") ? this.#cache.get(tag) : undefined;
    return answer && answer.untilMs > this.#clock.monotonicMs() ? answer.maxA : undefined;
  }
}
