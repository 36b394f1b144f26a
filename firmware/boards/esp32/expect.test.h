/* For the tests of C code on the host. */

#pragma once

#include <stdio.h>
#include <stdlib.h>

/** Ends the process with the line and the condition that failed. */
#define EXPECT(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
			exit(1); \
		} \
	} while (0)
