/*
 * The reason of a restart in memory that is not cleared. An input is a reason, then changes of the memory, as a power cut
 * leaves it.
 */

#include "kept-end.h"
#include "target.h"

/** Whether a text is UTF-8 up to the last character, which may be incomplete. */
static int is_text(const uint8_t *text, size_t length, int may_be_cut)
{
	for (size_t i = 0; i < length;) {
		size_t bytes = text[i] < 0x80 ? 1 : text[i] < 0xc2 ? 0 : text[i] < 0xe0 ? 2 : text[i] < 0xf0 ? 3
			: text[i] < 0xf5 ? 4 : 0;
		if (bytes == 0 || (i + bytes > length && !may_be_cut))
			return 0;
		for (size_t j = 1; j < bytes && i + j < length; j++) {
			if (text[i + j] >> 6 != 2)
				return 0;
		}
		i += bytes;
	}
	return 1;
}

/** Changes bytes of the memory. Returns whether it differs from before. */
static int change(struct kept_end *kept, struct input *input)
{
	struct kept_end before = *kept;
	while (input->length > 0) {
		size_t at = take_number(input) % sizeof *kept;
		((uint8_t *)kept)[at] = take_byte(input);
	}
	return memcmp(&before, kept, sizeof before) != 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct input input = { bytes, length };
	struct kept_end kept;
	memset(&kept, 0xa5, sizeof kept);
	enum kept_type type = take_byte(&input) & 1 ? KEPT_CRASH : KEPT_RESTART;
	struct input part = take_bytes(&input, take_number(&input) % (2 * KEPT_TEXT_BYTES));
	char *reason = calloc(1, part.length + 1);
	memcpy(reason, part.bytes, part.length);
	size_t reason_length = strlen(reason);

	keep_end(&kept, type, reason);
	EXPECT(memchr(kept.text, '\0', KEPT_TEXT_BYTES) != NULL);
	size_t kept_length = strlen(kept.text);
	EXPECT(memcmp(kept.text, reason, kept_length) == 0);
	EXPECT(reason_length >= KEPT_TEXT_BYTES || kept_length == reason_length);
	if (is_text((const uint8_t *)reason, reason_length, 0)) {
		EXPECT(is_text((const uint8_t *)kept.text, kept_length, 0));
		EXPECT(kept_length == reason_length || kept_length >= KEPT_TEXT_BYTES - 4);
	}

	struct kept_end copy = kept;
	EXPECT(take_end(&copy) == type && strcmp(copy.text, kept.text) == 0);
	EXPECT(take_end(&copy) == KEPT_NONE);
	/* A few changed bytes never have the checksum of 32 bits, unless an input was made for it. */
	struct kept_end original = kept;
	if (change(&kept, &input) && take_end(&kept) != KEPT_NONE)
		EXPECT(kept.check != original.check);
	EXPECT(strlen(abort_reason((int8_t)take_byte(&(struct input){ bytes, length }))) > 0);
	free(reason);
	return 0;
}
