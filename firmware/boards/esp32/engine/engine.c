/*
 * The engine's memory, and the reason for the end of a run, for firmware/boards/esp32/engine/native.ts.
 */

#include "xsAll.h"

#include "esp_attr.h"
#include "esp_heap_caps.h"
#include "esp_system.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"

#include "engine.h"
#include "kept-end.h"

/** Survives every reset but a loss of power. */
static RTC_NOINIT_ATTR struct kept_end kept;

/** Returns the message of the exception that nobody has caught. It calls no code of the engine, and allocates nothing. */
static const char *exception_message(txMachine *the)
{
	if (mxException.kind != XS_REFERENCE_KIND)
		return "";
	for (txSlot *slot = mxException.value.reference->next; slot != NULL; slot = slot->next) {
		if (slot->ID == mxID(_message) && (slot->kind == XS_STRING_KIND || slot->kind == XS_STRING_X_KIND))
			return slot->value.string;
	}
	return "";
}

void engine_keep_abort(void *machine, int status)
{
	txMachine *the = machine;
	/* Longer than what is kept, so that keep_end cuts it, and no character in two. */
	static char text[KEPT_TEXT_BYTES + 4];
	const char *reason = abort_reason(status);
	keep_end(&kept, KEPT_CRASH, reason);
	if (status == XS_UNHANDLED_EXCEPTION_EXIT)
		c_snprintf(text, sizeof(text), "%s: %s", reason, exception_message(the));
	else
		c_snprintf(text, sizeof(text), "%s (%d slots, %d bytes of chunks)", reason, (int)the->currentHeapCount,
			(int)the->currentChunksSize);
	keep_end(&kept, KEPT_CRASH, text);
	c_printf("crashed: %s\n", text);
}

void engine_restart(void)
{
	esp_restart();
}

/* Functions of native.ts */

void xs_engine_keepEnd(txMachine *the)
{
	keep_end(&kept, (enum kept_type)fxToInteger(the, mxArgv(0)), fxToString(the, mxArgv(1)));
}

void xs_engine_takeEnd(txMachine *the)
{
	fxInteger(the, mxResult, (txInteger)take_end(&kept));
}

void xs_engine_endReason(txMachine *the)
{
	fxString(the, mxResult, kept.text);
}

/** Measurements, as in memory.ts. */
enum { HEAP_FREE, HEAP_LOWEST, HEAP_BLOCK, ENGINE_SIZE, ENGINE_USED, ENGINE_UNTOUCHED, ENGINE_ROOM, TASK_STACK_LOWEST };

static int engine_used_bytes(txMachine *the)
{
	return (int)((char *)the->stackTop - (char *)the->stackBottom) + (int)(the->currentHeapCount * sizeof(txSlot))
		+ (int)the->currentChunksSize;
}

/** The pool begins with the chunks and ends with the stack; without a pool, the size of all blocks. */
static int engine_size_bytes(txMachine *the)
{
	if (the->heap != NULL)
		return (int)((uint8_t *)the->stackTop - the->heap);
	return (int)((char *)the->stackTop - (char *)the->stackBottom) + (int)(the->maximumHeapCount * sizeof(txSlot))
		+ (int)the->maximumChunksSize;
}

static int untouched_bytes(txMachine *the)
{
	return the->heap == NULL ? 0 : (int)(the->heap_pend - the->heap_ptr);
}

/** Room for slots or for chunks, whichever is smaller. Free slots are no room for chunks, nor chunks for slots. */
static int engine_room_bytes(txMachine *the)
{
	int slots = (int)((the->maximumHeapCount - the->currentHeapCount) * sizeof(txSlot));
	int chunks = (int)(the->maximumChunksSize - the->currentChunksSize);
	int blocks = the->heap == NULL ? (int)heap_caps_get_largest_free_block(MALLOC_CAP_DEFAULT) : untouched_bytes(the);
	return blocks + (slots < chunks ? slots : chunks);
}

void xs_engine_collect(txMachine *the)
{
	fxCollectGarbage(the);
}

void xs_engine_memory(txMachine *the)
{
	int bytes = 0;
	switch (fxToInteger(the, mxArgv(0))) {
	case HEAP_FREE:
		bytes = (int)esp_get_free_heap_size();
		break;
	case HEAP_LOWEST:
		bytes = (int)esp_get_minimum_free_heap_size();
		break;
	case HEAP_BLOCK:
		bytes = (int)heap_caps_get_largest_free_block(MALLOC_CAP_DEFAULT);
		break;
	case ENGINE_SIZE:
		bytes = engine_size_bytes(the);
		break;
	case ENGINE_USED:
		bytes = engine_used_bytes(the);
		break;
	case ENGINE_UNTOUCHED:
		bytes = untouched_bytes(the);
		break;
	case TASK_STACK_LOWEST:
		bytes = (int)uxTaskGetStackHighWaterMark(NULL);
		break;
	case ENGINE_ROOM:
		bytes = engine_room_bytes(the);
		break;
	}
	fxInteger(the, mxResult, bytes);
}
