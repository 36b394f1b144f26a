/** Long computations of the firmware, such as a TLS handshake or a garbage collection: the guard has to go on. */

import type { Scene } from "../../virtual/scene.js";
import { Random } from "../../virtual/world/random.js";
import type { EventLog } from "./event-log.js";
import { exponential, logUniform } from "./faults.js";

export interface StallsOptions {
  readonly scene: Scene;
  readonly eventLog: EventLog;
  /** Seed of the week. The stalls have random numbers of their own, so that they do not change the rest of the week. */
  readonly seed: number;
}

const MEAN_GAP_MS = 5 * 60_000;
const MIN_MS = 20;
const MAX_MS = 2000;
/** Share of the departures from C or D at which the firmware is busy. */
const AT_DEPARTURES = 0.25;

export class Stalls {
  readonly #options: StallsOptions;
  readonly #random: Random;
  /** Latest time at which the firmware was busy, ms. */
  latestMs = Number.NEGATIVE_INFINITY;
  /** Time at which the firmware got busy without a pause until `latestMs`, ms. */
  #sinceMs = Number.NEGATIVE_INFINITY;
  #wasCharging = false;

  constructor(options: StallsOptions) {
    this.#options = options;
    this.#random = new Random(options.seed ^ 0x57a11);
    const { vehicle } = options.scene.device;
    vehicle.watch(() => {
      const isLeaving = this.#wasCharging && !vehicle.isCharging && vehicle.isContactorClosed;
      this.#wasCharging = vehicle.isCharging;
      if (isLeaving && this.#random.bool(AT_DEPARTURES)) this.#stall("busy as the vehicle leaves C");
    });
  }

  /** Time until which the firmware may not have handled an event, ms, if it handles one within `delayMs` when it is idle. */
  handledMs(eventMs: number, delayMs: number): number {
    const isBusy = this.#sinceMs <= eventMs + delayMs && this.latestMs > eventMs;
    return (isBusy ? this.latestMs : eventMs) + delayMs;
  }

  start(): void {
    const next = () =>
      this.#options.scene.clock.set(
        () => {
          this.#stall("busy firmware");
          next();
        },
        exponential(this.#random, MEAN_GAP_MS),
      );
    next();
  }

  #stall(name: string): void {
    const { scene, eventLog } = this.#options;
    const durationMs = logUniform(this.#random, MIN_MS, MAX_MS);
    const nowMs = scene.clock.monotonicMs();
    eventLog.count(name);
    // A firmware that is busy stays so for the time that it already has.
    if (nowMs < this.latestMs) return;
    eventLog.record(`${name}, for ${Math.round(durationMs)} ms`);
    this.#sinceMs = nowMs;
    this.latestMs = nowMs + durationMs;
    scene.device.busy(durationMs);
  }
}
