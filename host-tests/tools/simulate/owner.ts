/** What an owner does from afar: sets what may be set, also what may not, changes the local list. */

import { cardFrame, type Scene } from "../../virtual/scene.js";
import type { Random } from "../../virtual/world/random.js";
import type { EventLog } from "./event-log.js";
import { type ExpectedState, INSTALLED_A } from "./expected-state.js";
import { exponential, type Faults } from "./faults.js";
import { CARDS } from "./guests.js";
import { hashOf, type Ledger } from "./ledger.js";
import type { Swipes } from "./swipes.js";

export interface OwnerOptions {
  readonly scene: Scene;
  readonly random: Random;
  readonly eventLog: EventLog;
  readonly ledger: Ledger;
  readonly expectedState: ExpectedState;
  readonly faults: Pick<Faults, "silencePlatform">;
  readonly swipes: Pick<Swipes, "noteLesson">;
  /** The owner is awake. */
  readonly isAwake: () => boolean;
  readonly onAct: () => void;
}

const MEAN_GAP_MS = 30 * 60_000;
/** Owners who let people charge for nothing, now and then: what it takes to be let in is not looked at any more. */
const GENEROUS = 0.1;
const CACHE_FOR_S = 24 * 3600;
const SHORT_CACHE_FOR_S = 900;
/** Some cards may not have as much as the station can give. */
const MAX_CURRENT_A: Readonly<Record<string, number>> = {
  "0000000003": 6,
  "0000000004": 10,
  "0000000041": 8,
};
/** Whoever is welcome and blocked in turns. */
const MEAN_MOOD_MS = 20 * 60_000;
/** An installer's pile of cards: more than may wait for the platform at a time. */
const PILE = 30;
const SWIPE_GAP_MS = 200;
const LESSON_SILENCE_MS = 2 * 60_000;
/** An app gone mad: more than may wait to be told of. */
const MISTAKES = 60;
const NONSENSE = ["", "maybe", "-1", "33", "true false", "\u0000", "1e9", "é".repeat(200)];

export class Owner {
  #options: OwnerOptions;
  readonly #isGenerous: boolean;
  #mayBeFree = false;
  #hasWishedResume = false;

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
    for (const tag of [...CARDS.good, ...CARDS.listed, ...CARDS.fickle]) this.#welcome(tag);
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

  /** Acts now and then, for as long as the world turns. */
  start(): void {
    this.#repeat(MEAN_GAP_MS, () => this.#act());
    this.#repeat(MEAN_MOOD_MS, () => this.#changeMood());
  }

  #repeat(meanGapMs: number, act: () => void): void {
    const { scene, random } = this.#options;
    scene.clock.set(
      () => {
        act();
        this.#repeat(meanGapMs, act);
      },
      exponential(random, meanGapMs),
    );
  }

  #act(): void {
    const { scene, random, ledger, isAwake, onAct } = this.#options;
    if (!isAwake()) return;
    onAct();
    if (random.bool(0.1)) scene.device.flash.cutPowerAtWrite(1, random.bool() ? "before" : "after");
    const acts = [
      () => {
        ledger.stop();
        this.#set("charger/stop", "true");
      },
      () => {
        ledger.permitRemote();
        this.#set("charger/start", "true");
      },
      () => {
        this.#hasWishedResume = true;
        this.#set("$options/resume", String(random.bool(0.8)));
      },
      () => this.#set("$options/card-ends", String(random.bool())),
      () => this.#allowOffline(),
      () => this.#allowOffline(),
      () => this.#set("access/tag-learning", "true"),
      () => this.#beGenerous(),
      () => this.#limit(6 + random.int(INSTALLED_A - 5)),
      () => this.#changeList(),
      () => (random.bool() ? this.#teach() : this.#makeMistakes()),
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
    const { random, expectedState } = this.#options;
    const policy = random.pick(["deny", "list", "list-and-cache", "list-and-cache"] as const);
    expectedState.policy.send(policy);
    this.#set("access/offline-policy", policy);
  }

  #limit(limitA: number): void {
    this.#options.expectedState.limitA.send(limitA);
    this.#set("charger/current-limit", String(limitA));
  }

  #welcome(tag: string): void {
    const { scene, random } = this.#options;
    const cacheFor = random.bool() ? CACHE_FOR_S : SHORT_CACHE_FOR_S;
    scene.platform.tags.set(tag, { authorized: true, cacheFor, maxCurrent: MAX_CURRENT_A[tag] });
  }

  #changeMood(): void {
    const { scene, random } = this.#options;
    const { tags } = scene.platform;
    const tag = random.pick(CARDS.fickle);
    if (tags.get(tag)?.authorized !== true) this.#welcome(tag);
    else tags.set(tag, { authorized: false, reason: "blocked" });
  }

  /** A pile of new cards is swiped, one after the other; mostly while nobody answers. */
  #teach(): void {
    const { scene, random, eventLog, faults, swipes } = this.#options;
    eventLog.note("an installer has a pile of cards");
    eventLog.count("pile of cards");
    this.#set("access/tag-learning", "true");
    if (random.bool(0.7)) faults.silencePlatform(LESSON_SILENCE_MS);
    for (let i = 1; i <= PILE; i++) {
      const tag = String(100 + i).padStart(10, "0");
      scene.clock.set(() => {
        swipes.noteLesson(tag);
        scene.device.cardReader.send(cardFrame(tag));
      }, i * SWIPE_GAP_MS);
    }
  }

  #makeMistakes(): void {
    this.#options.eventLog.note("the owner's app goes mad");
    this.#options.eventLog.count("mad app");
    for (let i = 0; i < MISTAKES; i++) this.#send("charger/current-limit", "1000");
  }

  #changeList(): void {
    const { scene, random, expectedState } = this.#options;
    const tags = [...CARDS.good.filter(() => random.bool(0.3)), ...CARDS.fickle, ...CARDS.listed];
    const version = scene.platform.list.version + 1;
    expectedState.addList(version, tags);
    scene.platform.list = { version, tags: tags.map(hashOf) };
  }

  #set(path: string, value: string): void {
    const { eventLog } = this.#options;
    eventLog.note(`the owner sets ${path} to ${value}`);
    eventLog.count(`set ${path}`);
    this.#send(path, value);
  }

  #send(path: string, value: string): void {
    const { scene } = this.#options;
    const root = [...scene.broker.retained.keys()].find((topic) => topic.endsWith("/$homie"));
    if (root) scene.broker.publish(root.replace("$homie", `${path}/set`), value);
  }
}

const SETTABLE = ["charger/current-limit", "charger/start", "access/offline-policy", "access/owner"] as const;
