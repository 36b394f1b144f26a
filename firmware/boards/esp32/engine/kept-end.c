#include "kept-end.h"

#include <stddef.h>

enum {
	MAGIC = 0x504c5547,
	FNV_PRIME = 16777619,
};

/** FNV-1a with 32 bits. */
static uint32_t check_of(const struct kept_end *kept)
{
	const uint8_t *bytes = (const uint8_t *)&kept->type;
	uint32_t check = 2166136261u;
	for (size_t i = 0; i < sizeof(*kept) - offsetof(struct kept_end, type); i++)
		check = (check ^ bytes[i]) * FNV_PRIME;
	return check;
}

static void copy_text(char *to, const char *text)
{
	size_t length = 0;
	while (length < KEPT_TEXT_BYTES - 1 && text[length] != '\0') {
		to[length] = text[length];
		length++;
	}
	/* Cuts no character in two. */
	while (length > 0 && ((uint8_t)text[length] & 0xc0) == 0x80)
		length--;
	while (length < KEPT_TEXT_BYTES)
		to[length++] = '\0';
}

void keep_end(struct kept_end *kept, enum kept_type type, const char *text)
{
	kept->type = (uint32_t)type;
	copy_text(kept->text, text);
	kept->check = check_of(kept);
	kept->magic = MAGIC;
}

enum kept_type take_end(struct kept_end *kept)
{
	if (kept->magic != MAGIC || kept->check != check_of(kept) || kept->type > KEPT_CRASH)
		return KEPT_NONE;
	kept->magic = 0;
	return (enum kept_type)kept->type;
}

const char *abort_reason(int status)
{
	static const char *const REASONS[] = {
		"the debugger ended the engine",
		"the engine's memory is full",
		"the engine's stack is full",
		"the engine found its memory inconsistent",
		"the engine reached code that is not in the image",
		"uncaught exception",
		"the engine has too many names",
		"the engine computed for too long",
		"unhandled rejection",
		"the native stack is full",
	};
	size_t count = sizeof(REASONS) / sizeof(REASONS[0]);
	return status >= 0 && (size_t)status < count ? REASONS[status] : "the engine aborted";
}
