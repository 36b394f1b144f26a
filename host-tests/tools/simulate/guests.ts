/** Who comes to a café to charge, with what card, and what they do there. */

import { cardFrame, type Scene } from "../../virtual/scene.js";
import type { SeenResult } from "../../virtual/world/phone.js";
import type { Random } from "../../virtual/world/random.js";
import type { EventLog } from "./event-log.js";
import { exponential, type Faults, logUniform } from "./faults.js";
import { GuestPhone, type GuestPhoneOptions } from "./guest-phone.js";
import type { Ledger } from "./ledger.js";
import type { Swipes } from "./swipes.js";

export interface GuestsOptions {
  readonly scene: Scene;
  readonly random: Random;
  readonly eventLog: EventLog;
  readonly ledger: Ledger;
  readonly faults: Pick<Faults, "hesitate">;
  readonly swipes: Pick<Swipes, "note" | "disturb">;
  /** The station refuses a card, as the platform has told it. */
  readonly onRefused: (tag: string) => void;
}

/** By what becomes of them: ten hex digits, so that a reader reads them too. */
export const CARDS = {
  good: ["0000000001", "0000000002", "0000000003", "0000000004", "0000000005", "0000000006"],
  /** Not on every version of the list. */
  listed: ["0000000011", "0000000012"],
  blocked: ["0000000021", "0000000022"],
  /** Blocked today, and welcome tomorrow. */
  fickle: ["0000000041", "0000000042"],
  unknown: ["0000000031", "0000000032", "0000000033"],
  malformed: ["a b", "x", "né-à-Paris"],
} as const;

type PhoneHabits = Pick<GuestPhoneOptions, "again" | "losesContactAfterMs">;

const SECOND_MS = 1000;
const MINUTE_MS = 60_000;
const MEAN_GAP_MS = 15 * MINUTE_MS;
const MIN_STAY_MS = 4 * SECOND_MS;
const MAX_STAY_MS = 45 * MINUTE_MS;
/** Nobody stands there for longer without charging. */
const PATIENCE_MS = 3 * MINUTE_MS;
/** From one vehicle to the next. */
const PARKING_MS = 5 * SECOND_MS;
/** On a day when everybody comes. */
const CROWD_GAP_MS = MINUTE_MS;
const MAX_CROWDED_STAY_MS = 3 * MINUTE_MS;
const RETRY_MS = 35 * SECOND_MS;
/** Of a pilot: shorter than what counts as settled, and altogether longer than a contactor may stay closed. */
const BOUNCE_MS = 9;
const BOUNCES = 30;
/** A vehicle that has its answer and wants current has it by then (IEC 61851-1), the time that a contactor rests included. */
const CLOSES_WITHIN_MS = 3000;

export class Guests {
  #options: GuestsOptions;
  #isOpen = false;
  #isCrowded = false;
  /** Another number for each vehicle. */
  #visit = 0;
  #disturbances = 0;
  #leftMs = 0;

  constructor(options: GuestsOptions) {
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** The café opens. */
  open(options: { readonly isCrowded: boolean }): void {
    this.#isOpen = true;
    this.#isCrowded = options.isCrowded;
    this.#expectNext();
  }

  /** The café closes, and whoever is there leaves. */
  close(): void {
    this.#isOpen = false;
    this.#leave(this.#visit);
  }

  /** A guest who does everything right. */
  visitOnce(): void {
    const { vehicle } = this.#options.scene.device;
    this.#visit++;
    vehicle.plug();
    this.#after(2 * SECOND_MS, () => this.#present(CARDS.good[0], {}));
  }

  /** The owner has done something, of which a guest need not know. */
  noteOwner(): void {
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

  /** Does something unless the guest has left by then. */
  #after(delayMs: number, act: () => void): void {
    const visit = this.#visit;
    this.#options.scene.clock.set(() => {
      if (visit === this.#visit && this.#options.scene.device.vehicle.state !== "unplugged") act();
    }, delayMs);
  }

  #leave(visit: number): void {
    const { device } = this.#options.scene;
    if (visit !== this.#visit || device.vehicle.state === "unplugged") return;
    device.vehicle.unplug();
    this.#leftMs = this.#options.scene.clock.monotonicMs();
    this.#options.eventLog.note("the vehicle leaves");
  }

