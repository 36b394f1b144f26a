/* Interface between a fuzz target and the program that runs it: libFuzzer, or main.c. */

#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/** Ends the process with the line and the condition that failed. The runner prints the input. */
#define EXPECT(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

/** The rest of an input, which a target reads as instructions. */
struct input {
	const uint8_t *bytes;
	size_t length;
};

/** Takes a byte; 0 after the end. */
static inline uint8_t take_byte(struct input *input)
{
	if (input->length == 0)
		return 0;
	input->length--;
	return *input->bytes++;
}

static inline size_t take_number(struct input *input)
{
	size_t high = take_byte(input);
	return high << 8 | take_byte(input);
}

/** Takes up to a number of bytes. They stay where they are. */
static inline struct input take_bytes(struct input *input, size_t length)
{
	struct input taken = { input->bytes, length < input->length ? length : input->length };
	input->bytes += taken.length;
	input->length -= taken.length;
	return taken;
}
