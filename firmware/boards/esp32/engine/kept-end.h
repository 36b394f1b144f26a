/*
 * How a run of the firmware ended, in memory that a restart does not clear. It needs neither the chip nor the engine, and
 * allocates nothing.
 */

#pragma once

#include <stdint.h>

enum {
	/** Longest reason with its terminator. A longer one is cut. */
	KEPT_TEXT_BYTES = 200,
};

enum kept_type {
	/** Nothing is kept. */
	KEPT_NONE,
	KEPT_RESTART,
	KEPT_CRASH,
};

struct kept_end {
	uint32_t magic;
	/** Checksum of what follows. After a power cut the memory has random contents. */
	uint32_t check;
	uint32_t type;
	char text[KEPT_TEXT_BYTES];
};

/** Keeps the type and the reason, UTF-8. */
void keep_end(struct kept_end *kept, enum kept_type type, const char *text);

/** Returns the type, and deletes it. The reason stays readable. */
enum kept_type take_end(struct kept_end *kept);

/** Returns why the engine aborts, by its status (`XS_…_EXIT` in xsCommon.h of the Moddable SDK 8.2.3). */
const char *abort_reason(int status);
