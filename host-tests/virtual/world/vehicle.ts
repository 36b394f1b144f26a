import type { PilotLevels } from "../../../modules/board/index.js";

/** States of the control pilot (IEC 61851-1 table A.4), with or without a vehicle. */
export type VehicleState =
  | "unplugged"
  | "plugged"
  /** The vehicle requests energy: S2 is closed. */
  | "ready"
  | "ready-with-ventilation"
  /** The pilot is shorted to earth. */
  | "shorted"
  /** The pilot is at a steady -12 V. */
  | "negative"
  /** The vehicle requests energy and its diode is missing. */
  | "without-diode";

const HIGH_MV: Readonly<Record<VehicleState, number>> = {
  unplugged: 12_000,
  plugged: 9000,
  ready: 6000,
  "ready-with-ventilation": 3000,
  shorted: 0,
  negative: -12_000,
  "without-diode": 6000,
};
const NEGATIVE_MV = -12_000;
/** Lowest and highest duty that state a current (IEC 61851-1 table A.8). */
const LOWEST_OFFER_PERMILLE = 80;
const HIGHEST_OFFER_PERMILLE = 970;
/** Duty for each ampere, up to 51 A (table A.8): 1 ‰ is 60 mA. */
export const PERMILLE_PER_A = 1000 / 60;

/** Charging cable of a station with its vehicle, and the contactor behind it. */
export class Vehicle {
  #state: VehicleState = "unplugged";
  #dutyPermille = 1000;
  #contactorCommand = false;
  #contactorFault: "welded" | "stuck-open" | undefined;
  #requestsEnergyWhenOffered = true;
  #ignoresStop = false;
  readonly #watchers = new Set<() => void>();

  /**
   * Plugs in a vehicle. By default, it requests energy while the station offers current. `ignoresStop`: it stays in C when
   * the offer ends.
   */
  plug(options: { requestsEnergyWhenOffered?: boolean; ignoresStop?: boolean } = {}): void {
    this.#requestsEnergyWhenOffered = options.requestsEnergyWhenOffered ?? true;
    this.#ignoresStop = options.ignoresStop ?? false;
    this.set("plugged");
    this.#handleOffer();
  }

  unplug(): void {
    this.set("unplugged");
  }

  set(state: VehicleState): void {
    this.#state = state;
    this.#notify();
  }

  get state(): VehicleState {
    return this.#state;
  }

  /** Current offer of the station: the duty of its generator, ‰. */
  get dutyPermille(): number {
    return this.#dutyPermille;
  }

  /** The duty states a current. */
  get isOffered(): boolean {
    return this.#dutyPermille >= LOWEST_OFFER_PERMILLE && this.#dutyPermille <= HIGHEST_OFFER_PERMILLE;
  }

  get isContactorClosed(): boolean {
    return this.#contactorFault === undefined ? this.#contactorCommand : this.#contactorFault === "welded";
  }

  /** Breaks the contactor, or repairs it with `undefined`. */
  breakContactor(fault: "welded" | "stuck-open" | undefined): void {
    this.#contactorFault = fault;
    this.#notify();
  }

  /** Current flows. */
  get isCharging(): boolean {
    return this.isContactorClosed && (this.#state === "ready" || this.#state === "ready-with-ventilation");
  }

  /** Current levels of the pilot. */
  get levels(): PilotLevels {
    if (this.#dutyPermille === 0) return { highMv: NEGATIVE_MV, lowMv: NEGATIVE_MV };
    const highMv = HIGH_MV[this.#state];
    if (this.#dutyPermille === 1000) return { highMv, lowMv: highMv };
    if (this.#state === "shorted") return { highMv: 0, lowMv: 0 };
    return { highMv, lowMv: this.#state === "without-diode" ? -highMv : NEGATIVE_MV };
  }

  /** Sets the duty of the station's generator. */
  offer(dutyPermille: number): void {
    if (dutyPermille === this.#dutyPermille) return;
    this.#dutyPermille = dutyPermille;
    this.#notify();
    this.#handleOffer();
  }

  /** Switches the station's contactor. */
  switchContactor(closed: boolean): void {
    if (closed === this.#contactorCommand) return;
    this.#contactorCommand = closed;
    this.#notify();
  }

  /** Calls back at each change. Returns a function that stops that. */
  watch(onChanged: () => void): () => void {
    this.#watchers.add(onChanged);
    return () => this.#watchers.delete(onChanged);
  }

  /** Closes S2 while current is offered, and opens it when the offer ends. */
  #handleOffer(): void {
    const { isOffered } = this;
    if (this.#state === "plugged" && isOffered && this.#requestsEnergyWhenOffered) this.set("ready");
    else if (this.#state === "ready" && !isOffered && this.#requestsEnergyWhenOffered && !this.#ignoresStop)
      this.set("plugged");
  }

  #notify(): void {
    for (const onChanged of [...this.#watchers]) onChanged();
  }
}
