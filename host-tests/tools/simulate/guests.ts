/** Guests of a café: their arrivals, their cards, and their actions at the station. */

import type { AuthorizationResult } from "../../../docs/station.js";
import type { Scene } from "../../virtual/scene.js";
import type { Random } from "../../virtual/world/random.js";
import { type Cards, isSwipeable } from "./cards.js";
import type { EventLog } from "./event-log.js";
import { exponential, type Faults, logUniform } from "./faults.js";
import { GuestPhone, type GuestPhoneOptions } from "./guest-phone.js";
import type { Ledger } from "./ledger.js";
import { PROOF_CARDS, Recorder } from "./proofs.js";
import type { Swipes } from "./swipes.js";

export interface GuestsOptions {
  readonly scene: Scene;
  readonly random: Random;
  readonly cards: Cards;
  readonly eventLog: EventLog;
  readonly ledger: Ledger;
  readonly faults: Pick<Faults, "delayNextAnswer" | "poweredMs">;
  readonly swipes: Pick<Swipes, "recordSwipe" | "recordOtherCard">;
  /** A phone has received a refusal that the platform gave for this tag. */
  readonly onRefused: (tag: string) => void;
}

type PhoneHabits = Pick<GuestPhoneOptions, "again" | "losesContactAfterMs">;
/** Largest time between two writes of an attacker, ms. */
const MAX_AGAIN_MS = 5000;
/** Largest delay of an attacker, who also writes a proof at once, ms. */
const MAX_REPLAY_MS = 60_000;

const SECOND_MS = 1000;
/** Time for which a guest holds a card to a PN532, ms: until it signals, also after a reset. */
const HOLD_MS = 3000;
const MINUTE_MS = 60_000;
const MEAN_GAP_MS = 15 * MINUTE_MS;
const MIN_STAY_MS = 4 * SECOND_MS;
const MAX_STAY_MS = 45 * MINUTE_MS;
/** Time after which a guest without current leaves, ms. */
const PATIENCE_MS = 3 * MINUTE_MS;
/** Time between two vehicles, ms: longer than the station waits for the return of a vehicle, also when it is busy. */
const PARKING_MS = 8 * SECOND_MS;
/** Longest time for which a plug loses its contact, ms. */
const LOOSE_MS = 1500;
/** Mean time between arrivals on a crowded day, ms. */
const CROWD_GAP_MS = MINUTE_MS;
const MAX_CROWDED_STAY_MS = 3 * MINUTE_MS;
const RETRY_MS = 35 * SECOND_MS;
/**
 * Length of one bounce of the pilot, ms. It is shorter than debouncing; all bounces together exceed the limit
 * for opening the contactor.
 */
const BOUNCE_MS = 9;
const BOUNCES = 30;
/**
 * Maximum time from a positive result to current for a ready vehicle, ms (IEC 61851-1), including the
 * contactor's minimum off time.
 */
const CLOSES_WITHIN_MS = 3000;

export class Guests {
  readonly #options: GuestsOptions;
  #isOpen = false;
  #isCrowded = false;
  /** Number of the vehicle, unique for each. */
  #plugInId = 0;
  #disturbances = 0;
  readonly #recorder = new Recorder();
  #leftMs = 0;

  constructor(options: GuestsOptions) {
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Opens the café. */
  open(options: { readonly isCrowded: boolean }): void {
    this.#isOpen = true;
    this.#isCrowded = options.isCrowded;
    this.#expectNext();
  }

  /** Closes the café: the plugged-in vehicle leaves. */
  close(): void {
    this.#isOpen = false;
    this.#leave(this.#plugInId);
  }

  /** One guest who does everything right. */
  visitOnce(): void {
    const { vehicle } = this.#options.scene.device;
    this.#plugInId++;
    vehicle.plug();
    this.#after(2 * SECOND_MS, () => this.#present(this.#options.cards.good[0], {}));
  }

  /** The owner has acted, so a positive result need not lead to current. */
  recordOwnerAction(): void {
    this.#disturbances++;
  }

  #expectNext(): void {
    const { scene, random } = this.#options;
    scene.clock.set(
      () => {
        if (!this.#isOpen) return;
        this.#arrive();
        this.#expectNext();
      },
      SECOND_MS + exponential(random, this.#isCrowded ? CROWD_GAP_MS : MEAN_GAP_MS),
    );
  }

  /** Acts unless the guest has left by then. */
  #after(delayMs: number, act: () => void): void {
    const plugInId = this.#plugInId;
    this.#options.scene.clock.set(() => {
      if (plugInId === this.#plugInId && this.#options.scene.device.vehicle.state !== "unplugged") act();
    }, delayMs);
  }

