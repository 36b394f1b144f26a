/**
 * Simulation of a socket with each protective input, in virtual time and from a seed: vehicles with cables of all kinds,
 * and faults of the inputs. The invariants are checked from outside after each step. The faults end with the last day;
 * then a vehicle has to charge.
 */

import type { Board, DigitalIn, DigitalInConstructor, DigitalOut } from "../../../modules/board/index.js";
import { cableCurrentA } from "../../../modules/charging/index.js";
import { CABLE_OHMS, FULL_WIRING } from "../../virtual/board/index.js";
import { PINS } from "../../virtual/board/pins.js";
import { Scene } from "../../virtual/scene.js";
import { Random } from "../../virtual/world/random.js";
import { PERMILLE_PER_A } from "../../virtual/world/vehicle.js";
import { EventLog } from "./event-log.js";
import { exponential, logUniform } from "./faults.js";

/** Deliberate bugs between the firmware and its board. */
export const SOCKET_CANARIES = [
  "any-cable",
  "blind-lock",
  "blind-earth",
  "blind-phases",
  "no-self-test",
] as const;
export type SocketCanary = (typeof SOCKET_CANARIES)[number];

export interface SocketDaysOptions {
  readonly seed: number;
  readonly days: number;
  readonly canary?: SocketCanary;
}

export interface SocketDaysOutcome {
  readonly violations: readonly string[];
  readonly lines: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
}

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const DAY_MS = 24 * 60 * MINUTE_MS;
const MEAN_GAP_MS = MINUTE_MS;
const MIN_FAULT_MS = 50;
const MAX_FAULT_MS = 3 * MINUTE_MS;
/** Time until the contactor is open without protective earth, ms: debouncing, and the time of the guard. */
const EARTH_MS = 150;
/** As above, without a phase: the vehicle has 3 s to stop. */
const PHASE_MS = 3250;
/** As above, without a locked plug, ms. */
const LOCK_MS = 250;
/** As above, in state D, ms. */
const VENTILATION_MS = 100;
/** Age of a self-test at a closing, ms. */
const TEST_MS = 7 * SECOND_MS;
/** Time until each retry of the station has succeeded, ms. */
const CONVERGENCE_MS = 5 * MINUTE_MS;
const BAD_OHMS = [0, 50, 150, 350, 1000, 2400, Number.POSITIVE_INFINITY];

export function simulateSocketDays(options: SocketDaysOptions): SocketDaysOutcome {
  return new SocketDays(options).run();
}

class SocketDays {
  readonly #options: SocketDaysOptions;
  readonly #random: Random;
  readonly #scene: Scene;
  readonly #eventLog: EventLog;
  /** Since when each condition of an open contactor has lasted, ms. */
  readonly #since = new Map<string, number>();
  #testedMs = Number.NEGATIVE_INFINITY;
  #wasClosed = false;
  #isOver = false;
  /** Ends of the present faults. */
  readonly #repairs = new Map<string, () => void>();

