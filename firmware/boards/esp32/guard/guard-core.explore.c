/*
 * Explores every state that guard-core.c can reach, with every input in each, and checks an independent specification
 * that runs beside it. Run by host-tests/suites/board/guard.test.ts. Argument: the first and the number of the wirings to
 * explore, of 32. Prints the numbers of states and steps, or the shortest sequence of inputs that breaks a property.
 */

#include "guard-core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	WIRINGS = 32,
	HASH_BITS = 22,
	HASH_SIZE = 1 << HASH_BITS,
	MAX_STATES = HASH_SIZE / 2,
};

/** What a pilot shows, with one measurement of each kind. The unit tests have the thresholds. */
static const struct pilot {
	const char *name;
	int16_t high_mv, low_mv;
	bool is_steady;
	/** The vehicle requests energy, without and with ventilation. */
	bool is_c, is_d;
	/** The diode is seen: a contactor may close. */
	bool has_diode;
} PILOTS[] = {
	{ "B", 9000, -12000, false, false, false, true },
	{ "C", 6000, -12000, false, true, false, true },
	{ "D", 3000, -12000, false, false, true, true },
	{ "C without diode", 6000, -6000, false, false, false, false },
	{ "C, steady", 6000, 6000, true, true, false, false },
	{ "D, steady", 3000, 3000, true, false, true, false },
};
enum { PILOT_COUNT = sizeof(PILOTS) / sizeof(PILOTS[0]), INPUT_BITS = 7, INPUT_COUNT = PILOT_COUNT << INPUT_BITS };

/** The specification: ages of what has happened, in periods, and the fault that is latched. */
struct history {
	uint16_t since_energy_request;
	uint16_t since_renewal;
	uint16_t since_match;
	bool was_requested;
	bool was_closed;
	bool is_residual_latched, is_weld_latched;
};

struct state {
	struct guard guard;
	struct history history;
};

static struct state states[MAX_STATES];
/** From which state and by which input each was reached first. */
static uint32_t parents[MAX_STATES];
static uint16_t causes[MAX_STATES];
static uint32_t count;
static uint32_t hashes[HASH_SIZE];

static uint64_t key_of(const struct state *state)
{
	const struct guard *g = &state->guard;
	const struct history *h = &state->history;
	uint64_t key = g->latched;
	key = key << 1 | g->is_closed;
	key = key << 1 | g->was_requested;
	key = key << 4 | g->pilot_ticks;
	key = key << 9 | g->lease_ticks;
	key = key << 5 | g->mismatch_ticks;
	key = key << 4 | h->since_energy_request;
	key = key << 9 | h->since_renewal;
	key = key << 5 | h->since_match;
	return key << 4 | (uint64_t)(h->was_requested << 3 | h->was_closed << 2 | h->is_residual_latched << 1 | h->is_weld_latched);
}

/** Adds a state, unless it is known. */
static void add(const struct state *state, uint32_t parent, uint16_t cause)
{
	uint64_t key = key_of(state);
	uint32_t at = (uint32_t)((key * 0x9e3779b97f4a7c15u) >> (64 - HASH_BITS));
	for (; hashes[at] != 0; at = (at + 1) % HASH_SIZE) {
		if (key_of(&states[hashes[at] - 1]) == key)
			return;
	}
	if (count == MAX_STATES) {
		printf("more than %d states\n", MAX_STATES);
		exit(2);
	}
	states[count] = *state;
	parents[count] = parent;
	causes[count] = cause;
	hashes[at] = ++count;
}

static struct guard_inputs inputs_of(int number)
{
	const struct pilot *pilot = &PILOTS[number >> INPUT_BITS];
	return (struct guard_inputs){
		.high_mv = pilot->high_mv,
		.low_mv = pilot->low_mv,
		.is_steady = pilot->is_steady,
		.is_requested = number & 1,
		.is_renewed = number & 2,
		.is_acknowledged = number & 4,
		.has_residual_current = number & 8,
		.is_feedback_closed = number & 16,
		.is_too_hot = number & 32,
		.is_testing = number & 64,
	};
}

static void print_step(int number)
{
	static const char *const NAMES[] = { "request", "renew", "acknowledge", "residual current", "feedback closed", "too hot",
		"testing" };
	printf("  pilot %s", PILOTS[number >> INPUT_BITS].name);
	for (int i = 0; i < INPUT_BITS; i++) {
		if (number >> i & 1)
			printf(", %s", NAMES[i]);
	}
	printf("\n");
}

static void print_sequence(uint32_t state)
{
	if (state == 0)
		return;
	print_sequence(parents[state]);
	print_step(causes[state]);
}

static uint16_t older(uint16_t age, uint16_t limit)
{
	return age < limit ? (uint16_t)(age + 1) : limit;
}

