import type { PilotLevels } from "../../../modules/board/index.js";

/** What a vehicle, or the lack of one, makes of the control pilot (IEC 61851-1 table A.4). */
export type VehicleState =
  | "unplugged"
  | "plugged"
  /** Wants current: S2 is closed. */
  | "ready"
  | "ready-with-ventilation"
  /** The pilot is shorted to earth. */
  | "shorted"
  /** Wants current, and its diode is missing. */
  | "without-diode";

const HIGH_MV: Readonly<Record<VehicleState, number>> = {
  unplugged: 12_000,
  plugged: 9000,
  ready: 6000,
  "ready-with-ventilation": 3000,
  shorted: 0,
  "without-diode": 6000,
};
const NEGATIVE_MV = -12_000;
/** A duty outside states no current (IEC 61851-1 table A.8). */
const LOWEST_OFFER_PERMILLE = 80;
const HIGHEST_OFFER_PERMILLE = 970;

/** The charging cable of a station, with whatever hangs on it, and the contactor behind it. */
export class Vehicle {
  #state: VehicleState = "unplugged";
  #dutyPermille = 1000;
  #contactorIsTold = false;
  #contactorFault: "welded" | "stuck-open" | undefined;
  #drawsWhenOffered = true;
  #watchers = new Set<() => void>();

  /** A vehicle that wants current as soon as the station offers some, unless told otherwise. */
  plug(options: { drawsWhenOffered?: boolean } = {}): void {
    this.#drawsWhenOffered = options.drawsWhenOffered ?? true;
    this.set("plugged");
    this.#follow();
  }

  unplug(): void {
    this.set("unplugged");
  }

  set(state: VehicleState): void {
    this.#state = state;
    this.#tell();
  }

  get state(): VehicleState {
    return this.#state;
  }

  /** What the station offers: the duty of its generator in permille. */
  get dutyPermille(): number {
    return this.#dutyPermille;
  }

  get isContactorClosed(): boolean {
    return this.#contactorFault === undefined ? this.#contactorIsTold : this.#contactorFault === "welded";
  }

  /** The contactor does what it is told again, or what it likes. */
  breakContactor(fault: "welded" | "stuck-open" | undefined): void {
    this.#contactorFault = fault;
    this.#tell();
  }

  /** Current flows. */
  get isCharging(): boolean {
    return this.isContactorClosed && (this.#state === "ready" || this.#state === "ready-with-ventilation");
  }

  /** The levels on the pilot now. */
  get levels(): PilotLevels {
    if (this.#dutyPermille === 0) return { highMv: NEGATIVE_MV, lowMv: NEGATIVE_MV };
    const highMv = HIGH_MV[this.#state];
    if (this.#dutyPermille === 1000) return { highMv, lowMv: highMv };
    if (this.#state === "shorted") return { highMv: 0, lowMv: 0 };
    return { highMv, lowMv: this.#state === "without-diode" ? -highMv : NEGATIVE_MV };
  }

  /** The station's side: its generator. */
  offer(dutyPermille: number): void {
    if (dutyPermille === this.#dutyPermille) return;
    this.#dutyPermille = dutyPermille;
    this.#tell();
    this.#follow();
  }

  /** The station's side: its contactor. */
  switchContactor(closed: boolean): void {
    if (closed === this.#contactorIsTold) return;
    this.#contactorIsTold = closed;
    this.#tell();
  }

  /** Calls back when anything here changes. Returns how to stop that. */
  watch(onChanged: () => void): () => void {
    this.#watchers.add(onChanged);
    return () => this.#watchers.delete(onChanged);
  }

  /** A vehicle closes S2 while current is offered, and opens it when the offer ends. */
  #follow(): void {
    const isOffered =
      this.#dutyPermille >= LOWEST_OFFER_PERMILLE && this.#dutyPermille <= HIGHEST_OFFER_PERMILLE;
    if (this.#state === "plugged" && isOffered && this.#drawsWhenOffered) this.set("ready");
    else if (this.#state === "ready" && !isOffered && this.#drawsWhenOffered) this.set("plugged");
  }

  #tell(): void {
    for (const onChanged of [...this.#watchers]) onChanged();
  }
}
