/*
 * Runs a fuzz target without a fuzzer, with any compiler.
 *
 *   fuzz CORPUS                 runs the target with each input of a file: a line each, in hexadecimal
 *   fuzz CORPUS COUNT SEED      then with COUNT inputs that are made of these by changes
 *
 * The input of a failure is printed in hexadecimal, with its line or seed.
 */

#include "target.h"

#include <signal.h>
#include <unistd.h>

#include <sanitizer/common_interface_defs.h>

enum { INPUT_BYTES = 4096, INPUTS = 1000, CHANGES = 8 };

static struct input corpus[INPUTS];
static size_t corpus_count;

/** The present input, and where it is from. */
static const uint8_t *present_bytes;
static size_t present_length;
static char present_name[200];

static void report(void)
{
	fprintf(stderr, "failing input: %s\n", present_name);
	for (size_t i = 0; i < present_length; i++)
		fprintf(stderr, "%02x", present_bytes[i]);
	fputc('\n', stderr);
}

static void report_abort(int number)
{
	(void)number;
	report();
	_exit(1);
}

static void run(const uint8_t *bytes, size_t length)
{
	/* A copy of the exact length: the sanitizer reports a read beyond it. */
	uint8_t *copy = malloc(length > 0 ? length : 1);
	if (length > 0)
		memcpy(copy, bytes, length);
	present_bytes = copy;
	present_length = length;
	LLVMFuzzerTestOneInput(copy, length);
	free(copy);
	present_length = 0;
}

static void run_corpus(const char *name)
{
	static char line[2 * INPUT_BYTES + 2];
	static uint8_t bytes[INPUT_BYTES];
	FILE *file = fopen(name, "r");
	EXPECT(file != NULL);
	while (fgets(line, sizeof line, file)) {
		size_t length = 0;
		unsigned byte;
		while (sscanf(line + 2 * length, "%2x", &byte) == 1)
			bytes[length++] = (uint8_t)byte;
		EXPECT(corpus_count < INPUTS);
		uint8_t *copy = malloc(length + 1);
		memcpy(copy, bytes, length);
		corpus[corpus_count++] = (struct input){ copy, length };
		snprintf(present_name, sizeof present_name, "line %zu of %s", corpus_count, name);
		run(copy, length);
	}
	fclose(file);
	EXPECT(corpus_count > 0);
}

/* Random inputs */

static uint64_t state;

static uint32_t random_below(size_t limit)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((state >> 33) % limit);
}

/** Moves the end of an input from `from` to `to`, as far as there is room. Returns the new length. */
static size_t move_rest(uint8_t *bytes, size_t length, size_t from, size_t to)
{
	size_t rest = length - from;
	if (to + rest > INPUT_BYTES)
		rest = INPUT_BYTES - to;
	memmove(bytes + to, bytes + from, rest);
	return to + rest;
}

static size_t change(uint8_t *bytes, size_t length)
{
	size_t at = random_below(length + 1);
	const struct input *other = &corpus[random_below(corpus_count)];
	switch (random_below(6)) {
	case 0:
		if (at < length)
			bytes[at] ^= (uint8_t)(1u << random_below(8));
		return length;
	case 1:
		if (at < length)
			bytes[at] = (uint8_t)random_below(256);
		return length;
	case 2: {
		size_t count = 1 + random_below(8);
		size_t longer = move_rest(bytes, length, at, at + count < INPUT_BYTES ? at + count : INPUT_BYTES);
		for (size_t i = at; i < at + count && i < longer; i++)
			bytes[i] = (uint8_t)random_below(256);
		return longer;
	}
	case 3:
		return move_rest(bytes, length, at + random_below(length - at + 1), at);
	case 4: {
		/* The rest comes from another input. */
		size_t from = random_below(other->length + 1);
		size_t count = other->length - from;
		if (at + count > INPUT_BYTES)
			count = INPUT_BYTES - at;
		memcpy(bytes + at, other->bytes + from, count);
		return at + count;
	}
	default:
		return random_below(16) == 0 ? at : length;
	}
}

static void run_random(long count, long seed)
{
	static uint8_t bytes[INPUT_BYTES];
	for (long i = 0; i < count; i++) {
		snprintf(present_name, sizeof present_name, "seed %ld, input %ld", seed, i);
		state = (uint64_t)seed << 32 | (uint64_t)i;
		random_below(2);
		const struct input *first = &corpus[random_below(corpus_count)];
		size_t length = first->length;
		if (length > 0)
			memcpy(bytes, first->bytes, length);
		for (uint32_t left = 1 + random_below(CHANGES); left > 0; left--)
			length = change(bytes, length);
		run(bytes, length);
	}
}

int main(int argument_count, char **arguments)
{
	EXPECT(argument_count == 2 || argument_count == 4);
	__sanitizer_set_death_callback(report);
	signal(SIGABRT, report_abort);
	run_corpus(arguments[1]);
	long count = argument_count == 4 ? atol(arguments[2]) : 0;
	if (count > 0)
		run_random(count, atol(arguments[3]));
	for (size_t i = 0; i < corpus_count; i++)
		free((void *)corpus[i].bytes);
	printf("%ld inputs\n", (long)corpus_count + count);
	return 0;
}
