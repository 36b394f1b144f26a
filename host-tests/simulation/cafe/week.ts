/**
 * A week of a café, in virtual time and from a seed: guests, an owner, outages, power cuts. What must hold is checked
 * from outside (contactor, meter, phones, broker, flash, the platform's book), at each step; at closing time the
 * faults end, and within 10 minutes everything has to be well.
 */

import { parseJSONObject } from "../../../modules/json/index.js";
import type { EndOfLife } from "../../virtual-board/index.js";
import type { BrokerMessage } from "../../world/broker.js";
import { Random } from "../../world/random.js";
import { Scene } from "../scene.js";
import { type Canary, withCanary } from "./canaries.js";
import { Diary } from "./diary.js";
import { Energy } from "./energy.js";
import { Faults, MADE_CRASH } from "./faults.js";
import { Guests } from "./guests.js";
import { hashOf, Ledger } from "./ledger.js";
import { Owner } from "./owner.js";
import { Queues } from "./queues.js";

export interface WeekOptions {
  readonly seed: number;
  readonly days?: number;
  /** A bug on purpose. */
  readonly canary?: Canary;
}

export interface WeekOutcome {
  readonly seed: number;
  /** What should not have happened; the week ends with the first step that has any. */
  readonly violations: readonly string[];
  /** What happened last. */
  readonly lines: readonly string[];
  /** How often what happened. */
  readonly counts: Readonly<Record<string, number>>;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const OPEN_MS = 5 * HOUR_MS;
const NIGHT_MS = 19 * HOUR_MS;
/** From when the faults end. */
const CONVERGENCE_MS = 10 * MINUTE_MS;
const HEARTBEAT_MS = 15_000;
/** Most cafés switch off everything but the fridge. */
const DARK_NIGHTS = 0.95;
const SNTP_PERIOD_MS = MINUTE_MS;
const EPOCH_S = 1_795_248_000;

export function simulateWeek(options: WeekOptions): WeekOutcome {
  return new Week(options).run();
}

class Week {
  #options: WeekOptions;
  #scene: Scene;
  #random: Random;
  #diary: Diary;
  #energy: Energy;
  #ledger: Ledger;
  #faults: Faults;
  #owner: Owner;
  #guests: Guests;
  #queues: Queues;
  #lastHeartbeatMs = 0;
  #hasEnded = false;