  constructor(options: SocketDaysOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
    const { canary } = options;
    this.#scene = new Scene({
      seed: options.seed,
      device: { builtIn: FULL_WIRING },
      ...(canary && { wrapBoard: BUGS[canary] }),
    });
    this.#eventLog = new EventLog(this.#scene.clock);
    const { device } = this.#scene;
    device.residualCurrent.watch(() => {
      if (device.residualCurrent.isOn && device.residualCurrentTest.isOn)
        this.#testedMs = this.#scene.clock.monotonicMs();
    });
    device.vehicle.watch(() => this.#checkClosing());
  }

  run(): SocketDaysOutcome {
    const scene = this.#scene;
    scene.bringOnline();
    scene.set("$options/free", "true");
    scene.clock.advance(SECOND_MS);
    this.#actLater();
    scene.clock.runUntil(() => this.#check(), this.#options.days * DAY_MS);
    this.#isOver = true;
    if (this.#eventLog.isClean) this.#converge();
    const { violations, lines, counts } = this.#eventLog;
    return { violations, lines, counts };
  }

  #actLater(): void {
    this.#scene.clock.set(
      () => {
        if (this.#isOver) return;
        this.#random.pick([() => this.#visit(), () => this.#visit(), () => this.#breakSomething()])();
        this.#actLater();
      },
      exponential(this.#random, MEAN_GAP_MS),
    );
  }

  /** A vehicle arrives, changes its state, or leaves. */
  #visit(): void {
    const { device } = this.#scene;
    const { vehicle } = device;
    const random = this.#random;
    if (vehicle.state === "unplugged") {
      const isBad = random.bool(0.2);
      device.cableOhms = random.pick(isBad ? BAD_OHMS : Object.values(CABLE_OHMS));
      this.#record(isBad ? "a cable without a valid coding" : "a vehicle arrives");
      vehicle.plug({ requestsEnergyWhenOffered: random.bool(0.8) });
    } else if (random.bool(0.6)) {
      this.#record("the vehicle leaves");
      vehicle.unplug();
    } else {
      const state = random.pick(["plugged", "ready", "ready-with-ventilation"] as const);
      this.#record(`the vehicle is ${state}`);
      vehicle.set(state);
    }
  }

  #breakSomething(): void {
    const { device } = this.#scene;
    const random = this.#random;
    const phase = random.pick(device.phaseLosses);
    this.#break(
      random.pick([
        { name: "earth lost", set: (isOn: boolean) => device.earthLoss.switch(isOn) },
        { name: "phase lost", set: (isOn: boolean) => phase.switch(isOn) },
        {
          name: "self-test broken",
          set: (isOn: boolean) => {
            device.isResidualCurrentTestBroken = isOn;
          },
        },
        {
          name: "lock stuck",
          set: (isOn: boolean) => {
            device.isLockStuck = isOn;
            if (!isOn) device.lockContact.switch(device.lock.isOn);
          },
        },
        { name: "lock forced", set: (isOn: boolean) => device.lockContact.switch(!isOn && device.lock.isOn) },
        { name: "residual current", set: (isOn: boolean) => device.residualCurrent.switch(isOn) },
      ]),
    );
  }

  #break({ name, set }: { readonly name: string; set(isOn: boolean): void }): void {
    if (this.#repairs.has(name)) return;
    this.#record(name);
    set(true);
    const repair = () => {
      this.#scene.clock.clear(timer);
      if (this.#repairs.delete(name)) set(false);
    };
    this.#repairs.set(name, repair);
    const timer = this.#scene.clock.set(repair, logUniform(this.#random, MIN_FAULT_MS, MAX_FAULT_MS));
  }

  #record(what: string): void {
    this.#eventLog.record(what);
    this.#eventLog.count(what);
  }

  /** Checks the invariants of each step. Returns whether one is violated. */
  #check(): boolean {
    const { device } = this.#scene;
    const { vehicle } = device;
    const { isContactorClosed, dutyPermille } = vehicle;
    const mustOpen = (name: string, isPresent: boolean, graceMs: number) => {
      if (!isPresent) this.#since.delete(name);
      else if (!this.#since.has(name)) this.#since.set(name, this.#scene.clock.monotonicMs());
      const sinceMs = this.#since.get(name) ?? Number.POSITIVE_INFINITY;
      if (isContactorClosed && this.#scene.clock.monotonicMs() - sinceMs > graceMs)
        this.#eventLog.reportViolation(`the contactor is closed ${graceMs} ms after: ${name}`);
    };
    mustOpen("no protective earth", device.earthLoss.isOn, EARTH_MS);
    mustOpen(
      "a phase without voltage",
      device.phaseLosses.some(({ isOn }) => isOn),
      PHASE_MS,
    );
    mustOpen("an unlocked plug", !device.lockContact.isOn, LOCK_MS);
    mustOpen(
      "a vehicle that requires ventilation",
      vehicle.state === "ready-with-ventilation",
      VENTILATION_MS,
    );
    mustOpen("a test of the residual current device", device.residualCurrentTest.isOn, 0);
    const cableA = cableCurrentA(device.cableOhms);
    if (vehicle.isOffered && vehicle.state !== "unplugged" && dutyPermille > cableA * PERMILLE_PER_A)
      this.#eventLog.reportViolation(`a duty of ${dutyPermille} ‰ for a cable of ${cableA} A`);
    return !this.#eventLog.isClean;
  }

  #checkClosing(): void {
    const { isContactorClosed } = this.#scene.device.vehicle;
    const isClosing = isContactorClosed && !this.#wasClosed;
    this.#wasClosed = isContactorClosed;
    if (!isClosing) return;
    this.#eventLog.count("closing");
    const { device, clock } = this.#scene;
    if (clock.monotonicMs() - this.#testedMs > TEST_MS)
      this.#eventLog.reportViolation("the contactor closes without a test of the residual current device");
    if (!device.lockContact.isOn) this.#eventLog.reportViolation("the contactor closes on an unlocked plug");
  }

  /** Repairs everything; then a vehicle has to charge. */
  #converge(): void {
    const { clock, device } = this.#scene;
    for (const repair of [...this.#repairs.values()]) repair();
    device.vehicle.unplug();
    clock.advance(CONVERGENCE_MS);
    device.cableOhms = CABLE_OHMS["20A"];
    device.vehicle.plug();
    clock.advance(10 * SECOND_MS);
    if (!device.vehicle.isCharging)
      this.#eventLog.reportViolation(`no current without a fault\n${device.logLines.slice(-20).join("\n")}`);
  }
}

/** Makes an input that always reads 1. */
function blind(board: Board, ...pins: readonly string[]): Board {
  const { DigitalIn: Own } = board.io;
  class BlindIn extends Own implements DigitalIn {
    readonly #isBlind: boolean;

    constructor(options: ConstructorParameters<DigitalInConstructor>[0]) {
      super(options);
      this.#isBlind = pins.includes(String(options.pin));
    }

    override read(): 0 | 1 {
      return this.#isBlind ? 1 : super.read();
    }
  }
  return { ...board, io: { ...board.io, DigitalIn: BlindIn } };
}

/** Leaves out the self-test: the firmware reads what it expects. */
function withoutSelfTest(board: Board): Board {
  const { DigitalOut: Own, Contactor: OwnContactor } = board.io;
  let isTesting = false;
  class SilentOut extends Own implements DigitalOut {
    readonly #isTest: boolean;

    constructor(options: ConstructorParameters<typeof Own>[0]) {
      super(options);
      this.#isTest = options.pin === PINS.residualCurrentTest;
    }

    override write(value: 0 | 1): void {
      if (this.#isTest) isTesting = value === 1;
      else super.write(value);
    }
  }
  class CredulousContactor extends OwnContactor {
    override get hasResidualCurrent(): boolean {
      return isTesting;
    }
  }
  return { ...board, io: { ...board.io, DigitalOut: SilentOut, Contactor: CredulousContactor } };
}

const BUGS: Readonly<Record<SocketCanary, (board: Board) => Board>> = {
  "any-cable": (board) => ({ ...board, proximityOhms: () => CABLE_OHMS["32A"] }),
  "blind-lock": (board) => blind(board, PINS.lockFeedback),
  "blind-earth": (board) => blind(board, PINS.protectiveEarth),
  "blind-phases": (board) => blind(board, ...PINS.phases),
  "no-self-test": withoutSelfTest,
};
