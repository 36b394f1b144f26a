/** Functions of engine.c for abort.c. */

#pragma once

#include <stdbool.h>

/** Keeps the reason of an abort for the next run, and writes it to the log. */
void engine_keep_abort(void *the, int status);

/** Restarts the chip. */
_Noreturn void engine_restart(void);