  constructor(options: WeekOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
    this.#scene = new Scene({
      seed: options.seed,
      brokerRemembers: false,
      wrapBoard: withCanary(options.canary),
      device: { onEnd: (end) => this.#followEnd(end) },
    });
    const scene = this.#scene;
    const random = this.#random;
    const { clock, device } = scene;
    const diary = new Diary(clock);
    this.#diary = diary;
    this.#energy = new Energy({ clock, vehicle: device.vehicle, meter: device.meter });
    this.#ledger = new Ledger({
      clock,
      device,
      diary,
      meterWh: () => this.#energy.totalWh,
      mayResume: () => this.#owner.hasWishedResume,
      mayBeFree: () => this.#owner.mayBeFree,
      epochS: EPOCH_S,
    });
    this.#faults = new Faults({ scene, random, diary });
    const ledger = this.#ledger;
    this.#owner = new Owner({
      scene,
      random,
      diary,
      ledger,
      isAwake: () => this.#guests.isOpen,
      onAct: () => this.#guests.noteOwner(),
    });
    this.#guests = new Guests({
      scene,
      random,
      diary,
      ledger,
      owner: this.#owner,
    });
    this.#queues = new Queues({ scene, diary, isCalm: () => this.#faults.isCalm });
  }

  run(): WeekOutcome {
    const { seed, days = 7 } = this.#options;
    this.#listen();
    this.#scene.bringOnline();
    this.#owner.start();
    this.#openDay(days);
    const isOver = () => this.#hasEnded || !this.#diary.isClean;
    this.#scene.clock.runUntil(isOver, (days + 1) * (OPEN_MS + NIGHT_MS));
    const { violations, lines, counts } = this.#diary;
    return { seed, violations, lines, counts };
  }

  /** The world's own eyes: what the platform has allowed, heartbeats; and the clock of the network. */
  #listen(): void {
    const { broker, clock, device } = this.#scene;
    broker.watch((message) => this.#hear(message));
    device.flash.onCut = (key, comes) => this.#diary.count(`cut ${comes} ${kindOf(key)}`);
    const hasTime = this.#random.bool(0.9);
    clock.repeat(() => {
      const isReachable = device.isRunning && device.host.address !== undefined;
      if (hasTime && isReachable && clock.epochMs() === undefined)
        clock.setEpochMs(EPOCH_S * 1000 + clock.monotonicMs());
    }, SNTP_PERIOD_MS);
  }

  #hear({ topic, payload }: BrokerMessage): void {
    if (topic.endsWith("/$heartbeat")) this.#lastHeartbeatMs = this.#scene.clock.monotonicMs();
    if (!topic.endsWith("/authorize")) return;
    const { platform } = this.#scene;
    const answer = parseJSONObject(payload);
    const asked = platform.requests.findLast(({ id }) => id === answer?.id);
    const tag = String(asked?.data.tag);
    if (answer?.status !== "1" || platform.tags.get(tag)?.authorized !== true) return;
    this.#ledger.permit(hashOf(tag), asked?.data.method === "rfid" ? "rfid" : "ble");
  }

  #followEnd(end: EndOfLife): void {
    this.#ledger.interrupt();
    this.#diary.note(`the firmware ends: ${end.type}`);
    this.#diary.count(end.type);
    if (end.type === "power-cut") this.#faults.followPowerCut();
    else if (end.type === "restart") this.#diary.accuse(`the firmware restarts: ${end.reason}`);
    else if (!String(end.error).includes(MADE_CRASH))
      this.#diary.accuse(`the firmware crashes: ${describe(end.error)}`);
  }

  /** Everything is well: online, nothing waits, and the platform's book is right. */
  #demandWellness(): void {
    const { clock, platform, device } = this.#scene;
    const silentMs = clock.monotonicMs() - this.#lastHeartbeatMs;
    if (silentMs > HEARTBEAT_MS)
      this.#diary.accuse(`no heartbeat for ${silentMs} ms\n${device.logLines.slice(-20).join("\n")}`);
    const state = this.#scene.retained("$state");
    if (state !== "ready") this.#diary.accuse(`$state is ${state}`);
    const { waitingSessions } = this.#queues;
    if (waitingSessions > 0) this.#diary.accuse(`${waitingSessions} sessions wait`);
    this.#ledger.settle([...platform.sessions.values()]);
    // What is accepted is never told again, also when the platform has forgotten it.
    platform.sessions.clear();
    platform.requests.length = 0;
  }

  #demandCharging(): void {
    if (!this.#scene.device.vehicle.isCharging)
      this.#diary.accuse("a guest who does everything right has no current");
  }

  #openDay(daysLeft: number): void {
    const { clock } = this.#scene;
    this.#diary.note("the café opens");
    this.#owner.setCardsRight();
    this.#faults.switchOn();
    this.#faults.start();
    this.#guests.open();
    clock.set(() => this.#closeDay(daysLeft), OPEN_MS);
  }

  #closeDay(daysLeft: number): void {
    const { clock } = this.#scene;
    this.#diary.note("the café closes; the faults end");
    this.#guests.close();
    this.#faults.heal();
    clock.set(() => {
      this.#demandWellness();
      this.#guests.visitOnce();
      clock.set(() => {
        this.#demandCharging();
        this.#guests.close();
        clock.set(() => this.#beginNight(daysLeft), MINUTE_MS);
      }, 10 * MINUTE_MS);
    }, CONVERGENCE_MS);
  }

  #beginNight(daysLeft: number): void {
    const { clock, device } = this.#scene;
    this.#demandWellness();
    if (daysLeft === 1) {
      this.#hasEnded = true;
      return;
    }
    if (this.#random.bool(DARK_NIGHTS)) device.cutPower();
    else this.#faults.start();
    clock.set(() => this.#openDay(daysLeft - 1), NIGHT_MS - CONVERGENCE_MS - 11 * MINUTE_MS);
  }
}

/** The record, or the kind of it where there are several. */
function kindOf(key: string): string {
  if (key === "local-list" || key.startsWith("list-")) return "local list";
  return key.startsWith("log") ? "log" : key;
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.message}\n${error.stack}` : String(error);
}
