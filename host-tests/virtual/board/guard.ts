import { openingReason } from "../../../firmware/boards/opening-reasons.js";
import type { Clock, OpeningReason, PilotLevels, Timer } from "../../../modules/board/index.js";
import type { Vehicle } from "../world/vehicle.js";
import type { Actuator } from "../world/wiring.js";
import { GUARD_PERIOD_MS, GuardCore, type GuardOptions } from "./guard-core.js";

/** Time that a measurement of the pilot takes, ms: two periods of the generator. */
const MEASUREMENT_MS = 2;
const STEADY_PERMILLE = 1000;
const UNAVAILABLE_PERMILLE = 0;

/** Memory that a restart of the chip does not clear. */
export interface KeptReason {
  /** Reason that the firmware has not received, as in `enum guard_reason`; 0 for none. */
  number: number;
}

export interface VirtualGuardOptions {
  /** The world's clock: a busy firmware does not stop the guard. */
  readonly clock: Clock;
  readonly vehicle: Vehicle;
  readonly wired: GuardOptions;
  /** Inputs and output of the guard alone. */
  readonly residualCurrent: Actuator;
  readonly temperatureCutOff: Actuator;
  readonly shuntTrip: Actuator;
  readonly kept: KeptReason;
  /** `false` builds in a bug: the contactor follows the firmware. */
  readonly isOn: boolean;
}

/**
 * The guard of a virtual board. It runs below the firmware, each 10 ms. A period in which nothing can happen is not
 * simulated by itself: the guard wakes up at a change of its inputs, while a count runs, and when the lease expires.
 */
export class VirtualGuard {
  /** Called with each reason, from the guard's own timer. */
  onOpened: (() => void) | undefined;
  /** Called after a measurement that differs from the one before. */
  onMeasured: (() => void) | undefined;
  readonly #options: VirtualGuardOptions;
  readonly #core: GuardCore;
  readonly #startMs: number;
  readonly #unwatch: readonly (() => void)[];
  /** Number of the last simulated period. */
  #period = 0;
  #timer: Timer | undefined;
  #isRequested = false;
  #isRenewed = false;
  #isAcknowledged = false;
  #dutyPermille = STEADY_PERMILLE;
  #isUnavailable = false;
  #levels: PilotLevels;
  /** Levels before the last change, and its time. */
  #before: PilotLevels;
  #changedMs: number;
  #measured: PilotLevels;
  /** A measurement was made since the last change of the duty. */
  #isMeasured = true;
  /** The vehicle or the contactor has changed since the last period. */
  #isChanged = false;
  #isClosed = false;

