/** What an owner does from afar: sets what may be set, also what may not, changes the local list. */

import type { Random } from "../../world/random.js";
import type { Scene } from "../scene.js";
import type { Diary } from "./diary.js";
import { exponential } from "./faults.js";
import { CARDS } from "./guests.js";
import { hashOf, type Ledger, NO_CARD_HASH } from "./ledger.js";

export interface OwnerOptions {
  readonly scene: Scene;
  readonly random: Random;
  readonly diary: Diary;
  readonly ledger: Ledger;
  /** The owner is awake. */
  readonly isAwake: () => boolean;
  readonly onAct: () => void;
}

const MEAN_GAP_MS = 30 * 60_000;
/** Owners who let people charge for nothing, now and then: what it takes to be let in is not looked at any more. */
const GENEROUS = 0.1;
const CACHE_FOR_S = 24 * 3600;
const NONSENSE = ["", "maybe", "-1", "33", "true false", "\u0000", "1e9", "é".repeat(200)];

export class Owner {
  #options: OwnerOptions;
  readonly #isGenerous: boolean;
  #mayBeFree = false;
  #hasWishedResume = false;
  #hasAllowedOffline = false;
  #hasAllowedCache = false;
  /** Has been on some list that a station may have. */
  #listed = new Set<string>();

  constructor(options: OwnerOptions) {
    this.#options = options;
    this.#isGenerous = options.random.bool(GENEROUS);
    this.setCardsRight();
    this.#changeList();
  }

  /** What was learned by mistake is taken back. */
  setCardsRight(): void {
    const { tags } = this.#options.scene.platform;
    tags.clear();
    for (const tag of [...CARDS.good, ...CARDS.listed])
      tags.set(tag, { authorized: true, cacheFor: CACHE_FOR_S });
    for (const tag of CARDS.blocked) tags.set(tag, { authorized: false, reason: "blocked" });
  }

  /** The station may let vehicles charge without a card. */
  get mayBeFree(): boolean {
    return this.#mayBeFree;
  }

  /** Sessions may go on after a power cut. */
  get hasWishedResume(): boolean {
    return this.#hasWishedResume;
  }

  /** The platform lets it in, now, or has until lately. */
  isFriend(tag: string): boolean {
    const isLasting = [...CARDS.good, ...CARDS.listed].some((one) => one === tag);
    return isLasting || this.#options.scene.platform.tags.get(tag)?.authorized === true;
  }

  /** The station may let this tag in by itself. */
  mayPassOffline(tag: string): boolean {
    if (!this.#hasAllowedOffline) return false;
    return this.#listed.has(tag) || (this.#hasAllowedCache && this.isFriend(tag));
  }

  /** Acts now and then, for as long as the world turns. */
  start(): void {
    const { scene, random } = this.#options;
    scene.clock.set(
      () => {
        this.#act();
        this.start();
      },
      exponential(random, MEAN_GAP_MS),
    );
  }

  #act(): void {
    const { scene, random, ledger, isAwake, onAct } = this.#options;
    if (!isAwake()) return;
    onAct();
    if (random.bool(0.1)) scene.device.flash.cutPowerAtWrite(1, random.bool() ? "before" : "after");
    const acts = [
      () => this.#set("charger/stop", "true"),
      () => {
        ledger.permit(NO_CARD_HASH, "remote");
        this.#set("charger/start", "true");
      },
      () => {
        this.#hasWishedResume = true;
        this.#set("$options/resume", String(random.bool(0.8)));
      },
      () => this.#set("$options/card-ends", String(random.bool())),
      () => this.#allowOffline(),
      () => this.#set("access/tag-learning", "true"),
      () => this.#beGenerous(),
      () => this.#set("charger/current-limit", String(6 + random.int(11))),
      () => this.#changeList(),
      () => this.#set(random.pick(SETTABLE), random.pick(NONSENSE)),
    ];
    random.pick(acts)();
  }

  #beGenerous(): void {
    if (!this.#isGenerous) return;
    this.#mayBeFree = true;
    this.#set("$options/free", String(this.#options.random.bool(0.3)));
  }

  #allowOffline(): void {
    const policy = this.#options.random.pick(["deny", "list", "list-and-cache", "list-and-cache"] as const);
    this.#hasAllowedOffline ||= policy !== "deny";
    this.#hasAllowedCache ||= policy === "list-and-cache";
    this.#set("access/offline-policy", policy);
  }

  #changeList(): void {
    const { scene, random } = this.#options;
    const tags = [...CARDS.good.filter(() => random.bool()), ...CARDS.listed];
    for (const tag of tags) this.#listed.add(tag);
    scene.platform.list = { version: scene.platform.list.version + 1, tags: tags.map(hashOf) };
  }

  #set(path: string, value: string): void {
    const { scene, diary } = this.#options;
    diary.note(`the owner sets ${path} to ${value}`);
    diary.count(`set ${path}`);
    const root = [...scene.broker.retained.keys()].find((topic) => topic.endsWith("/$homie"));
    if (root) scene.broker.publish(root.replace("$homie", `${path}/set`), value);
  }
}

const SETTABLE = ["charger/current-limit", "charger/start", "access/offline-policy", "access/owner"] as const;