  #arrive(): void {
    const { scene, random, eventLog } = this.#options;
    const { vehicle } = scene.device;
    // What a vehicle does while the power is off nobody can see: a guest waits for the lamp.
    const isSoon = scene.clock.monotonicMs() - this.#leftMs < PARKING_MS;
    if (vehicle.state !== "unplugged" || isSoon || !scene.device.isRunning) {
      eventLog.count("turned away");
      return;
    }
    if (random.bool(0.1)) this.#present(this.#anyCard(), {});
    const drawsWhenOffered = random.bool(0.9);
    const visit = ++this.#visit;
    eventLog.note("a vehicle arrives");
    eventLog.count("visit");
    vehicle.plug({ drawsWhenOffered });
    if (!drawsWhenOffered) this.#after(random.int(100 * SECOND_MS), () => vehicle.set("ready"));
    this.#after(random.int(20 * SECOND_MS), () => this.#present(this.#anyCard(), this.#phoneHabits()));
    for (let i = 1; i <= 3; i++) {
      this.#after(i * RETRY_MS + random.int(10 * SECOND_MS), () => {
        if (!vehicle.isContactorClosed && random.bool(0.8)) this.#present(this.#anyCard(), {});
      });
    }
    this.#after(PATIENCE_MS, () => {
      if (!vehicle.isContactorClosed) this.#leave(visit);
    });
    const stayMs = logUniform(random, MIN_STAY_MS, this.#isCrowded ? MAX_CROWDED_STAY_MS : MAX_STAY_MS);
    this.#planIncident(stayMs);
    if (random.bool(0.1)) this.#after(random.int(30 * SECOND_MS), () => this.#giveWay(visit));
    scene.clock.set(() => this.#leave(visit), stayMs);
  }

  /** A guest leaves before the answer is there, and somebody without a card takes the place. */
  #giveWay(visit: number): void {
    const { scene, random, faults, eventLog } = this.#options;
    const { vehicle } = scene.device;
    if (vehicle.isContactorClosed) return;
    faults.hesitate();
    this.#phone(random.pick(CARDS.good), {});
    this.#after(SECOND_MS, () => {
      this.#leave(visit);
      scene.clock.set(() => {
        if (vehicle.state !== "unplugged" || !scene.device.isRunning || !this.#isOpen) return;
        const next = ++this.#visit;
        eventLog.note("the next vehicle takes the place");
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

  /** Something that happens to a vehicle while it charges. */
  #planIncident(stayMs: number): void {
    const { scene, random, eventLog } = this.#options;
    const { vehicle } = scene.device;
    const atMs = random.int(Math.floor(stayMs));
    const back = () => {
      if (vehicle.state === "unplugged") return;
      vehicle.set("ready");
      if (random.bool()) this.#after(SECOND_MS, () => this.#present(random.pick(CARDS.good), {}));
    };
    const forAWhile = (state: "plugged" | "shorted" | "without-diode" | "ready-with-ventilation") => {
      if (!vehicle.isContactorClosed) return;
      eventLog.note(`the vehicle is ${state}`);
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
      () => this.#swipe(random.pick(CARDS.good)),
      () => this.#swipe(random.pick(CARDS.unknown)),
      () => this.#present(this.#anyCard(), {}),
      () => this.#hurry(),
    ];
    if (random.bool(0.5)) this.#after(atMs, random.pick(incidents));
  }

  /** Has left C and D, and does not settle for a while: never the same twice within the time that counts. */
  #bounce(): void {
    const { scene, eventLog } = this.#options;
    const { vehicle } = scene.device;
    if (!vehicle.isContactorClosed) return;
    eventLog.note("the pilot bounces");
    eventLog.count("bounces");
    this.#disturbances++;
    for (let i = 0; i < BOUNCES; i++)
      this.#after(i * BOUNCE_MS, () => vehicle.set(i % 2 === 0 ? "plugged" : "without-diode"));
    this.#after(BOUNCES * BOUNCE_MS, () => vehicle.set("ready"));
  }

  /** Three phones at once, one after the other. */
  #hurry(): void {
    for (let i = 0; i < 3; i++) this.#after(i * 400, () => this.#phone(this.#anyCard(), {}));
  }

  #anyCard(): string {
    const { random } = this.#options;
    const kind = random.int(20);
    if (kind < 9) return random.pick(CARDS.good);
    if (kind < 11) return random.pick(CARDS.listed);
    if (kind < 15) return random.pick(CARDS.fickle);
    if (kind < 17) return random.pick(CARDS.blocked);
    return kind < 19 ? random.pick(CARDS.unknown) : random.pick(CARDS.malformed);
  }

  #present(tag: string, habits: PhoneHabits): void {
    const isCard = /^[0-9]{10}$/.test(tag);
    if (isCard && this.#options.random.bool(0.4)) this.#swipe(tag);
    else this.#phone(tag, habits);
  }

  #swipe(tag: string): void {
    const { scene, eventLog } = this.#options;
    eventLog.note(`the card ${tag} is swiped`);
    this.#options.ledger.present(tag, "rfid");
    this.#options.swipes.note(tag);
    this.#disturbances++;
    scene.device.cardReader.send(cardFrame(tag));
  }

  #phone(tag: string, habits: PhoneHabits): void {
    const { scene, eventLog } = this.#options;
    new GuestPhone({
      scene,
      eventLog,
      tag,
      ...habits,
      onWritten: () => {
        eventLog.note(`a phone writes ${tag}`);
        this.#options.ledger.present(tag, "ble");
        this.#options.swipes.disturb();
      },
      onFinal: (result) => this.#hear(tag, result),
    });
  }

  #hear(tag: string, { code }: SeenResult): void {
    const { scene, eventLog, ledger, onRefused } = this.#options;
    eventLog.note(`the phone with ${tag} hears ${code}`);
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
