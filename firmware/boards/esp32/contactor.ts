import type {
  Clock,
  Contactor,
  ContactorOptions,
  ControlPilot,
  ControlPilotOptions,
  OpeningReason,
  PilotLevels,
} from "../../../modules/board/index.js";
import { openingReason } from "../opening-reasons.js";
import * as native from "./guard/native.js";
import type { Hardware } from "./hardware.js";

/**
 * Interval at which the engine asks the guard for changes, ms. The guard itself measures each 10 ms and opens the contactor;
 * a shorter interval only wakes the engine more often. The SDK's timers repeat each period that a busy engine has missed,
 * and handle one message of the network in between.
 */
const POLL_MS = 50;
const STEADY_PERMILLE = 1000;
/** Pin of a function that is not wired (guard.c). */
const NO_PIN = -1;
/** The divider is passed in thousandths. */
const DIVIDER_UNIT = 1000;

export interface ChipGuardParts {
  readonly hardware: Hardware;
  readonly clock: Clock;
  /** To be called before the ADC is used. */
  readonly onAnalog: () => void;
}

/** The engine's side of the contactor's guard (guard/guard.c), which contactor and pilot share. */
export class ChipGuard {
  onReadable: (() => void) | undefined;
  onOpened: ((reason: OpeningReason) => void) | undefined;
  private readonly _parts: ChipGuardParts;
  private _isStarted = false;
  private readonly _used = new Set<string>();

  constructor(parts: ChipGuardParts) {
    this._parts = parts;
  }

  /** Takes a part of the guard. Starts it with the first one. Throws when the part is in use. */
  take(part: "contactor" | "pilot"): void {
    if (this._used.has(part)) throw new Error(`the ${part} is in use`);
    this._used.add(part);
    if (this._isStarted) return;
    this._isStarted = true;
    const { hardware, clock, onAnalog } = this._parts;
    const { generatorPin, adcPin, zeroMv, divider } = hardware.controlPilot;
    onAnalog();
    native.start([
      generatorPin,
      adcPin,
      zeroMv,
      Math.round(divider * DIVIDER_UNIT),
      hardware.contactorPin,
      hardware.contactorFeedbackPin ?? NO_PIN,
      hardware.residualCurrentPin ?? NO_PIN,
      hardware.temperatureCutOffPin ?? NO_PIN,
      hardware.shuntTripPin ?? NO_PIN,
      hardware.ventilation ? 1 : 0,
    ]);
    clock.repeat(() => this._poll(), POLL_MS);
  }

  release(part: "contactor" | "pilot"): void {
    this._used.delete(part);
  }

  private _poll(): void {
    if (native.poll() === 1) this.onReadable?.();
    if (!this.onOpened) return;
    const reason = openingReason(native.takeReason());
    if (reason !== undefined) this.onOpened(reason);
  }
}

export class ChipContactor implements Contactor {
  private readonly _guard: ChipGuard;
  private _isClosed = false;

  constructor({ onOpened }: ContactorOptions, guard: ChipGuard) {
    guard.take("contactor");
    this._guard = guard;
    guard.onOpened = (reason) => onOpened?.(reason);
  }

  write(value: 0 | 1): void {
    this._check();
    native.request(value);
  }

  renew(): void {
    this._check();
    native.renew();
  }

  acknowledge(): void {
    this._check();
    native.acknowledge();
  }

  test(value: 0 | 1): void {
    this._check();
    native.test(value);
  }

  get hasResidualCurrent(): boolean {
    return native.residualCurrent() === 1;
  }

  close(): void {
    if (this._isClosed) return;
    this._isClosed = true;
    // A test of the residual current device goes on until the restart: its current is no fault.
    native.request(0);
    this._guard.onOpened = undefined;
    this._guard.release("contactor");
  }

  private _check(): void {
    if (this._isClosed) throw new Error("the pin is closed");
  }
}

/** The control pilot, which the guard generates and measures. */
export class ChipControlPilot implements ControlPilot {
  private readonly _guard: ChipGuard;
  private _isClosed = false;

  constructor({ onReadable }: ControlPilotOptions, guard: ChipGuard) {
    guard.take("pilot");
    this._guard = guard;
    guard.onReadable = onReadable;
  }

  read(): PilotLevels {
    this._check();
    return { highMv: native.level(0), lowMv: native.level(1) };
  }

  write(dutyPermille: number): void {
    this._check();
    if (!(dutyPermille >= 0 && dutyPermille <= 1000)) throw new RangeError(`invalid duty ${dutyPermille}`);
    native.offer(dutyPermille);
  }

  close(): void {
    if (this._isClosed) return;
    this._isClosed = true;
    native.offer(STEADY_PERMILLE);
    this._guard.onReadable = undefined;
    this._guard.release("pilot");
  }

  private _check(): void {
    if (this._isClosed) throw new Error("the pin is closed");
  }
}
