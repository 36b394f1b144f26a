/**
 * A remote owner: changes settings, sends invalid values, starts and stops sessions, and changes the local
 * list.
 */

import type { Scene } from "../../virtual/scene.js";
import type { Random } from "../../virtual/world/random.js";
import { type Cards, toCard } from "./cards.js";
import type { EventLog } from "./event-log.js";
import { type ExpectedState, INSTALLED_A } from "./expected-state.js";
import { exponential, type Faults } from "./faults.js";
import { hashOf, type Ledger } from "./ledger.js";
import { PROOF_CARDS, secretOf } from "./proofs.js";
import type { Swipes } from "./swipes.js";

export interface OwnerOptions {
  readonly scene: Scene;
  readonly random: Random;
  readonly cards: Cards;
  readonly eventLog: EventLog;
  readonly ledger: Ledger;
  readonly expectedState: ExpectedState;
  readonly faults: Pick<Faults, "silencePlatform">;
  readonly swipes: Pick<Swipes, "recordLearnedCard">;
  /** The owner acts only while this is true. */
  readonly isAwake: () => boolean;
  readonly onAct: () => void;
}

const MEAN_GAP_MS = 30 * 60_000;
/** Share of owners who sometimes enable free vend. With it, permits are no longer checked. */
const FREE_VEND_SHARE = 0.1;
const CACHE_FOR_S = 24 * 3600;
const SHORT_CACHE_FOR_S = 900;
/** Mean time between changes of the fickle cards, ms. */
const MEAN_FICKLE_MS = 20 * 60_000;
/** Number of cards in an installer's pile: more than the station queues for the platform. */
const PILE = 30;
const SWIPE_GAP_MS = 200;
/** The same at a PN532, ms: it polls four times a second. */
const PN532_SWIPE_GAP_MS = 1000;
const PILE_SILENCE_MS = 2 * 60_000;
/** Number of invalid commands of a faulty app: more than the station queues errors. */
const MISTAKES = 60;
const NONSENSE = ["", "maybe", "-1", "33", "true false", "\u0000", "1e9", "é".repeat(200)];

export class Owner {
  readonly #options: OwnerOptions;
  readonly #allowsFreeVend: boolean;
  #hasEnabledFreeVend = false;
  #hasEnabledResume = false;

  constructor(options: OwnerOptions) {
    this.#options = options;
    this.#allowsFreeVend = options.random.bool(FREE_VEND_SHARE);
    this.restoreCards();
    this.#changeList();
  }

  /** Restores the platform's cards after tag learning. */
  restoreCards(): void {
    const { scene, cards } = this.#options;
    const { tags, proofCards } = scene.platform;
    tags.clear();
    [...PROOF_CARDS.keys()].forEach((cardId, i) => {
      proofCards.secrets.set(cardId, secretOf(i));
      tags.set(cardId, { authorized: true });
    });
    for (const tag of [...cards.good, ...cards.listed, ...cards.fickle]) this.#allowCard(tag);
    for (const tag of cards.blocked) tags.set(tag, { authorized: false, reason: "blocked" });
  }

  /** The station may allow vehicles to charge without a card. */
  get mayBeFree(): boolean {
    return this.#hasEnabledFreeVend;
  }

  /** The owner has enabled resuming sessions after a power cut at some time. */
  get hasEnabledResume(): boolean {
    return this.#hasEnabledResume;
  }

  /** Starts acting at random times. */
  start(): void {
    this.#repeat(MEAN_GAP_MS, () => this.#act());
    this.#repeat(MEAN_FICKLE_MS, () => this.#changeFickleCard());
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
    const stop = () => {
      ledger.stop();
      this.#set("charger/stop", "true");
    };
    const acts = [
      stop,
      stop,
      stop,
      () => {
        ledger.permitRemote();
        this.#set("charger/start", "true");
      },
      () => {
        this.#hasEnabledResume = true;
        this.#set("$options/resume", String(random.bool(0.8)));
      },
      () => this.#set("$options/card-ends", String(random.bool())),
      () => this.#allowOffline(),
      () => this.#allowOffline(),
      () => this.#set("access/tag-learning", "true"),
      () => this.#setFreeVend(),
      () => this.#limit(6 + random.int(INSTALLED_A - 5)),
      () => this.#changeList(),
      () => (random.bool() ? this.#learnPile() : this.#sendInvalidCommands()),
      () => this.#set(random.pick(SETTABLE), random.pick(NONSENSE)),
    ];
    random.pick(acts)();
  }

  #setFreeVend(): void {
    if (!this.#allowsFreeVend) return;
    this.#hasEnabledFreeVend = true;
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

  #allowCard(tag: string): void {
    const { scene, random, cards } = this.#options;
    const cacheFor = random.bool() ? CACHE_FOR_S : SHORT_CACHE_FOR_S;
    scene.platform.tags.set(tag, { authorized: true, cacheFor, maxCurrent: cards.maxCurrentA.get(tag) });
  }

  #changeFickleCard(): void {
    const { scene, random, cards } = this.#options;
    const { tags } = scene.platform;
    const tag = random.pick(cards.fickle);
    if (tags.get(tag)?.authorized !== true) this.#allowCard(tag);
    else tags.set(tag, { authorized: false, reason: "blocked" });
  }

  /** Swipes a pile of new cards in quick succession, mostly while the platform does not answer. */
  #learnPile(): void {
    const { scene, random, eventLog, faults, swipes } = this.#options;
    eventLog.record("an installer has a pile of cards");
    eventLog.count("pile of cards");
    this.#set("access/tag-learning", "true");
    if (random.bool(0.7)) faults.silencePlatform(PILE_SILENCE_MS);
    const hasPN532 = scene.device.pn532 !== undefined;
    const gapMs = hasPN532 ? PN532_SWIPE_GAP_MS : SWIPE_GAP_MS;
    for (let i = 1; i <= PILE; i++) {
      const tag = toCard(100 + i, hasPN532);
      scene.clock.set(() => {
        swipes.recordLearnedCard(tag);
        scene.device.swipe(tag, gapMs / 2);
      }, i * gapMs);
    }
  }

  #sendInvalidCommands(): void {
    this.#options.eventLog.record("the owner's app sends invalid commands");
    this.#options.eventLog.count("mad app");
    for (let i = 0; i < MISTAKES; i++) this.#send("charger/current-limit", "1000");
  }

  #changeList(): void {
    const { scene, random, expectedState, cards } = this.#options;
    const sometimes = [...cards.good, ...cards.proved].filter(() => random.bool(0.3));
    const tags = [...sometimes, ...cards.fickle, ...cards.listed];
    const version = scene.platform.list.version + 1;
    expectedState.addList(version, tags);
    scene.platform.list = { version, tags: tags.map(hashOf) };
  }

  #set(path: string, value: string): void {
    const { eventLog } = this.#options;
    eventLog.record(`the owner sets ${path} to ${value}`);
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