  constructor(options: VirtualGuardOptions) {
    const { clock, vehicle } = options;
    this.#options = options;
    this.#core = new GuardCore(options.wired);
    this.#startMs = clock.monotonicMs();
    this.#changedMs = this.#startMs - MEASUREMENT_MS;
    vehicle.switchContactor(false);
    vehicle.offer(STEADY_PERMILLE);
    this.#levels = vehicle.levels;
    this.#before = this.#levels;
    this.#measured = this.#levels;
    this.#unwatch = [
      vehicle.watch(() => this.#handleChange()),
      options.residualCurrent.watch(() => this.#wakeSoon()),
      options.temperatureCutOff.watch(() => this.#wakeSoon()),
    ];
    this.#schedule(0);
  }

  /** The latest levels that were measured under the present duty. */
  get levels(): PilotLevels {
    // The firmware waits for the first one.
    return this.#isMeasured ? this.#measured : this.#options.vehicle.levels;
  }

  offer(dutyPermille: number): void {
    if (dutyPermille === this.#dutyPermille || this.#isClosed) return;
    this.#dutyPermille = dutyPermille;
    this.#isMeasured = false;
    this.#applyDuty();
  }

  /** Opens at once. Closes at the next measurement, if that permits it. */
  request(isRequested: boolean): void {
    if (isRequested === this.#isRequested || this.#isClosed) return;
    this.#skipIdle();
    this.#isRequested = isRequested;
    if (!this.#options.isOn) this.#options.vehicle.switchContactor(isRequested);
    if (!isRequested) this.#decide(this.#measured);
    this.#schedule(0);
  }

  renew(): void {
    this.#isRenewed = true;
    this.#wakeSoon();
  }

  acknowledge(): void {
    this.#isAcknowledged = true;
    this.#wakeSoon();
  }

  /** Returns the reason that the firmware has not received, and deletes it. */
  takeReason(): OpeningReason | undefined {
    const { kept } = this.#options;
    const reason = openingReason(kept.number);
    kept.number = 0;
    return reason;
  }

  /** Ends with the firmware: the chip's pins open the contactor. */
  close(): void {
    const { clock, vehicle, shuntTrip } = this.#options;
    this.#isClosed = true;
    clock.clear(this.#timer);
    for (const unwatch of this.#unwatch) unwatch();
    shuntTrip.switch(false);
    vehicle.switchContactor(false);
    vehicle.offer(STEADY_PERMILLE);
  }

  get #now(): number {
    return this.#options.clock.monotonicMs() - this.#startMs;
  }

  #handleChange(): void {
    this.#isChanged = true;
    const { levels } = this.#options.vehicle;
    if (levels.highMv !== this.#levels.highMv || levels.lowMv !== this.#levels.lowMv) {
      this.#before = this.#levels;
      this.#levels = levels;
      this.#changedMs = this.#options.clock.monotonicMs();
    }
    this.#wakeSoon();
  }

  /** Wakes up at the end of the present period, because an input has changed. */
  #wakeSoon(): void {
    this.#skipIdle();
    this.#schedule(0);
  }

  /** Performs the periods that have passed without an effect. */
  #skipIdle(lastPeriod = Math.floor(this.#now / GUARD_PERIOD_MS)): void {
    const skipped = Math.min(lastPeriod - this.#period, this.#core.idlePeriods);
    if (skipped <= 0) return;
    this.#core.idle(skipped);
    this.#period += skipped;
  }

  #schedule(idlePeriods: number): void {
    if (this.#isClosed) return;
    const { clock } = this.#options;
    clock.clear(this.#timer);
    this.#timer = undefined;
    if (idlePeriods === Number.POSITIVE_INFINITY) return;
    const dueMs = (this.#period + idlePeriods + 1) * GUARD_PERIOD_MS;
    this.#timer = clock.set(() => this.#wake(), Math.max(0, dueMs - this.#now));
  }

  #wake(): void {
    // While the flash was erased, the world's timers were late, but the guard was not.
    const period = Math.floor(this.#now / GUARD_PERIOD_MS);
    this.#skipIdle(period - 1);
    do {
      this.#period++;
      this.#isChanged = false;
      this.#decide(this.#measure());
    } while (this.#period < period);
    this.#schedule(this.#isChanged ? 0 : this.#core.idlePeriods);
  }

  #decide(levels: PilotLevels): void {
    const { vehicle, kept, isOn, residualCurrent, temperatureCutOff, shuntTrip } = this.#options;
    const outputs = this.#core.step({
      ...levels,
      isSteady: vehicle.dutyPermille === STEADY_PERMILLE,
      isRequested: this.#isRequested,
      isRenewed: this.#isRenewed,
      isAcknowledged: this.#isAcknowledged,
      hasResidualCurrent: residualCurrent.isOn,
      isFeedbackClosed: vehicle.isContactorClosed,
      isTooHot: temperatureCutOff.isOn,
    });
    this.#isRenewed = false;
    this.#isAcknowledged = false;
    if (!isOn) return;
    vehicle.switchContactor(outputs.isContactorClosed);
    shuntTrip.switch(outputs.isShuntTripped);
    this.#isUnavailable = outputs.isUnavailable;
    this.#applyDuty();
    if (outputs.reason === 0) return;
    kept.number = outputs.reason;
    this.onOpened?.();
  }

  /** Measures the highest and the lowest level during the last `MEASUREMENT_MS`. */
  #measure(): PilotLevels {
    const { clock } = this.#options;
    const isSettled = clock.monotonicMs() - this.#changedMs >= MEASUREMENT_MS;
    const [now, before] = [this.#levels, isSettled ? this.#levels : this.#before];
    const levels = {
      highMv: Math.max(now.highMv, before.highMv),
      lowMv: Math.min(now.lowMv, before.lowMv),
    };
    const { highMv, lowMv } = this.#measured;
    this.#measured = levels;
    if (isSettled) this.#isMeasured = true;
    else this.#isChanged = true;
    if (levels.highMv !== highMv || levels.lowMv !== lowMv) this.onMeasured?.();
    return levels;
  }

  #applyDuty(): void {
    this.#options.vehicle.offer(this.#isUnavailable ? UNAVAILABLE_PERMILLE : this.#dutyPermille);
  }
}
