/**
 * Simulation of a week in a café, in virtual time and from a seed: guests, an owner, outages, power cuts.
 * Each step checks the invariants from outside: contactor, meter, phones, broker, flash, the platform's
 * sessions. The faults end at closing time; everything has to work again within 10 minutes.
 */

import type { Board } from "../../../modules/board/index.js";
import { decodeUTF8 } from "../../../modules/bytes/index.js";
import { isJSONObject, type JSONObject, parseJSONObject } from "../../../modules/json/index.js";
import { PN532_WIRING, type RunEnd } from "../../virtual/board/index.js";
import { Scene } from "../../virtual/scene.js";
import type { BrokerMessage } from "../../virtual/world/broker.js";
import { Random } from "../../virtual/world/random.js";
import { type Canary, withCanary } from "./canaries.js";
import { cardsOf } from "./cards.js";
import { Energy } from "./energy.js";
import { EnergyManager } from "./energy-manager.js";
import { EventLog } from "./event-log.js";
import { ExpectedState } from "./expected-state.js";
import { Faults, MADE_CRASH } from "./faults.js";
import { Guests } from "./guests.js";
import { Ledger } from "./ledger.js";
import { hasModbusMeter, Metering, withModbusLine } from "./metering.js";
import { Owner } from "./owner.js";
import { PROOF_CARDS } from "./proofs.js";
import { Queues } from "./queues.js";
import { Stalls } from "./stalls.js";
import { Swipes } from "./swipes.js";

export interface WeekOptions {
  readonly seed: number;
  readonly days?: number;
  /** Deliberate bug to build into the firmware. */
  readonly canary?: Canary;
}

export interface WeekOutcome {
  readonly seed: number;
  /** Violated invariants. The week ends with the first step that violates one. */
  readonly violations: readonly string[];
  /** Last lines of the event log. */
  readonly lines: readonly string[];
  /** Number of occurrences by kind of event. */
  readonly counts: Readonly<Record<string, number>>;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const OPEN_MS = 5 * HOUR_MS;
const NIGHT_MS = 19 * HOUR_MS;
/** Time from the end of the faults until everything has to work again, ms. */
const CONVERGENCE_MS = 10 * MINUTE_MS;
const HEARTBEAT_MS = 15_000;
/** Share of nights in which the café switches off the station's power. */
const DARK_NIGHTS = 0.95;
/** Share of crowded days, on which the platform does not accept sessions. */
const CROWDED = 0.015;
/** Interval at which the virtual time server may set the station's clock, ms. */
const SNTP_PERIOD_MS = 5000;
const SNTP_ANSWERS = 0.15;
/** Response time below which an answer reaches the station in time, ms. */
const IN_TIME_MS = 9500;
/** One station in 20, the first one with this seed, has a PN532: polling it takes most of the time of such a week. */
const PN532_SEEDS = 20;
const FIRST_PN532_SEED = 14;
const EPOCH_S = 1_795_248_000;

export function simulateWeek(options: WeekOptions): WeekOutcome {
  return new Week(options).run();
}

/** An authorization request, and the platform's decision when it arrived: the answer may be delivered later. */
interface Asked {
  readonly atMs: number;
  readonly decision: JSONObject | undefined;
}

/** Time for which the station's messages may wait after the broker has acknowledged none, ms. */
const WAITING_MS = 2 * 60_000;

class Week {
  readonly #options: WeekOptions;
  readonly #scene: Scene;
  readonly #random: Random;
  readonly #eventLog: EventLog;
  readonly #energy: Energy;
  /** The Modbus meter; `undefined` in a week with an S0 meter. */
  readonly #metering: Metering | undefined;
  readonly #expectedState: ExpectedState;
  readonly #energyManager: EnergyManager;
  readonly #swipes: Swipes;
  readonly #stalls: Stalls;
  readonly #ledger: Ledger;
  readonly #faults: Faults;
  readonly #owner: Owner;
  readonly #guests: Guests;
  readonly #queues: Queues;
  #lastHeartbeatMs = 0;
  /** Times at which the platform received authorization requests, by request id, ms. */
  readonly #asked = new Map<unknown, Asked>();
  /** Ids of the authorization requests that were answered. */
  readonly #answered = new Set<unknown>();
  #hasEnded = false;

