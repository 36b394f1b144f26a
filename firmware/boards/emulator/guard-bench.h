/*
 * The vehicle of the emulated chip, for the guard in place of an ADC (firmware/boards/esp32/guard/guard.c). Both functions
 * are called in its interrupt.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

/** Returns the voltage of the pilot in the high or the low half of the generator's period, mV. */
int32_t guard_bench_mv(bool is_high);

/** Receives the state of the contactor's pin. */
void guard_bench_set_contactor(bool is_closed);
