/** Twin of firmware/boards/esp32/guard/guard-core.c. host-tests/suites/board/guard.test.ts compares them. */

/** Period of `step`, ms. */
export const GUARD_PERIOD_MS = 10;
const PILOT_TICKS = 4;
const LEASE_TICKS = 300;
const FEEDBACK_TICKS = 20;
const LOWEST_OF_B_MV = 7500;
const LOWEST_OF_C_MV = 4500;
const LOWEST_OF_D_MV = 1500;
const HIGHEST_OF_NEGATIVE_MV = -10_500;

/** `enum guard_reason`. */
const NONE = 0;
const PILOT = 1;
const LEASE = 2;
const RESIDUAL_CURRENT = 3;
const TOO_HOT = 4;
const WELDED = 5;
const STUCK_OPEN = 6;
const TESTING = 7;

export interface GuardOptions {
  readonly hasFeedback: boolean;
  readonly hasResidualCurrent: boolean;
  readonly hasCutOff: boolean;
  readonly hasShuntTrip: boolean;
  readonly allowsVentilation: boolean;
}

/** Inputs of one period, as `struct guard_inputs`. */
export interface GuardInputs {
  readonly highMv: number;
  readonly lowMv: number;
  readonly isSteady: boolean;
  readonly isRequested: boolean;
  readonly isRenewed: boolean;
  readonly isAcknowledged: boolean;
  readonly hasResidualCurrent: boolean;
  readonly isTesting: boolean;
  readonly isFeedbackClosed: boolean;
  readonly isTooHot: boolean;
}

export interface GuardOutputs {
  readonly isContactorClosed: boolean;
  readonly isShuntTripped: boolean;
  readonly isUnavailable: boolean;
  readonly reason: number;
}

export class GuardCore {
  readonly #options: GuardOptions;
  #isClosed = false;
  #wasRequested = true;
  #pilotTicks = PILOT_TICKS;
  #leaseTicks = LEASE_TICKS;
  #mismatchTicks = 0;
  #latched = NONE;

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  /** Periods with unchanged inputs that have no further effect than to age the lease; 0 while another count runs. */
  get idlePeriods(): number {
    if (this.#mismatchTicks % FEEDBACK_TICKS > 0) return 0;
    if (!this.#isClosed) return this.#pilotTicks % PILOT_TICKS > 0 ? 0 : Number.POSITIVE_INFINITY;
    return this.#pilotTicks > 0 ? 0 : LEASE_TICKS - this.#leaseTicks - 1;
  }

  /** Performs `periods` of them at once. */
  idle(periods: number): void {
    this.#leaseTicks = Math.min(LEASE_TICKS, this.#leaseTicks + periods);
  }

  step(inputs: GuardInputs): GuardOutputs {
    const { isRequested } = inputs;
    const { hasFeedback, hasShuntTrip } = this.#options;
    const isNewRequest = isRequested && !this.#wasRequested;
    const isMismatch = hasFeedback && inputs.isFeedbackClosed !== this.#isClosed;
    this.#wasRequested = isRequested;
    this.#pilotTicks = count(this.#pilotTicks, !this.#requestsEnergy(inputs), PILOT_TICKS);
    this.#leaseTicks = count(this.#leaseTicks, !inputs.isRenewed && !isNewRequest, LEASE_TICKS);
    this.#mismatchTicks = count(this.#mismatchTicks, isMismatch, FEEDBACK_TICKS);
    const fault = this.#presentFault(inputs);
    let reason = this.#latch(fault, inputs);
    const wasClosed = this.#isClosed;
    if (wasClosed) {
      reason = this.#openingReason(fault, inputs);
      this.#isClosed = reason === NONE && isRequested;
    } else if (isNewRequest) {
      reason = this.#refusingReason(fault, inputs);
      this.#isClosed = reason === NONE;
    }
    if (this.#isClosed !== wasClosed) this.#mismatchTicks = 0;
    return {
      isContactorClosed: this.#isClosed,
      isShuntTripped: hasShuntTrip && this.#latched === WELDED,
      isUnavailable: this.#latched !== NONE,
      reason,
    };
  }

  #requestsEnergy({ highMv, lowMv, isSteady }: GuardInputs): boolean {
    const lowestMv = this.#options.allowsVentilation ? LOWEST_OF_D_MV : LOWEST_OF_C_MV;
    if (highMv >= LOWEST_OF_B_MV || highMv < lowestMv) return false;
    return isSteady || lowMv <= HIGHEST_OF_NEGATIVE_MV;
  }

  #presentFault({ hasResidualCurrent, isTesting, isTooHot }: GuardInputs): number {
    const isMismatch = this.#mismatchTicks >= FEEDBACK_TICKS;
    if (isMismatch && !this.#isClosed) return WELDED;
    if (this.#options.hasResidualCurrent && hasResidualCurrent && !isTesting) return RESIDUAL_CURRENT;
    if (isMismatch) return STUCK_OPEN;
    return this.#options.hasCutOff && isTooHot ? TOO_HOT : NONE;
  }

  #openingReason(fault: number, { isTesting }: GuardInputs): number {
    if (fault !== NONE) return fault;
    if (isTesting) return TESTING;
    if (this.#pilotTicks >= PILOT_TICKS) return PILOT;
    return this.#leaseTicks >= LEASE_TICKS ? LEASE : NONE;
  }

  #refusingReason(fault: number, { isFeedbackClosed, isSteady, isTesting }: GuardInputs): number {
    if (this.#latched !== NONE) return this.#latched;
    if (fault !== NONE) return fault;
    if (isTesting) return TESTING;
    if (this.#options.hasFeedback && isFeedbackClosed) return WELDED;
    return this.#pilotTicks > 0 || isSteady ? PILOT : NONE;
  }

  #latch(fault: number, { isAcknowledged }: GuardInputs): number {
    const before = this.#latched;
    if (fault === WELDED || (fault === RESIDUAL_CURRENT && before === NONE)) this.#latched = fault;
    else if (isAcknowledged && fault !== RESIDUAL_CURRENT && this.#mismatchTicks === 0) this.#latched = NONE;
    return this.#latched === before ? NONE : this.#latched;
  }
}

function count(ticks: number, isCounted: boolean, limit: number): number {
  return isCounted ? Math.min(limit, ticks + 1) : 0;
}
