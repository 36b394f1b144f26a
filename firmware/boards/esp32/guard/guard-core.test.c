/*
 * Tests of guard-core.c on the host, run by host-tests/suites/board/guard.test.ts. Without arguments: a table of cases.
 * With a number (the bits of the options, as in guard-core.explore.c): one line of inputs on stdin is one period, whose
 * outputs are printed, to be compared with the twin.
 */

#include "guard-core.h"

#include <stdio.h>
#include <stdlib.h>

#include "../expect.test.h"

static const struct guard_options ALL = { true, true, true, true, false };
static const struct guard_inputs B = { .high_mv = 9000, .low_mv = -12000, .is_renewed = true };
static const struct guard_inputs C = { .high_mv = 6000, .low_mv = -12000, .is_renewed = true };

static struct guard guard;
static struct guard_outputs outputs;

static void step(struct guard_inputs inputs, int periods)
{
	for (int i = 0; i < periods; i++)
		outputs = guard_step(&guard, &inputs);
}

static struct guard_inputs requested(struct guard_inputs inputs)
{
	inputs.is_requested = true;
	inputs.is_feedback_closed = guard.is_closed;
	return inputs;
}

/** Closes the contactor on a vehicle in C. */
static void charge(struct guard_options options)
{
	guard_init(&guard, options);
	step(C, 1);
	step(requested(C), 1);
	EXPECT(outputs.is_contactor_closed && outputs.reason == GUARD_NONE);
	step(requested(C), 100);
	EXPECT(outputs.is_contactor_closed);
}

static void the_first_request_needs_a_period_without_one(void)
{
	guard_init(&guard, ALL);
	step(requested(C), 1000);
	EXPECT(!outputs.is_contactor_closed && outputs.reason == GUARD_NONE);
}

static void a_pilot_outside_c_opens_at_the_fourth_measurement_and_a_return_does_not_close(void)
{
	charge(ALL);
	step(requested(B), 3);
	EXPECT(outputs.is_contactor_closed);
	step(requested(C), 1);
	step(requested(B), 3);
	EXPECT(outputs.is_contactor_closed);
	step(requested(B), 1);
	EXPECT(!outputs.is_contactor_closed && outputs.reason == GUARD_PILOT && !outputs.is_unavailable);
	step(requested(C), 1000);
	EXPECT(!outputs.is_contactor_closed);
	step(C, 1);
	step(requested(C), 1);
	EXPECT(outputs.is_contactor_closed);
}

static void the_thresholds_are_those_of_the_pilot(void)
{
	for (int high_mv = -13000; high_mv <= 13000; high_mv++) {
		for (int is_ventilated = 0; is_ventilated < 2; is_ventilated++) {
			struct guard_options options = { .allows_ventilation = is_ventilated };
			struct guard_inputs inputs = C;
			inputs.high_mv = (int16_t)high_mv;
			guard_init(&guard, options);
			step(inputs, 1);
			step(requested(inputs), 1);
			EXPECT(outputs.is_contactor_closed == (high_mv < 7500 && high_mv >= (is_ventilated ? 1500 : 4500)));
		}
	}
	for (int low_mv = -13000; low_mv <= 7000; low_mv++) {
		struct guard_inputs inputs = C;
		inputs.low_mv = (int16_t)low_mv;
		guard_init(&guard, ALL);
		step(inputs, 1);
		step(requested(inputs), 1);
		EXPECT(outputs.is_contactor_closed == (low_mv <= -10500));
	}
}

static void a_steady_generator_keeps_a_closed_contactor_and_closes_none(void)
{
	struct guard_inputs steady = C;
	steady.low_mv = 6000;
	steady.is_steady = true;
	charge(ALL);
	step(requested(steady), 100);
	EXPECT(outputs.is_contactor_closed);
	step(steady, 1);
	step(requested(steady), 1);
	EXPECT(!outputs.is_contactor_closed && outputs.reason == GUARD_PILOT);
}

static void a_lease_of_three_seconds_opens(void)
{
	charge(ALL);
	struct guard_inputs inputs = requested(C);
	inputs.is_renewed = false;
	step(inputs, 299);
	EXPECT(outputs.is_contactor_closed);
	step(inputs, 1);
	EXPECT(!outputs.is_contactor_closed && outputs.reason == GUARD_LEASE && !outputs.is_unavailable);
}

static void a_residual_current_opens_at_once_and_is_latched(void)
{
	charge(ALL);
	struct guard_inputs inputs = requested(C);
	inputs.has_residual_current = true;
	step(inputs, 1);
	EXPECT(!outputs.is_contactor_closed && outputs.reason == GUARD_RESIDUAL_CURRENT);
	EXPECT(outputs.is_unavailable && !outputs.is_shunt_tripped);
	step(C, 100);
	EXPECT(outputs.is_unavailable);
	step(requested(C), 1);
	EXPECT(!outputs.is_contactor_closed && outputs.reason == GUARD_RESIDUAL_CURRENT);
	struct guard_inputs acknowledged = C;
	acknowledged.is_acknowledged = true;
	step(acknowledged, 1);
	EXPECT(!outputs.is_unavailable);
	step(requested(C), 1);
	EXPECT(outputs.is_contactor_closed);
}