/** Returns the property that a step breaks; NULL for none. Updates the history. */
static const char *check(struct history *h, const struct guard_options *o, int number, struct guard_outputs out)
{
	const struct pilot *pilot = &PILOTS[number >> INPUT_BITS];
	struct guard_inputs in = inputs_of(number);
	bool requests_energy = pilot->is_c || (pilot->is_d && o->allows_ventilation);
	bool has_residual = o->has_residual_current && in.has_residual_current && !in.is_testing;
	bool is_hot = o->has_cut_off && in.is_too_hot;
	bool is_matched = !o->has_feedback || in.is_feedback_closed == h->was_closed;
	bool is_new_request = in.is_requested && !h->was_requested;
	bool is_closed = out.is_contactor_closed;
	bool was_closed = h->was_closed;

	h->since_energy_request = requests_energy ? 0 : older(h->since_energy_request, GUARD_PILOT_TICKS);
	h->since_renewal = in.is_renewed || is_new_request ? 0 : older(h->since_renewal, GUARD_LEASE_TICKS);
	h->since_match = is_matched ? 0 : older(h->since_match, GUARD_FEEDBACK_TICKS);
	bool is_mismatched = h->since_match >= GUARD_FEEDBACK_TICKS;
	bool is_welded = is_mismatched && !was_closed;
	if (in.is_acknowledged && !has_residual && is_matched)
		h->is_residual_latched = h->is_weld_latched = false;
	h->is_weld_latched |= is_welded;
	h->is_residual_latched |= has_residual && !is_welded && !h->is_weld_latched;
	if (h->is_weld_latched)
		h->is_residual_latched = false;
	bool is_latched = h->is_weld_latched || h->is_residual_latched;
	bool has_to_open = has_residual || in.is_testing || is_hot || is_mismatched || h->since_energy_request >= GUARD_PILOT_TICKS ||
		h->since_renewal >= GUARD_LEASE_TICKS;
	bool may_close = is_new_request && requests_energy && pilot->has_diode && !has_residual && !in.is_testing && !is_hot &&
		!is_latched && !is_mismatched && !(o->has_feedback && in.is_feedback_closed);
	h->was_requested = in.is_requested;
	h->was_closed = is_closed;
	if (is_closed != was_closed)
		h->since_match = 0;

	if (is_closed && !in.is_requested)
		return "closed implies that the engine requests it";
	if (is_closed && h->since_energy_request >= GUARD_PILOT_TICKS)
		return "closed implies that the pilot was in C or D within the last 4 measurements";
	if (is_closed && h->since_renewal >= GUARD_LEASE_TICKS)
		return "closed implies a lease younger than its limit";
	if (is_closed && o->has_residual_current && in.has_residual_current)
		return "closed implies no residual current";
	if (is_closed && in.is_testing)
		return "testing implies open";
	if (is_closed && is_hot)
		return "closed implies that the temperature cut-off is closed";
	if (is_closed && was_closed && is_mismatched)
		return "closed implies that the feedback has matched within its limit";
	if (is_closed && is_latched)
		return "closed implies no latched fault";
	if (is_closed && !was_closed && !may_close)
		return "it closes only at a new request, with C or D behind a diode, an open feedback and no fault";
	if (!is_closed && !was_closed && may_close)
		return "it closes when it may";
	if (!is_closed && was_closed && in.is_requested && !has_to_open)
		return "it opens only for a reason";
	bool has_to_tell = was_closed ? has_to_open : is_new_request && !may_close;
	if ((out.reason != GUARD_NONE) != has_to_tell && (in.is_requested || !was_closed) && !is_latched)
		return "it tells the reason when it opens, or does not close";
	if (out.is_unavailable != is_latched)
		return "the pilot is at -12 V while a fault is latched, and only then";
	if (out.is_shunt_tripped != (o->has_shunt_trip && h->is_weld_latched))
		return "the shunt trip is driven while a contactor that did not open is latched, and only then";
	return NULL;
}

static void start(struct guard_options options)
{
	struct state first;
	memset(&first, 0, sizeof(first));
	memset(hashes, 0, sizeof(hashes));
	count = 0;
	guard_init(&first.guard, options);
	first.history = (struct history){
		.since_energy_request = GUARD_PILOT_TICKS,
		.since_renewal = GUARD_LEASE_TICKS,
		.was_requested = true,
	};
	add(&first, 0, 0);
}

/** Explores one wiring. Returns the number of steps. */
static uint64_t explore(struct guard_options options)
{
	uint64_t steps = 0;
	start(options);
	for (uint32_t i = 0; i < count; i++) {
		for (int number = 0; number < INPUT_COUNT; number++) {
			struct state next = states[i];
			struct guard_inputs inputs = inputs_of(number);
			struct guard_outputs outputs = guard_step(&next.guard, &inputs);
			const char *broken = check(&next.history, &options, number, outputs);
			if (broken) {
				printf("broken: %s\n", broken);
				print_sequence(i);
				print_step(number);
				exit(1);
			}
			add(&next, i, (uint16_t)number);
			steps++;
		}
	}
	return steps;
}

int main(int argc, char **argv)
{
	int first = argc > 1 ? atoi(argv[1]) : 0;
	int wirings = argc > 2 ? atoi(argv[2]) : WIRINGS;
	uint64_t all_states = 0, all_steps = 0;
	for (int wiring = first; wiring < first + wirings; wiring++) {
		struct guard_options options = {
			.has_feedback = wiring & 1,
			.has_residual_current = wiring & 2,
			.has_cut_off = wiring & 4,
			.has_shunt_trip = wiring & 8,
			.allows_ventilation = wiring & 16,
		};
		all_steps += explore(options);
		all_states += count;
	}
	printf("%d wirings, %llu states, %llu steps, 14 properties\n", wirings, (unsigned long long)all_states,
		(unsigned long long)all_steps);
	return 0;
}