  #leave(plugInId: number): void {
    const { device } = this.#options.scene;
    if (plugInId !== this.#plugInId || device.vehicle.state === "unplugged") return;
    device.vehicle.unplug();
    this.#leftMs = this.#options.scene.clock.monotonicMs();
    this.#options.eventLog.record("the vehicle leaves");
  }

  #arrive(): void {
    const { scene, random, eventLog } = this.#options;
    const { vehicle } = scene.device;
    // While the power is off, an observer cannot see the vehicle's actions: a guest waits for the station's
    // light.
    const isSoon = scene.clock.monotonicMs() - this.#leftMs < PARKING_MS;
    const isCalm = this.#options.ledger.isContactorCalm;
    if (vehicle.state !== "unplugged" || isSoon || !isCalm || !scene.device.isRunning) {
      eventLog.count("turned away");
      return;
    }
    if (random.bool(0.1)) this.#present(this.#anyCard(), {});
    const requestsEnergyWhenOffered = random.bool(0.9);
    const plugInId = ++this.#plugInId;
    eventLog.record("a vehicle arrives");
    eventLog.count("visit");
    vehicle.plug({ requestsEnergyWhenOffered, ignoresStop: random.bool() });
    if (!requestsEnergyWhenOffered) this.#after(random.int(100 * SECOND_MS), () => vehicle.set("ready"));
    this.#after(random.int(20 * SECOND_MS), () => this.#present(this.#anyCard(), this.#phoneHabits()));
    for (let i = 1; i <= 3; i++) {
      this.#after(i * RETRY_MS + random.int(10 * SECOND_MS), () => {
        if (!vehicle.isContactorClosed && random.bool(0.8)) this.#present(this.#anyCard(), {});
      });
    }
    this.#after(PATIENCE_MS, () => {
      if (!vehicle.isContactorClosed) this.#leave(plugInId);
    });
    const stayMs = logUniform(random, MIN_STAY_MS, this.#isCrowded ? MAX_CROWDED_STAY_MS : MAX_STAY_MS);
    this.#planIncident(stayMs);
    if (random.bool(0.1)) this.#after(random.int(30 * SECOND_MS), () => this.#giveWay(plugInId));
    scene.clock.set(() => this.#leave(plugInId), stayMs);
  }

  /** The guest leaves before the answer, and a vehicle without a card takes the place. */
  #giveWay(plugInId: number): void {
    const { scene, random, faults, eventLog } = this.#options;
    const { vehicle } = scene.device;
    if (vehicle.isContactorClosed) return;
    faults.delayNextAnswer();
    this.#phone(random.pick(this.#options.cards.good), {});
    this.#after(SECOND_MS, () => {
      this.#leave(plugInId);
      scene.clock.set(() => {
        // The station takes a vehicle that comes within a second after a power cut for the one before it.
        const isSettled = scene.device.isRunning && faults.poweredMs > SECOND_MS;
        if (vehicle.state !== "unplugged" || !isSettled || !this.#isOpen) return;
        const next = ++this.#plugInId;
        eventLog.record("the next vehicle takes the place");
        eventLog.count("next vehicle");
        vehicle.plug();
        this.#after(MINUTE_MS, () => this.#leave(next));
      }, PARKING_MS);
    });
  }

  #phoneHabits(): PhoneHabits {
    const { random } = this.#options;
    if (random.bool(0.1)) return { again: { count: 1, everyMs: random.int(5000) } };
    if (random.bool(0.05)) return { again: { count: 10, everyMs: 300 } };
    return random.bool(0.1) ? { losesContactAfterMs: random.int(3000) } : {};
  }

  /** Schedules an incident for a vehicle that charges. */
  #planIncident(stayMs: number): void {
    const { scene, random, eventLog, cards } = this.#options;
    const { vehicle } = scene.device;
    const atMs = random.int(Math.floor(stayMs));
    const back = () => {
      if (vehicle.state === "unplugged") return;
      vehicle.set("ready");
      if (random.bool()) this.#after(SECOND_MS, () => this.#present(random.pick(cards.good), {}));
    };
    const forAWhile = (state: "plugged" | "shorted" | "without-diode" | "ready-with-ventilation") => {
      if (!vehicle.isContactorClosed) return;
      eventLog.record(`the vehicle is ${state}`);
      eventLog.count(state);
      this.#disturbances++;
      vehicle.set(state);
      this.#after(logUniform(random, 10, 10 * MINUTE_MS), back);
    };
    const incidents = [
      () => forAWhile("plugged"),
      () => forAWhile("ready-with-ventilation"),
      () => forAWhile("shorted"),
      () => forAWhile("without-diode"),
      () => this.#bounce(),
      () => this.#loosen(),
      () => this.#swipe(random.pick(cards.good)),
      () => this.#swipe(random.pick(cards.unknown)),
      () => this.#present(this.#anyCard(), {}),
      () => this.#presentThree(),
      () => this.#tapPhone(),
      () => this.#presentNumber(random.pick(cards.proved)),
    ];
    if (random.bool(0.5)) this.#after(atMs, random.pick(incidents));
  }

  /** Bounces between two states outside C and D, none of which lasts long enough to settle. */
  #bounce(): void {
    const { scene, eventLog } = this.#options;
    const { vehicle } = scene.device;
    if (!vehicle.isContactorClosed) return;
    eventLog.record("the pilot bounces");
    eventLog.count("bounces");
    this.#disturbances++;
    for (let i = 0; i < BOUNCES; i++)
      this.#after(i * BOUNCE_MS, () => vehicle.set(i % 2 === 0 ? "plugged" : "without-diode"));
    this.#after(BOUNCES * BOUNCE_MS, () => vehicle.set("ready"));
  }

  /** The plug loses its contact for a moment. */
  #loosen(): void {
    const { scene, random, eventLog } = this.#options;
    const { vehicle } = scene.device;
    if (!vehicle.isCharging || vehicle.dutyPermille === 1000) return;
    eventLog.record("the plug is loose");
    eventLog.count("loose plug");
    this.#disturbances++;
    const plugInId = this.#plugInId;
    this.#leftMs = scene.clock.monotonicMs();
    vehicle.set("unplugged");
    scene.clock.set(
      () => {
        if (plugInId === this.#plugInId && scene.device.isRunning) vehicle.set("ready");
      },
      logUniform(random, 25, LOOSE_MS),
    );
  }

  /** Presents three cards by phone in quick succession. */
  #presentThree(): void {
    for (let i = 0; i < 3; i++) this.#after(i * 400, () => this.#phone(this.#anyCard(), {}));
  }

  #anyCard(): string {
    const { random, cards } = this.#options;
    const kind = random.int(20);
    if (kind < 7) return random.pick(cards.good);
    if (kind < 9) return random.pick(cards.proved);
    if (kind < 11) return random.pick(cards.listed);
    if (kind < 15) return random.pick(cards.fickle);
    if (kind < 17) return random.pick(cards.blocked);
    return kind < 19 ? random.pick(cards.unknown) : random.pick(cards.malformed);
  }

  #present(tag: string, habits: PhoneHabits): void {
    if (isSwipeable(tag) && this.#options.random.bool(0.4)) this.#swipe(tag);
    else this.#phone(tag, habits);
  }

  #swipe(tag: string): void {
    const { scene, eventLog } = this.#options;
    eventLog.record(`the card ${tag} is swiped`);
    this.#options.ledger.present(tag, "rfid");
    this.#options.swipes.recordSwipe(tag);
    this.#disturbances++;
    scene.device.swipe(tag, HOLD_MS);
  }

  /** A guest holds a phone with a random UID to the reader: it must not be taken for any card. */
  #tapPhone(): void {
    const { scene, random, eventLog, swipes } = this.#options;
    const { pn532 } = scene.device;
    if (!pn532) return;
    eventLog.record("a phone with a random UID is held to the reader");
    eventLog.count("random UID");
    swipes.recordOtherCard();
    pn532.tap({ uid: [0x08, ...random.bytes(3)], isPart4: true }, HOLD_MS);
  }

  #phone(tag: string, habits: PhoneHabits): void {
    const { scene, eventLog } = this.#options;
    const card = PROOF_CARDS.get(tag);
    new GuestPhone({
      scene,
      eventLog,
      tag,
      card,
      ...habits,
      onWritten: (text) => {
        eventLog.record(`a phone writes ${text}`);
        this.#options.ledger.present(tag, "ble");
        this.#options.swipes.recordOtherCard();
        if (card) this.#recordProof(text);
      },
      onFinal: (result) => this.#handleResult(tag, result),
    });
  }

  /** An attacker records a proof, and may write it from a phone of its own, at once or later. */
  #recordProof(text: string): void {
    const { scene, random } = this.#options;
    this.#recorder.record(text);
    if (random.bool()) return;
    scene.clock.set(() => this.#replay(), random.bool() ? random.int(200) : random.int(MAX_REPLAY_MS));
  }

  #replay(): void {
    const { scene, random, eventLog, swipes } = this.#options;
    const text = this.#recorder.pick(random);
    if (text === undefined || !scene.device.isRunning) return;
    new GuestPhone({
      scene,
      eventLog,
      tag: text,
      readsChallenge: random.bool(),
      ...(random.bool(0.2) ? { again: { count: 1, everyMs: random.int(MAX_AGAIN_MS) } } : {}),
      onWritten: () => {
        eventLog.record(`an attacker writes ${text}`);
        eventLog.count("replay");
        swipes.recordOtherCard();
      },
      onFinal: ({ code }) => {
        eventLog.record(`the attacker receives ${code}`);
        if (code === 200) eventLog.reportViolation(`the recorded proof ${text} is authorized`);
      },
    });
  }

  /** Presents the public number of a card that accepts only proofs. */
  #presentNumber(tag: string): void {
    const { scene, eventLog, swipes } = this.#options;
    new GuestPhone({
      scene,
      eventLog,
      tag,
      onWritten: () => swipes.recordOtherCard(),
      onFinal: ({ code }) => {
        eventLog.record(`the phone with the number ${tag} receives ${code}`);
        if (code === 200) eventLog.reportViolation(`the number ${tag} is authorized without a proof`);
      },
    });
  }

  #handleResult(tag: string, { code }: AuthorizationResult): void {
    const { scene, eventLog, ledger, onRefused } = this.#options;
    eventLog.record(`the phone with ${tag} receives ${code}`);
    if (code === 403) onRefused(tag);
    if (code !== 200) return;
    if (!ledger.isPermitted(tag)) eventLog.reportViolation(`${tag} is authorized`);
    const { vehicle } = scene.device;
    const disturbances = this.#disturbances;
    const ends = scene.under.ends.length;
    if (vehicle.state !== "ready") return;
    this.#after(CLOSES_WITHIN_MS, () => {
      const isUndisturbed = disturbances === this.#disturbances && ends === scene.under.ends.length;
      if (isUndisturbed && vehicle.state === "ready" && !vehicle.isContactorClosed)
        eventLog.reportViolation(`${tag} is authorized, and no current flows`);
    });
  }
}
