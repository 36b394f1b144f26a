/* Tests of kept-end.c and abort.c on the host. Each failure ends the process with the line. */

#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "kept-end.h"
#include "../expect.test.h"

extern void fxAbort(void *the, int status);

static struct kept_end kept;
static int kept_aborts;

/** As the engine's, which may abort again while it describes the abort. */
void engine_keep_abort(void *the, int status)
{
	kept_aborts++;
	keep_end(&kept, KEPT_CRASH, abort_reason(status));
	fxAbort(the, 0);
}

void engine_restart(void)
{
	EXPECT(kept_aborts == 1);
	EXPECT(take_end(&kept) == KEPT_CRASH);
	EXPECT(strcmp(kept.text, "the engine's memory is full") == 0);
	exit(0);
}

static void memory_of_any_contents_keeps_nothing(void)
{
	for (int seed = 0; seed < 1000; seed++) {
		uint8_t *bytes = (uint8_t *)&kept;
		for (size_t i = 0; i < sizeof(kept); i++)
			bytes[i] = (uint8_t)rand();
		EXPECT(take_end(&kept) == KEPT_NONE);
	}
}

static void an_end_is_returned_once(void)
{
	keep_end(&kept, KEPT_RESTART, "an update was installed");
	EXPECT(take_end(&kept) == KEPT_RESTART);
	EXPECT(strcmp(kept.text, "an update was installed") == 0);
	EXPECT(take_end(&kept) == KEPT_NONE);
}

static void a_changed_byte_is_detected(void)
{
	for (size_t i = 0; i < sizeof(kept); i++) {
		keep_end(&kept, KEPT_CRASH, "reason");
		((uint8_t *)&kept)[i] ^= 0x10;
		EXPECT(take_end(&kept) == KEPT_NONE);
	}
}

static void a_long_reason_is_cut_between_characters(void)
{
	char text[2 * KEPT_TEXT_BYTES];
	for (size_t lead = 0; lead < 4; lead++) {
		memset(text, 'a', lead);
		for (size_t i = lead; i + 3 < sizeof(text); i += 3)
			memcpy(text + i, "\xe2\x82\xac", 4);
		keep_end(&kept, KEPT_CRASH, text);
		size_t length = strlen(kept.text);
		EXPECT(length < KEPT_TEXT_BYTES && length >= KEPT_TEXT_BYTES - 4);
		EXPECT((length - lead) % 3 == 0);
		EXPECT(take_end(&kept) == KEPT_CRASH);
	}
}

static void every_status_has_a_reason(void)
{
	for (int status = -1; status < 12; status++)
		EXPECT(strlen(abort_reason(status)) > 0);
	EXPECT(strcmp(abort_reason(2), "the engine's stack is full") == 0);
}

int main(void)
{
	memory_of_any_contents_keeps_nothing();
	an_end_is_returned_once();
	a_changed_byte_is_detected();
	a_long_reason_is_cut_between_characters();
	every_status_has_a_reason();
	/* Ends in engine_restart. */
	fxAbort(NULL, 1);
	return 1;
}