  constructor(options: WeekOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
    const hasPN532 = options.seed % PN532_SEEDS === FIRST_PN532_SEED;
    const cards = cardsOf(hasPN532);
    this.#scene = new Scene({
      seed: options.seed,
      ...(hasPN532 && { provisioning: { wiring: PN532_WIRING } }),
      brokerRemembers: false,
      wrapBoard: boardOf(options),
      device: { onEnd: (end) => this.#handleEnd(end), hasGuard: options.canary !== "no-guard" },
    });
    const scene = this.#scene;
    const random = this.#random;
    const { clock, device } = scene;
    const eventLog = new EventLog(clock);
    this.#eventLog = eventLog;
    const energy = new Energy({ clock, vehicle: device.vehicle, meter: device.meter });
    this.#energy = energy;
    if (hasModbusMeter(options.seed)) {
      const metering = new Metering({ scene, eventLog, seed: options.seed });
      energy.onChanged = (totalWh, watts) => metering.show(totalWh, watts);
      this.#metering = metering;
    }
    const expectedState = new ExpectedState(clock);
    this.#expectedState = expectedState;
    const isOpen = () => this.#guests.isOpen;
    this.#energyManager = new EnergyManager({ scene, eventLog, seed: options.seed, isOpen });
    const stalls = new Stalls({ scene, eventLog, seed: options.seed });
    this.#stalls = stalls;
    this.#swipes = new Swipes({ scene, eventLog, latestStallMs: () => stalls.latestMs });
    const swipes = this.#swipes;
    this.#ledger = new Ledger({
      clock,
      device,
      eventLog,
      meterWh: () => this.#energy.totalWh,
      mayResume: () => this.#owner.hasEnabledResume,
      mayBeFree: () => this.#owner.mayBeFree,
      mostA: () => Math.min(expectedState.mostA, this.#energyManager.mostA),
      offlineA: (tag) => expectedState.offlineA(tag),
      isInReach: () => this.#faults.isCalm && scene.retained("$state") === "ready",
      handledMs: (eventMs, delayMs) => stalls.handledMs(eventMs, delayMs),
      epochS: EPOCH_S,
      metering: this.#metering,
    });
    this.#faults = new Faults({ scene, random, eventLog, swipes, hasPN532 });
    const ledger = this.#ledger;
    const faults = this.#faults;
    this.#owner = new Owner({
      scene,
      random,
      cards,
      eventLog,
      ledger,
      expectedState,
      faults,
      swipes,
      isAwake: () => this.#guests.isOpen,
      onAct: () => this.#guests.recordOwnerAction(),
    });
    this.#guests = new Guests({
      scene,
      random,
      cards,
      eventLog,
      ledger,
      faults,
      swipes,
      onRefused: (tag) => expectedState.recordRefusal(tag),
    });
    this.#queues = new Queues({ scene, eventLog, swipes, isCalm: () => this.#faults.isCalm });
  }

  run(): WeekOutcome {
    const { seed, days = 7 } = this.#options;
    this.#startObservers();
    this.#scene.bringOnline();
    this.#owner.start();
    this.#stalls.start();
    this.#energyManager.start();
    this.#openDay(days);
    // Runs after each step.
    const isOver = () => {
      this.#ledger.check();
      this.#queues.check();
      return this.#hasEnded || !this.#eventLog.isClean;
    };
    this.#scene.clock.runUntil(isOver, (days + 1) * (OPEN_MS + NIGHT_MS));
    const { violations, lines, counts } = this.#eventLog;
    return { seed, violations, lines, counts };
  }

  /** Observes what the platform allows and the station's heartbeats, and starts the network's time server. */
  #startObservers(): void {
    const { broker, clock, device } = this.#scene;
    broker.watch((message) => this.#handleMessage(message));
    device.flash.onCut = (key, comes) => this.#eventLog.count(`cut ${comes} ${kindOf(key)}`);
    const hasTime = this.#random.bool(0.9);
    clock.repeat(() => {
      const isReachable = device.isRunning && device.host.address !== undefined;
      if (!hasTime || !isReachable || clock.epochMs() !== undefined || !this.#random.bool(SNTP_ANSWERS))
        return;
      clock.setEpochMs(EPOCH_S * 1000 + clock.monotonicMs());
      this.#ledger.onTimeKnown();
    }, SNTP_PERIOD_MS);
  }

  #handleMessage({ topic, payload, isRepeated }: BrokerMessage): void {
    const [, kind, , ...path] = topic.split("/");
    if (kind === "sweet-home") {
      if (path.at(-1) === "$heartbeat") this.#lastHeartbeatMs = this.#scene.clock.monotonicMs();
      if (path.at(-1) !== "set") {
        const value = decodeUTF8(payload) ?? "";
        if (path.join("/") === "charger/last-error" && value.startsWith("overcurrent"))
          this.#eventLog.reportViolation("a vehicle that draws what it is offered is stopped by the meter");
        this.#expectedState.handlePublished(path.join("/"), value);
        this.#energyManager.handlePublished(path.join("/"), value);
      }
    } else if (kind === "req") this.#handleRequest(path[0], payload, isRepeated === true);
    else if (kind === "res" && path[0] === "authorize") this.#handleResponse(payload);
  }

  #handleRequest(endpoint: string | undefined, payload: Uint8Array<ArrayBuffer>, isRepeated: boolean): void {
    const { clock, platform } = this.#scene;
    const { id, data } = parseJSONObject(payload) ?? {};
    if (!isJSONObject(data)) return;
    if (endpoint === "authorize" && !this.#asked.has(id)) {
      this.#asked.set(id, { atMs: clock.monotonicMs(), decision: this.#decisionOf(id, data) });
    }
    if (endpoint === "local-list")
      this.#expectedState.recordListRequest(Number(data.version), platform.list.version);
    if (endpoint === "session" && platform.sessions.has(String(data.id))) {
      const { latestUnacknowledgedMs } = this.#scene.broker;
      const mayHaveWaited = clock.monotonicMs() - latestUnacknowledgedMs < WAITING_MS;
      this.#ledger.recordReport(data.id, isRepeated || mayHaveWaited);
    }
  }

  #handleResponse(payload: Uint8Array<ArrayBuffer>): void {
    const { clock, platform } = this.#scene;
    const answer = parseJSONObject(payload);
    const asked = platform.requests.findLast(({ id }) => id === answer?.id);
    if (!asked) return;
    const tag = String(asked.data.tag);
    // An answer without delay is observed before its request.
    const nowMs = clock.monotonicMs();
    const { atMs, decision } = this.#asked.get(asked.id) ?? {
      atMs: nowMs,
      decision: this.#decisionOf(asked.id, asked.data),
    };
    const tookMs = nowMs - atMs;
    // An answer to an attacker is no answer to the guest with the card.
    if (PROOF_CARDS.has(tag) && !decision) return;
    const isFirst = !this.#answered.has(asked.id);
    this.#answered.add(asked.id);
    if (isFirst && tookMs < IN_TIME_MS && this.#faults.isCalm) this.#ledger.recordAnswered(tag);
    if (answer?.status !== "1" || decision?.authorized !== true) return;
    this.#expectedState.recordAnswer(tag, decision);
    const { maxCurrent } = decision;
    const maxA = typeof maxCurrent === "number" ? maxCurrent : undefined;
    this.#ledger.permit(tag, asked.data.method === "rfid" ? "rfid" : "ble", maxA);
  }

  /** The platform's decision; `undefined` for an unknown tag and for a card that was not proved. */
  #decisionOf(id: unknown, { tag }: JSONObject): JSONObject | undefined {
    const { tags, proofCards } = this.#scene.platform;
    const isProved = !PROOF_CARDS.has(String(tag)) || proofCards.proved.has(String(id));
    return isProved ? tags.get(String(tag)) : undefined;
  }

  #handleEnd(end: RunEnd): void {
    this.#ledger.interrupt();
    this.#expectedState.forget();
    // Otherwise the next run reads a card that is held to the reader again.
    this.#scene.device.pn532?.remove();
    this.#eventLog.record(`the firmware ends: ${end.type}`);
    this.#eventLog.count(end.type);
    if (end.type === "power-cut") this.#faults.onPowerCut();
    else if (end.type === "restart") this.#eventLog.reportViolation(`the firmware restarts: ${end.reason}`);
    else if (!String(end.error).includes(MADE_CRASH))
      this.#eventLog.reportViolation(`the firmware crashes: ${describe(end.error)}`);
  }

  /**
   * Requires that the station is online, that nothing is queued and that the platform's sessions are right.
   */
  #requireHealthy(): void {
    const { clock, platform, device } = this.#scene;
    const silentMs = clock.monotonicMs() - this.#lastHeartbeatMs;
    if (silentMs > HEARTBEAT_MS)
      this.#eventLog.reportViolation(
        `no heartbeat for ${silentMs} ms\n${device.logLines.slice(-20).join("\n")}`,
      );
    const state = this.#scene.retained("$state");
    if (state !== "ready") this.#eventLog.reportViolation(`$state is ${state}`);
    const { waitingSessions } = this.#queues;
    if (waitingSessions > 0) this.#eventLog.reportViolation(`${waitingSessions} sessions wait`);
    this.#requireRetained({ "charger/status": "available", "charger/session": "none", "charger/power": "0" });
    this.#requireRetained({ "$telemetry/waiting": "0" });
    const givenUp = Number(this.#scene.retained("$telemetry/given-up"));
    this.#ledger.settle([...platform.sessions.values()], givenUp);
    // An accepted session is never reported again, even if the platform has forgotten it.
    platform.sessions.clear();
    platform.requests.length = 0;
    this.#asked.clear();
    this.#answered.clear();
  }

  /** Requires these retained values at the broker. */
  #requireRetained(values: Readonly<Record<string, string>>): void {
    for (const [path, value] of Object.entries(values)) {
      const retained = this.#scene.retained(path);
      if (retained !== value) this.#eventLog.reportViolation(`${path} is ${retained}, not ${value}`);
    }
  }

  #requireCharging(): void {
    if (!this.#scene.device.vehicle.isCharging)
      this.#eventLog.reportViolation("a guest who does everything right has no current");
    this.#requireRetained({ "charger/status": "charging" });
    if (!(Number(this.#scene.retained("charger/power")) > 0))
      this.#eventLog.reportViolation("current flows, at 0 W");
  }

  #openDay(daysLeft: number): void {
    const { clock } = this.#scene;
    this.#eventLog.record("the café opens");
    this.#owner.restoreCards();
    this.#faults.switchOn();
    this.#faults.start();
    this.#metering?.start();
    const isCrowded = this.#random.bool(CROWDED);
    if (isCrowded) {
      this.#eventLog.record("everybody comes today");
      this.#eventLog.count("crowded day");
      this.#faults.rejectSessions(OPEN_MS);
    }
    this.#guests.open({ isCrowded });
    clock.set(() => this.#closeDay(daysLeft), OPEN_MS);
  }

  #closeDay(daysLeft: number): void {
    const { clock } = this.#scene;
    this.#eventLog.record("the café closes; the faults end");
    this.#guests.close();
    this.#faults.heal();
    this.#metering?.heal();
    clock.set(() => {
      this.#requireHealthy();
      this.#guests.visitOnce();
      clock.set(() => {
        this.#requireCharging();
        this.#guests.close();
        clock.set(() => this.#beginNight(daysLeft), MINUTE_MS);
      }, 10 * MINUTE_MS);
    }, CONVERGENCE_MS);
  }

  #beginNight(daysLeft: number): void {
    const { clock, device } = this.#scene;
    this.#requireRetained({ "charger/energy": String(this.#ledger.latestWh) });
    this.#requireHealthy();
    if (daysLeft === 1) {
      this.#hasEnded = true;
      return;
    }
    if (this.#random.bool(DARK_NIGHTS)) device.cutPower();
    else this.#faults.start();
    clock.set(() => this.#openDay(daysLeft - 1), NIGHT_MS - CONVERGENCE_MS - 11 * MINUTE_MS);
  }
}

/** Returns the function that wraps the board of a week. */
function boardOf({ seed, canary }: WeekOptions): ((board: Board) => Board) | undefined {
  const bug = withCanary(canary);
  if (!hasModbusMeter(seed)) return bug;
  return (board) => withModbusLine(bug ? bug(board) : board);
}

/** Kind of a storage record, from its key. */
function kindOf(key: string): string {
  if (key === "local-list" || key.startsWith("list-")) return "local list";
  return key.startsWith("log") ? "log" : key;
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.message}\n${error.stack}` : String(error);
}
