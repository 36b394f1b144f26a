#include "guard-core.h"

/*
 * Rules. The exploration of all states shows that they hold for every sequence of inputs.
 *
 * 1. The contactor is closed only while the engine requests it.
 * 2. It closes only at a new request, with the pilot in C or D under a square wave, an open feedback and no fault.
 * 3. It opens at the fourth measurement in a row outside C and D, when the lease is 3 s old, at a feedback that has not
 *    matched for 200 ms, and at once at a residual current and at the temperature cut-off.
 * 4. A residual current, and a contactor that does not open, are latched: until the cause is over and the engine has
 *    acknowledged it, the contactor stays open and the pilot is at -12 V. A shunt trip is driven for a contactor that
 *    does not open.
 */

/* Thresholds of the pilot are half way between two nominal levels, as in modules/charging/pilot.ts, mV. */
enum {
	LOWEST_OF_B_MV = 7500,
	LOWEST_OF_C_MV = 4500,
	LOWEST_OF_D_MV = 1500,
	HIGHEST_OF_NEGATIVE_MV = -10500,
	KEPT_MAGIC = 0x47550000,
	KEPT_MASK = 0xff,
};

GUARD_CODE void guard_init(struct guard *guard, struct guard_options options)
{
	*guard = (struct guard){
		.options = options,
		.was_requested = true,
		.pilot_ticks = GUARD_PILOT_TICKS,
		.lease_ticks = GUARD_LEASE_TICKS,
	};
}

/** Whether the vehicle requests energy (state C, or D where it is allowed), and its diode is not missing. */
static GUARD_CODE bool requests_energy(const struct guard_options *options, const struct guard_inputs *inputs)
{
	if (inputs->high_mv >= LOWEST_OF_B_MV)
		return false;
	if (inputs->high_mv < (options->allows_ventilation ? LOWEST_OF_D_MV : LOWEST_OF_C_MV))
		return false;
	return inputs->is_steady || inputs->low_mv <= HIGHEST_OF_NEGATIVE_MV;
}

/** Counts a period up to the limit; 0 if `is_counted` is false. */
static GUARD_CODE uint16_t count(uint16_t ticks, bool is_counted, uint16_t limit)
{
	if (!is_counted)
		return 0;
	return ticks < limit ? (uint16_t)(ticks + 1) : limit;
}

/** Returns the fault that is present now, whether the contactor is closed or not. */
static GUARD_CODE enum guard_reason present_fault(const struct guard *guard, const struct guard_inputs *inputs)
{
	const struct guard_options *options = &guard->options;
	bool is_mismatch = guard->mismatch_ticks >= GUARD_FEEDBACK_TICKS;
	if (is_mismatch && !guard->is_closed)
		return GUARD_WELDED;
	if (options->has_residual_current && inputs->has_residual_current)
		return GUARD_RESIDUAL_CURRENT;
	if (is_mismatch)
		return GUARD_STUCK_OPEN;
	if (options->has_cut_off && inputs->is_too_hot)
		return GUARD_TOO_HOT;
	return GUARD_NONE;
}

/** Returns why a closed contactor has to open; GUARD_NONE if it may stay closed. */
static GUARD_CODE enum guard_reason opening_reason(const struct guard *guard, enum guard_reason fault)
{
	if (fault != GUARD_NONE)
		return fault;
	if (guard->pilot_ticks >= GUARD_PILOT_TICKS)
		return GUARD_PILOT;
	if (guard->lease_ticks >= GUARD_LEASE_TICKS)
		return GUARD_LEASE;
	return GUARD_NONE;
}

/** Returns why an open contactor may not close at a new request; GUARD_NONE if it may. */
static GUARD_CODE enum guard_reason refusing_reason(const struct guard *guard, enum guard_reason fault,
	const struct guard_inputs *inputs)
{
	if (guard->latched != GUARD_NONE)
		return guard->latched;
	if (fault != GUARD_NONE)
		return fault;
	if (guard->options.has_feedback && inputs->is_feedback_closed)
		return GUARD_WELDED;
	if (guard->pilot_ticks > 0 || inputs->is_steady)
		return GUARD_PILOT;
	return GUARD_NONE;
}

/** Latches a fault, and ends a latched one that is acknowledged and over. Returns a newly latched fault. */
static GUARD_CODE enum guard_reason latch(struct guard *guard, enum guard_reason fault,
	const struct guard_inputs *inputs)
{
	enum guard_reason before = guard->latched;
	/* A contactor that does not open is the worse fault: the shunt trip stays. */
	if (fault == GUARD_WELDED || (fault == GUARD_RESIDUAL_CURRENT && guard->latched == GUARD_NONE))
		guard->latched = fault;
	else if (inputs->is_acknowledged && fault != GUARD_RESIDUAL_CURRENT && guard->mismatch_ticks == 0)
		guard->latched = GUARD_NONE;
	return guard->latched == before ? GUARD_NONE : guard->latched;
}

GUARD_CODE struct guard_outputs guard_step(struct guard *guard, const struct guard_inputs *inputs)
{
	bool is_new_request = inputs->is_requested && !guard->was_requested;
	bool is_mismatch = guard->options.has_feedback && inputs->is_feedback_closed != guard->is_closed;
	guard->was_requested = inputs->is_requested;
	guard->pilot_ticks = count(guard->pilot_ticks, !requests_energy(&guard->options, inputs),
		GUARD_PILOT_TICKS);
	guard->lease_ticks = count(guard->lease_ticks, !inputs->is_renewed && !is_new_request, GUARD_LEASE_TICKS);
	guard->mismatch_ticks = count(guard->mismatch_ticks, is_mismatch, GUARD_FEEDBACK_TICKS);
	enum guard_reason fault = present_fault(guard, inputs);
	enum guard_reason reason = latch(guard, fault, inputs);
	bool was_closed = guard->is_closed;
	if (was_closed) {
		reason = opening_reason(guard, fault);
		guard->is_closed = reason == GUARD_NONE && inputs->is_requested;
	} else if (is_new_request) {
		reason = refusing_reason(guard, fault, inputs);
		guard->is_closed = reason == GUARD_NONE;
	}
	/* The feedback has its time from each command. */
	if (guard->is_closed != was_closed)
		guard->mismatch_ticks = 0;
	return (struct guard_outputs){
		.is_contactor_closed = guard->is_closed,
		.is_shunt_tripped = guard->options.has_shunt_trip && guard->latched == GUARD_WELDED,
		.is_unavailable = guard->latched != GUARD_NONE,
		.reason = reason,
	};
}

GUARD_CODE void guard_keep(struct kept_reason *kept, enum guard_reason reason)
{
	kept->value = KEPT_MAGIC | (uint32_t)reason;
	kept->check = ~kept->value;
}

enum guard_reason guard_take(struct kept_reason *kept)
{
	uint32_t reason = kept->value & KEPT_MASK;
	if (kept->check != ~kept->value || (kept->value & ~(uint32_t)KEPT_MASK) != KEPT_MAGIC || reason >= GUARD_REASONS)
		return GUARD_NONE;
	kept->check = kept->value;
	return (enum guard_reason)reason;
}
