/*
 * Decisions of the guard, which holds the contactor's pin below the engine. It may open the contactor, and never closes it
 * without a new request of the engine. It needs neither the chip nor the engine, allocates nothing, and uses no floats.
 * host-tests/virtual/board/guard-core.ts is its twin.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

/** Attribute of the code: on the chip it runs while the flash cannot be read. */
#ifndef GUARD_CODE
#define GUARD_CODE
#endif

/** Period of `guard_step`, ms. */
#define GUARD_PERIOD_MS 10

/*
 * Limits, in periods. The exploration of all states (guard-core.explore.c) replaces the two longer ones by shorter ones.
 */

/** Measurements in a row outside C and D that open the contactor: at most 40 ms after the pilot has left them. */
#define GUARD_PILOT_TICKS 4
/** Age of the lease that opens the contactor: 3 s. */
#ifndef GUARD_LEASE_TICKS
#define GUARD_LEASE_TICKS 300
#endif
/** Time for the feedback to match the command: 200 ms. A contactor switches within 50 ms, then its contact bounces. */
#ifndef GUARD_FEEDBACK_TICKS
#define GUARD_FEEDBACK_TICKS 20
#endif

/** Why the guard keeps the contactor open. The numbers are kept over a restart, and are those of contactor.ts. */
enum guard_reason {
	GUARD_NONE,
	/** The pilot is not in C or D, or at the request not measured under a square wave. */
	GUARD_PILOT,
	/** The engine has not renewed its lease. */
	GUARD_LEASE,
	GUARD_RESIDUAL_CURRENT,
	/** The temperature cut-off is open. */
	GUARD_TOO_HOT,
	/** The feedback reports a closed contactor, and the command is open. */
	GUARD_WELDED,
	/** The feedback reports an open contactor, and the command is closed. */
	GUARD_STUCK_OPEN,
	/** The engine is testing the residual current device. */
	GUARD_TESTING,
	GUARD_REASONS,
};

/** What is wired, and what is allowed. */
struct guard_options {
	bool has_feedback;
	bool has_residual_current;
	bool has_cut_off;
	bool has_shunt_trip;
	/** State D (ventilation required) may be supplied. */
	bool allows_ventilation;
};

/** Inputs of one period. */
struct guard_inputs {
	/** Highest and lowest voltage of the pilot in this period. */
	int16_t high_mv;
	int16_t low_mv;
	/** The generator is at a steady +12 V: the diode of the vehicle is not visible. */
	bool is_steady;
	/** The engine requests a closed contactor. */
	bool is_requested;
	/** The engine has renewed its lease since the last period. */
	bool is_renewed;
	/** The engine has acknowledged the latched fault since the last period. */
	bool is_acknowledged;
	bool has_residual_current;
	/** The engine is testing the residual current device: its current is no fault, and the contactor is open. */
	bool is_testing;
	/** The feedback contact reports a closed contactor. */
	bool is_feedback_closed;
	bool is_too_hot;
};

struct guard_outputs {
	bool is_contactor_closed;
	bool is_shunt_tripped;
	/** The pilot is to be at -12 V (state F) instead of the engine's duty: the station is unavailable. */
	bool is_unavailable;
	/** Why the contactor was opened, was not closed, or the station became unavailable in this period. */
	enum guard_reason reason;
};

struct guard {
	struct guard_options options;
	bool is_closed;
	bool was_requested;
	/** Measurements outside C and D in a row. */
	uint16_t pilot_ticks;
	uint16_t lease_ticks;
	/** Periods in which the feedback did not match the command in a row. */
	uint16_t mismatch_ticks;
	/** Fault that needs an acknowledgement: GUARD_RESIDUAL_CURRENT, GUARD_WELDED or GUARD_NONE. */
	enum guard_reason latched;
};

/** Starts with an open contactor. A first request has to come after a period without one. */
void guard_init(struct guard *guard, struct guard_options options);

/** Performs one period. */
struct guard_outputs guard_step(struct guard *guard, const struct guard_inputs *inputs);

/** A reason in memory that a restart does not clear. */
struct kept_reason {
	uint32_t value;
	/** Complement of the value. After a power cut the memory has random contents. */
	uint32_t check;
};

void guard_keep(struct kept_reason *kept, enum guard_reason reason);

/** Returns the kept reason, and deletes it. */
enum guard_reason guard_take(struct kept_reason *kept);