static void a_tested_residual_current_is_no_fault_and_the_contactor_is_open(void)
{
	charge(ALL);
	struct guard_inputs tested = requested(C);
	tested.is_testing = true;
	step(tested, 1);
	EXPECT(!outputs.is_contactor_closed && outputs.reason == GUARD_TESTING);
	tested = C;
	tested.is_testing = true;
	tested.has_residual_current = true;
	step(tested, 100);
	EXPECT(!outputs.is_unavailable);
	tested.is_requested = true;
	step(tested, 1);
	EXPECT(!outputs.is_contactor_closed && outputs.reason == GUARD_TESTING);
	tested.is_testing = false;
	step(tested, 1);
	EXPECT(outputs.reason == GUARD_RESIDUAL_CURRENT && outputs.is_unavailable);
}

static void the_temperature_cut_off_opens_at_once_and_is_not_latched(void)
{
	charge(ALL);
	struct guard_inputs inputs = requested(C);
	inputs.is_too_hot = true;
	step(inputs, 1);
	EXPECT(!outputs.is_contactor_closed && outputs.reason == GUARD_TOO_HOT && !outputs.is_unavailable);
}

static void a_welded_contactor_trips_the_shunt_after_200_ms(void)
{
	charge(ALL);
	struct guard_inputs welded = C;
	welded.is_feedback_closed = true;
	step(welded, 20);
	EXPECT(!outputs.is_contactor_closed && !outputs.is_shunt_tripped);
	welded.is_requested = true;
	struct guard copy = guard;
	step(welded, 1);
	EXPECT(outputs.reason == GUARD_WELDED && outputs.is_shunt_tripped && outputs.is_unavailable);
	guard = copy;
	welded.is_requested = false;
	step(welded, 1);
	EXPECT(outputs.reason == GUARD_WELDED && outputs.is_shunt_tripped && outputs.is_unavailable);
	welded.is_acknowledged = true;
	step(welded, 1);
	EXPECT(outputs.is_shunt_tripped);
	welded.is_feedback_closed = false;
	step(welded, 1);
	EXPECT(!outputs.is_shunt_tripped && !outputs.is_unavailable);
}

static void a_contactor_that_does_not_close_is_opened(void)
{
	charge(ALL);
	struct guard_inputs stuck = requested(C);
	stuck.is_feedback_closed = false;
	step(stuck, 19);
	EXPECT(outputs.is_contactor_closed);
	step(stuck, 1);
	EXPECT(!outputs.is_contactor_closed && outputs.reason == GUARD_STUCK_OPEN && !outputs.is_unavailable);
}

static void a_reason_is_kept_once_and_memory_of_any_contents_keeps_none(void)
{
	for (int reason = GUARD_PILOT; reason < GUARD_REASONS; reason++) {
		struct kept_reason kept;
		guard_keep(&kept, (enum guard_reason)reason);
		struct kept_reason changed = kept;
		changed.value ^= 1;
		EXPECT(guard_take(&changed) == GUARD_NONE);
		EXPECT(guard_take(&kept) == (enum guard_reason)reason);
		EXPECT(guard_take(&kept) == GUARD_NONE);
	}
	for (uint32_t i = 0; i < 100000; i++) {
		struct kept_reason kept = { i * 2654435761u, i * 40503u };
		EXPECT(guard_take(&kept) == GUARD_NONE);
	}
	struct kept_reason beyond = { 0x47550000 | GUARD_REASONS, ~(uint32_t)(0x47550000 | GUARD_REASONS) };
	EXPECT(guard_take(&beyond) == GUARD_NONE);
}

/** Prints the outputs of each line of inputs. */
static void replay(int bits)
{
	struct guard_options options = { bits & 1, bits & 2, bits & 4, bits & 8, bits & 16 };
	int high_mv, low_mv, flags;
	guard_init(&guard, options);
	while (scanf("%d %d %d", &high_mv, &low_mv, &flags) == 3) {
		struct guard_inputs inputs = {
			(int16_t)high_mv, (int16_t)low_mv, flags & 64, flags & 1, flags & 2, flags & 4, flags & 8,
			flags & 128, flags & 16, flags & 32,
		};
		step(inputs, 1);
		printf("%d%d%d%d\n", outputs.is_contactor_closed, outputs.is_shunt_tripped, outputs.is_unavailable, outputs.reason);
	}
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		replay(atoi(argv[1]));
		return 0;
	}
	the_first_request_needs_a_period_without_one();
	a_pilot_outside_c_opens_at_the_fourth_measurement_and_a_return_does_not_close();
	the_thresholds_are_those_of_the_pilot();
	a_steady_generator_keeps_a_closed_contactor_and_closes_none();
	a_lease_of_three_seconds_opens();
	a_residual_current_opens_at_once_and_is_latched();
	a_tested_residual_current_is_no_fault_and_the_contactor_is_open();
	the_temperature_cut_off_opens_at_once_and_is_not_latched();
	a_welded_contactor_trips_the_shunt_after_200_ms();
	a_contactor_that_does_not_close_is_opened();
	a_reason_is_kept_once_and_memory_of_any_contents_keeps_none();
	return 0;
}
