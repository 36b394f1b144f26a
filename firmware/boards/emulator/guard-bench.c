/*
 * The vehicle of the emulated chip, for firmware/boards/emulator/native.ts. The engine can set its voltages in advance, so
 * that a vehicle leaves while the engine is busy.
 */

#include "guard-bench.h"

#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include "esp_attr.h"
#include "esp_timer.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"

enum { COMPUTE_STACK_BYTES = 1024 };

static portMUX_TYPE mutex = portMUX_INITIALIZER_UNLOCKED;
static int16_t voltages_mv[2] = { -12000, 12000 };
/** Voltages from a time on, µs since the start. */
static int16_t next_mv[2] = { -12000, 12000 };
static int64_t change_us, opened_us;
static bool is_contactor_closed;
static volatile bool is_halted;

IRAM_ATTR int32_t guard_bench_mv(bool is_high)
{
	bool is_changed = esp_timer_get_time() >= change_us;
	return is_changed ? next_mv[is_high] : voltages_mv[is_high];
}

IRAM_ATTR void guard_bench_set_contactor(bool is_closed)
{
	if (is_contactor_closed && !is_closed)
		opened_us = esp_timer_get_time();
	is_contactor_closed = is_closed;
}

/** Sets the voltages of the pilot after a time: highest mV, lowest mV, ms. */
void xs_bench_setPilot(xsMachine *the)
{
	int64_t now_us = esp_timer_get_time();
	portENTER_CRITICAL(&mutex);
	for (int i = 0; i < 2; i++) {
		if (now_us >= change_us)
			voltages_mv[i] = next_mv[i];
		next_mv[i] = (int16_t)xsmcToInteger(xsArg(1 - i));
	}
	change_us = now_us + 1000ll * xsmcToInteger(xsArg(2));
	portEXIT_CRITICAL(&mutex);
}

/** Computes while the engine's task is halted. The time of an idle emulator depends on the computer. */
static void compute(void *unused)
{
	(void)unused;
	while (is_halted)
		;
	vTaskDelete(NULL);
}

/** Halts the engine's task for a time, ms. The others run. */
void xs_bench_halt(xsMachine *the)
{
	is_halted = true;
	xTaskCreate(compute, "bench", COMPUTE_STACK_BYTES, NULL, tskIDLE_PRIORITY + 1, NULL);
	vTaskDelay(pdMS_TO_TICKS(xsmcToInteger(xsArg(0))));
	is_halted = false;
}

void xs_bench_isContactorClosed(xsMachine *the)
{
	xsmcSetInteger(xsResult, is_contactor_closed);
}

/** Returns the time from the latest change of the voltages to the latest opening, ms; negative if it opened before. */
void xs_bench_openedAfter(xsMachine *the)
{
	xsmcSetInteger(xsResult, (int)((opened_us - change_us) / 1000));
}
