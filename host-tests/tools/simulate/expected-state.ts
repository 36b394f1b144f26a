/**
 * What a station may know of its owner's wishes and of cards, as far as that can be told from outside: what it has said
 * last, and what was on its way to it since. The station is never asked.
 */

import type { JSONObject } from "../../../modules/json/index.js";
import type { VirtualClock } from "../../virtual/world/clock.js";

/** What an owner has sent arrives within this, or never. */
const ON_ITS_WAY_MS = 3 * 60_000;
/** From a card's being presented to the decision without the platform, and a little for the network. */
const DECISION_MS = 15_000;
/** What the installation allows, A. */
export const INSTALLED_A = 16;

/** A setting: what the station has said that it is, or what may have come since. */
export class Setting<Value> {
  #clock: VirtualClock;
  #said: Value;
  #sent: { readonly value: Value; readonly atMs: number }[] = [];

  constructor(clock: VirtualClock, said: Value) {
    this.#clock = clock;
    this.#said = said;
  }

  get possible(): Value[] {
    return [this.#said, ...this.#sent.map(({ value }) => value)];
  }

  /** The owner has sent it. */
  send(value: Value): void {
    this.#sent.push({ value, atMs: this.#clock.monotonicMs() });
  }

  /** The station says what it is. */
  hear(value: Value): void {
    this.#said = value;
    this.hearBeat();
  }

  /** The station is there: what it had taken by now it has said. */
  hearBeat(): void {
    const now = this.#clock.monotonicMs();
    this.#sent = this.#sent.filter(({ atMs }) => now - atMs < ON_ITS_WAY_MS);
  }
}

export class ExpectedState {
  readonly limitA: Setting<number>;
  readonly policy: Setting<string>;
  #clock: VirtualClock;
  /** By their versions. */
  #lists = new Map<number, readonly string[]>();
  /** One of these the station has; the later it may have got, and when. */
  #versions = new Map<number, number>([[0, 0]]);
  /** The platform's answers: until when they may be remembered, and what they allow. */
  #cache = new Map<string, { readonly untilMs: number; readonly maxA: number }>();
  /** The station has told somebody that the platform refuses these. */
  #refused = new Set<string>();

  constructor(clock: VirtualClock) {
    this.#clock = clock;
    this.limitA = new Setting(clock, INSTALLED_A);
    this.policy = new Setting(clock, "deny");
  }

  /** The most that the station may offer to anybody, A. */
  get mostA(): number {
    return Math.max(...this.limitA.possible);
  }

  /** A property of the station's tree, by its path, or its heartbeat. */
  hear(path: string, value: string): void {
    if (path === "charger/current-limit") this.limitA.hear(Number(value));
    else if (path === "access/offline-policy") this.policy.hear(value);
    else if (path === "$heartbeat") {
      this.limitA.hearBeat();
      this.policy.hearBeat();
    }
  }

  /** The platform has a list. */
  addList(version: number, tags: readonly string[]): void {
    this.#lists.set(version, tags);
  }

  /** The station asks for a list: it says which one it has, and may have the other in a moment. */
  noteListAsked(has: number, gets: number): void {
    const now = this.#clock.monotonicMs();
    for (const [version, atMs] of this.#versions)
      if (now - atMs > ON_ITS_WAY_MS) this.#versions.delete(version);
    this.#versions.set(has, now);
    if (has === gets) return;
    this.#versions.set(gets, now);
    for (const tag of this.#lists.get(gets) ?? []) this.#refused.delete(tag);
  }

  /** The platform has answered of a card. */
  noteAnswer(tag: string, { authorized, cacheFor, maxCurrent = INSTALLED_A }: JSONObject): void {
    if (authorized !== true) return;
    this.#refused.delete(tag);
    if (cacheFor === undefined) return;
    const untilMs = this.#clock.monotonicMs() + Number(cacheFor) * 1000 + DECISION_MS;
    this.#cache.set(tag, { untilMs, maxA: Math.min(INSTALLED_A, Number(maxCurrent)) });
  }

  /** The station has heard that the platform refuses it: it has told somebody. */
  noteRefused(tag: string): void {
    this.#cache.delete(tag);
    this.#refused.add(tag);
  }

  /** The firmware has ended: it remembers what is in its flash, and that may be older. */
  forget(): void {
    this.#cache.clear();
    this.#refused.clear();
  }

  /** As much as the station may let this card have without the platform, A; `undefined`: it may not. */
  offlineA(tag: string): number | undefined {
    const policies = this.policy.possible;
    const isListed = [...this.#versions.keys()].some((version) => this.#lists.get(version)?.includes(tag));
    if (isListed && !this.#refused.has(tag) && policies.some((policy) => policy !== "deny"))
      return INSTALLED_A;
    const answer = policies.includes("list-and-cache") ? this.#cache.get(tag) : undefined;
    return answer && answer.untilMs > this.#clock.monotonicMs() ? answer.maxA : undefined;
  }
}
