/*
 * Replaces the engine's `fxAbort`, which calls a function in JavaScript: with a full memory that aborts again, until the
 * native stack is full. `defines.plugpass.abort` of manifests/chip.json makes the engine's own weak. This file
 * includes no header of the engine, because those have the same pragma.
 */

#include "engine.h"

void fxAbort(void *the, int status)
{
	static bool is_aborting;
	/* An abort while the first one is described restarts at once, with the first one's reason. */
	if (!is_aborting) {
		is_aborting = true;
		engine_keep_abort(the, status);
	}
	engine_restart();
}
