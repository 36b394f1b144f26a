import type { Timer } from "../../../modules/board/index.js";
import type { VirtualClock } from "../../virtual/world/clock.js";
import { PERMILLE_PER_A, type Vehicle } from "../../virtual/world/vehicle.js";
import type { Meter } from "../../virtual/world/wiring.js";

const VOLTS = 230;
const PHASES = 3;
const STEADY_PERMILLE = 1000;
const MS_PER_HOUR = 3_600_000;
/**
 * Energy step of the meter, Wh. A week then takes a second to simulate. The step divides the tolerated loss.
 */
const STEP_WH = 25;

/**
 * Three-phase energy flow through the closed contactor at the offered current, with a meter that counts it.
 */
export class Energy {
  /** True meter reading, Wh. */
  totalWh = 0;
  readonly #clock: VirtualClock;
  readonly #vehicle: Vehicle;
  readonly #meter: Meter;
  /** Shows energy and power at a Modbus meter. */
  onChanged: ((totalWh: number, watts: number) => void) | undefined;
  #timer: Timer | undefined;
  #watts = 0;
  /** Latest offer, ‰. */
  #offeredPermille = 0;
  #sinceMs = 0;
  /** Energy since the last pulse, Wh. */
  #partWh = 0;

  constructor({ clock, vehicle, meter }: { clock: VirtualClock; vehicle: Vehicle; meter: Meter }) {
    this.#clock = clock;
    this.#vehicle = vehicle;
    this.#meter = meter;
    vehicle.watch(() => this.#handleChange());
  }

  #handleChange(): void {
    const { isCharging, dutyPermille } = this.#vehicle;
    // A vehicle that ignores the end of the offer draws on.
    if (dutyPermille !== STEADY_PERMILLE) this.#offeredPermille = dutyPermille;
    const watts = isCharging ? (PHASES * VOLTS * this.#offeredPermille) / PERMILLE_PER_A : 0;
    if (watts === this.#watts) return;
    this.#accumulate();
    this.#watts = watts;
    this.onChanged?.(this.totalWh, watts);
    this.#scheduleStep();
  }

  #accumulate(): void {
    const now = this.#clock.monotonicMs();
    this.#partWh += (this.#watts * (now - this.#sinceMs)) / MS_PER_HOUR;
    this.#sinceMs = now;
  }

  #scheduleStep(): void {
    this.#clock.clear(this.#timer);
    if (this.#watts === 0) return;
    const stepMs = (Math.max(0, STEP_WH - this.#partWh) * MS_PER_HOUR) / this.#watts;
    this.#timer = this.#clock.set(() => {
      this.#sinceMs = this.#clock.monotonicMs();
      this.#partWh = 0;
      this.totalWh += STEP_WH;
      this.#meter.pulse(STEP_WH);
      this.onChanged?.(this.totalWh, this.#watts);
      this.#scheduleStep();
    }, stepMs);
  }
}
