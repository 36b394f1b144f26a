/*
 * The guard on the chip, for firmware/boards/esp32/guard/native.ts. Its decisions are in guard-core.c.
 *
 * It runs in a timer's interrupt, which goes on while tasks wait, while the engine is busy or hangs, and while the flash is
 * erased: all of it is in IRAM, and what it calls (manifests, sdkconfig). It owns the pilot's generator and ADC, the
 * contactor's pin and the inputs. Generator and timer have the same crystal, so that a sample is always at the same
 * moment of the generator's period.
 */

#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"
#include "mc.defines.h"

#include <stdlib.h>

#include "driver/gpio.h"
#include "driver/gptimer.h"
#include "driver/ledc.h"
#include "esp_adc/adc_cali_scheme.h"
#include "esp_adc/adc_oneshot.h"
#include "esp_attr.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "hal/gpio_ll.h"

#if MODDEF_GUARD_BENCH
/* The emulated chip has no ADC. */
#include "../../emulator/guard-bench.h"
#endif

#define GUARD_CODE IRAM_ATTR
#include "guard-core.c"

enum {
	TICKS_PER_S = 1000000,
	PERIOD_US = GUARD_PERIOD_MS * 1000,
	GENERATOR_HZ = 1000,
	DUTY_BITS = LEDC_TIMER_10_BIT,
	STEADY_DUTY = 1 << DUTY_BITS,
	STEADY_PERMILLE = 1000,
	GENERATOR_TIMER = LEDC_TIMER_0,
	GENERATOR_CHANNEL = LEDC_CHANNEL_0,
	INTERRUPT_PRIORITY = 3,
	ADC_BITS = 12,
	/** Voltage of the ADC's highest reading at 12 dB, if the chip has no calibration, mV. */
	ADC_FULL_SCALE_MV = 2450,
	/** The calibration is a line between each of these readings, because its functions are in flash. */
	CALIBRATION_BITS = 5,
	CALIBRATION_POINTS = (1 << CALIBRATION_BITS) + 1,
	SEGMENT_BITS = ADC_BITS - CALIBRATION_BITS,
	/** Delay of an interrupt with which a sample still is in its half of the generator's period, µs. The shortest is 100 µs. */
	MAX_DELAY_US = 40,
	/** Periods of the guard until a new duty is measured: the generator changes between two of its own. */
	DUTY_PERIODS = 2,
	NO_PIN = -1,
	/** Change of a level that is reported, mV. Smaller ones are noise; the states are 3 V apart. */
	NOISE_MV = 500,
	/** Samples of another analog pin that are averaged. */
	ANALOG_SAMPLES = 16,
};

/** Moments of the samples, in µs of the guard's period: two periods of the generator, high and low. */
static DRAM_ATTR const uint16_t SAMPLES_US[] = { 50, 950, 1050, 1950 };
enum { SAMPLE_COUNT = sizeof(SAMPLES_US) / sizeof(SAMPLES_US[0]) };

/** Fields of the wiring, as in contactor.ts. The divider is in thousandths. */
enum field { GENERATOR_PIN, ADC_PIN, ZERO_MV, DIVIDER, CONTACTOR_PIN, FEEDBACK_PIN, RESIDUAL_PIN, CUT_OFF_PIN, SHUNT_PIN,
	FIELDS };

static struct {
	struct guard core;
	int32_t wiring[FIELDS];
	bool is_open;
	gptimer_handle_t timer;
	adc_channel_t channel;
	/** Time at which the present period began, and the number of its next sample. */
	uint64_t period_us;
	unsigned sample;
	/** What the samples of this period have shown. */
	int32_t high_mv, low_mv;
	bool is_high_seen, is_low_seen;
	/** Latest levels, and those that the engine knows. */
	int16_t levels_mv[2], reported_mv[2];
	/** Periods until a changed duty is measured. */
	int new_duty;
	uint16_t duty_permille;
	bool is_forced_negative;
	/** What the engine has asked for. */
	bool is_requested, is_renewed, is_acknowledged;
} chip;

/** Survives every reset but a loss of power. */
static RTC_NOINIT_ATTR struct kept_reason kept;
static portMUX_TYPE mutex = portMUX_INITIALIZER_UNLOCKED;
static adc_oneshot_unit_handle_t adc;
static int16_t calibration_mv[CALIBRATION_POINTS];

static GUARD_CODE int32_t millivolts_of(int reading)
{
	int segment = reading >> SEGMENT_BITS;
	int32_t from = calibration_mv[segment], to = calibration_mv[segment + 1];
	return from + (((to - from) * (reading & ((1 << SEGMENT_BITS) - 1))) >> SEGMENT_BITS);
}

/** Measures the pilot's voltage, mV. */
static GUARD_CODE int32_t pilot_mv(unsigned sample)
{
#if MODDEF_GUARD_BENCH
	bool is_low = chip.is_forced_negative || chip.duty_permille == 0;
	return guard_bench_mv(!is_low && (chip.duty_permille == STEADY_PERMILLE || sample % 2 == 0));
#else
	(void)sample;
	int reading = 0;
	adc_oneshot_read_isr(adc, chip.channel, &reading);
	return (millivolts_of(reading) - chip.wiring[ZERO_MV]) * chip.wiring[DIVIDER] / 1000;
#endif
}

static GUARD_CODE bool is_high(enum field pin)
{
	return chip.wiring[pin] != NO_PIN && gpio_ll_get_level(GPIO_LL_GET_HW(0), (uint32_t)chip.wiring[pin]);
}

static GUARD_CODE void set_pin(enum field pin, bool is_on)
{
	if (chip.wiring[pin] != NO_PIN)
		gpio_ll_set_level(GPIO_LL_GET_HW(0), (uint32_t)chip.wiring[pin], is_on);
}

/** Performs one step with these levels of the pilot. Called with the mutex. */
static GUARD_CODE void decide(int16_t high_mv, int16_t low_mv)
{
	struct guard_inputs inputs = {
		.high_mv = high_mv,
		.low_mv = low_mv,
		.is_steady = chip.duty_permille == STEADY_PERMILLE,
		.is_requested = chip.is_requested,
		.is_renewed = chip.is_renewed,
		.is_acknowledged = chip.is_acknowledged,
		.has_residual_current = is_high(RESIDUAL_PIN),
		.is_feedback_closed = !is_high(FEEDBACK_PIN),
		.is_too_hot = is_high(CUT_OFF_PIN),
	};
	struct guard_outputs outputs = guard_step(&chip.core, &inputs);
	chip.is_renewed = false;
	chip.is_acknowledged = false;
#if MODDEF_GUARD_BENCH
	guard_bench_set_contactor(outputs.is_contactor_closed);
#endif
	set_pin(CONTACTOR_PIN, outputs.is_contactor_closed);
	set_pin(SHUNT_PIN, outputs.is_shunt_tripped);
	if (outputs.is_unavailable && !chip.is_forced_negative)
		ledc_stop(LEDC_LOW_SPEED_MODE, GENERATOR_CHANNEL, 0);
	/* Its end needs functions in flash: poll() has them. */
	chip.is_forced_negative |= outputs.is_unavailable;
	if (outputs.reason != GUARD_NONE)
		guard_keep(&kept, outputs.reason);
}

/** Adds a sample to those of the period. */
static GUARD_CODE void add_sample(int32_t mv)
{
	bool is_first = !chip.is_high_seen && !chip.is_low_seen;
	if (is_first || mv > chip.high_mv)
		chip.high_mv = mv;
	if (is_first || mv < chip.low_mv)
		chip.low_mv = mv;
	if (chip.sample % 2 == 0)
		chip.is_high_seen = true;
	else
		chip.is_low_seen = true;
}

/** Ends the period. One that lacks a level counts as outside C and D; the engine keeps the levels before. */
static GUARD_CODE void end_period(void)
{
	bool is_whole = chip.is_high_seen && chip.is_low_seen;
	if (is_whole) {
		chip.levels_mv[0] = (int16_t)chip.high_mv;
		chip.levels_mv[1] = (int16_t)chip.low_mv;
		if (chip.new_duty > 0)
			chip.new_duty--;
	}
	decide(is_whole ? chip.levels_mv[0] : 0, is_whole ? chip.levels_mv[1] : 0);
	chip.is_high_seen = chip.is_low_seen = false;
	chip.period_us += PERIOD_US;
	chip.sample = 0;
}

/** Whether a sample that is taken now still is in its half of the generator's period. */
static GUARD_CODE bool is_in_time(uint64_t now_us)
{
#if MODDEF_GUARD_BENCH
	/* The emulator is as late as the computer lets it be. The bench has the level of the sample's number. */
	(void)now_us;
	return true;
#else
	/* A steady generator has the same level at each moment. */
	bool is_square = chip.duty_permille > 0 && chip.duty_permille < STEADY_PERMILLE;
	return !is_square || now_us - chip.period_us - SAMPLES_US[chip.sample] <= MAX_DELAY_US;
#endif
}

/** Takes the sample that is due, and sets the alarm for the next one. */
static GUARD_CODE bool on_alarm(gptimer_handle_t timer, const gptimer_alarm_event_data_t *event, void *context)
{
	(void)context;
	uint64_t now_us = event->count_value;
	portENTER_CRITICAL_ISR(&mutex);
	if (is_in_time(now_us))
		add_sample(pilot_mv(chip.sample));
	chip.sample++;
	/* The interrupt may have been held for longer than a period. */
	while (chip.sample < SAMPLE_COUNT && chip.period_us + SAMPLES_US[chip.sample] <= now_us)
		chip.sample++;
	if (chip.sample == SAMPLE_COUNT)
		end_period();
	while (chip.period_us + PERIOD_US <= now_us)
		end_period();
	uint64_t next_us = chip.period_us + SAMPLES_US[chip.sample];
	portEXIT_CRITICAL_ISR(&mutex);
	gptimer_alarm_config_t alarm = { .alarm_count = next_us };
	gptimer_set_alarm_action(timer, &alarm);
	return false;
}

/* Start */

static void fail(xsMachine *the, const char *what, esp_err_t error)
{
	if (error != ESP_OK)
		xsUnknownError((char *)what);
}

static void start_adc(xsMachine *the)
{
	if (adc != NULL)
		return;
	adc_oneshot_unit_init_cfg_t unit = { .unit_id = ADC_UNIT_1 };
	fail(the, "no ADC", adc_oneshot_new_unit(&unit, &adc));
	adc_cali_handle_t calibration = NULL;
#if ADC_CALI_SCHEME_CURVE_FITTING_SUPPORTED
	adc_cali_curve_fitting_config_t scheme = { .unit_id = ADC_UNIT_1, .atten = ADC_ATTEN_DB_12, .bitwidth = ADC_BITS };
	bool is_calibrated = adc_cali_create_scheme_curve_fitting(&scheme, &calibration) == ESP_OK;
#else
	adc_cali_line_fitting_config_t scheme = { .unit_id = ADC_UNIT_1, .atten = ADC_ATTEN_DB_12, .bitwidth = ADC_BITS };
	bool is_calibrated = adc_cali_create_scheme_line_fitting(&scheme, &calibration) == ESP_OK;
#endif
	for (int i = 0; i < CALIBRATION_POINTS; i++) {
		int reading = i == CALIBRATION_POINTS - 1 ? (1 << ADC_BITS) - 1 : i << SEGMENT_BITS;
		int mv = reading * ADC_FULL_SCALE_MV >> ADC_BITS;
		if (is_calibrated)
			adc_cali_raw_to_voltage(calibration, reading, &mv);
		calibration_mv[i] = (int16_t)mv;
	}
}

static adc_channel_t open_channel(xsMachine *the, int pin)
{
	adc_unit_t unit;
	adc_channel_t channel;
	start_adc(the);
	fail(the, "no analog pin", adc_oneshot_io_to_channel(pin, &unit, &channel));
	adc_oneshot_chan_cfg_t config = { .atten = ADC_ATTEN_DB_12, .bitwidth = ADC_BITS };
	fail(the, "no analog pin", adc_oneshot_config_channel(adc, channel, &config));
	return channel;
}

static void open_pin(enum field pin, gpio_mode_t mode)
{
	if (chip.wiring[pin] == NO_PIN)
		return;
	gpio_config_t config = {
		.pin_bit_mask = 1ull << chip.wiring[pin],
		.mode = mode,
		.pull_up_en = mode == GPIO_MODE_INPUT ? GPIO_PULLUP_ENABLE : GPIO_PULLUP_DISABLE,
	};
	set_pin(pin, false);
	gpio_config(&config);
}

static void start_generator(xsMachine *the)
{
	ledc_timer_config_t timer = {
		.speed_mode = LEDC_LOW_SPEED_MODE,
		.duty_resolution = DUTY_BITS,
		.timer_num = GENERATOR_TIMER,
		.freq_hz = GENERATOR_HZ,
		.clk_cfg = LEDC_AUTO_CLK,
	};
	ledc_channel_config_t channel = {
		.gpio_num = chip.wiring[GENERATOR_PIN],
		.speed_mode = LEDC_LOW_SPEED_MODE,
		.channel = GENERATOR_CHANNEL,
		.timer_sel = GENERATOR_TIMER,
		.duty = STEADY_DUTY,
	};
	fail(the, "no generator", ledc_timer_config(&timer));
	fail(the, "no generator", ledc_channel_config(&channel));
	chip.duty_permille = STEADY_PERMILLE;
	chip.new_duty = DUTY_PERIODS;
}

/** Sets the generator to the engine's duty. The duty must not offer more current than requested: it is rounded down. */
static void apply_duty(void)
{
	uint32_t duty = (uint32_t)chip.duty_permille * (STEADY_DUTY - 1) / STEADY_PERMILLE;
	if (chip.duty_permille == STEADY_PERMILLE)
		duty = STEADY_DUTY;
	ledc_set_duty(LEDC_LOW_SPEED_MODE, GENERATOR_CHANNEL, duty);
	ledc_update_duty(LEDC_LOW_SPEED_MODE, GENERATOR_CHANNEL);
}

static void start_timer(xsMachine *the)
{
	gptimer_config_t config = {
		.clk_src = GPTIMER_CLK_SRC_DEFAULT,
		.direction = GPTIMER_COUNT_UP,
		.resolution_hz = TICKS_PER_S,
		.intr_priority = INTERRUPT_PRIORITY,
	};
	gptimer_event_callbacks_t callbacks = { .on_alarm = on_alarm };
	gptimer_alarm_config_t alarm = { .alarm_count = SAMPLES_US[0] };
	fail(the, "no timer", gptimer_new_timer(&config, &chip.timer));
	fail(the, "no timer", gptimer_register_event_callbacks(chip.timer, &callbacks, NULL));
	fail(the, "no timer", gptimer_set_alarm_action(chip.timer, &alarm));
	fail(the, "no timer", gptimer_enable(chip.timer));
	/* The timer starts with a period of the generator. */
	portENTER_CRITICAL(&mutex);
	ledc_timer_rst(LEDC_LOW_SPEED_MODE, GENERATOR_TIMER);
	esp_err_t error = gptimer_start(chip.timer);
	portEXIT_CRITICAL(&mutex);
	fail(the, "no timer", error);
}

/* Functions of native.ts */

void xs_guard_start(xsMachine *the)
{
	if (chip.is_open)
		return;
	xsmcVars(1);
	for (int i = 0; i < FIELDS; i++) {
		xsmcGetIndex(xsVar(0), xsArg(0), i);
		chip.wiring[i] = xsmcToInteger(xsVar(0));
	}
	open_pin(CONTACTOR_PIN, GPIO_MODE_OUTPUT);
	open_pin(SHUNT_PIN, GPIO_MODE_OUTPUT);
	open_pin(FEEDBACK_PIN, GPIO_MODE_INPUT);
	open_pin(RESIDUAL_PIN, GPIO_MODE_INPUT);
	open_pin(CUT_OFF_PIN, GPIO_MODE_INPUT);
	guard_init(&chip.core, (struct guard_options){
		.has_feedback = chip.wiring[FEEDBACK_PIN] != NO_PIN,
		.has_residual_current = chip.wiring[RESIDUAL_PIN] != NO_PIN,
		.has_cut_off = chip.wiring[CUT_OFF_PIN] != NO_PIN,
		.has_shunt_trip = chip.wiring[SHUNT_PIN] != NO_PIN,
		.allows_ventilation = true,
	});
#if !MODDEF_GUARD_BENCH
	chip.channel = open_channel(the, chip.wiring[ADC_PIN]);
#endif
	start_generator(the);
	start_timer(the);
	chip.is_open = true;
}

void xs_guard_request(xsMachine *the)
{
	bool is_requested = xsmcToInteger(xsArg(0)) == 1;
	portENTER_CRITICAL(&mutex);
	bool is_release = chip.is_requested && !is_requested;
	chip.is_requested = is_requested;
	/* Opening is immediate. Closing needs a measurement made after the request: the end of the present period. */
	if (is_release)
		decide(chip.levels_mv[0], chip.levels_mv[1]);
	portEXIT_CRITICAL(&mutex);
}

void xs_guard_renew(xsMachine *the)
{
	chip.is_renewed = true;
}

void xs_guard_acknowledge(xsMachine *the)
{
	chip.is_acknowledged = true;
}

void xs_guard_offer(xsMachine *the)
{
	uint16_t duty_permille = (uint16_t)xsmcToInteger(xsArg(0));
	portENTER_CRITICAL(&mutex);
	chip.duty_permille = duty_permille;
	chip.new_duty = DUTY_PERIODS;
	bool is_free = !chip.is_forced_negative;
	portEXIT_CRITICAL(&mutex);
	if (is_free)
		apply_duty();
}

/** Returns whether a level has changed. Ends the -12 V of a fault that is over. */
void xs_guard_poll(xsMachine *the)
{
	bool is_changed = false;
	portENTER_CRITICAL(&mutex);
	bool is_over = chip.is_forced_negative && chip.core.latched == GUARD_NONE;
	if (is_over) {
		chip.is_forced_negative = false;
		chip.new_duty = DUTY_PERIODS;
	}
	for (int i = 0; i < 2; i++)
		is_changed |= abs(chip.levels_mv[i] - chip.reported_mv[i]) >= NOISE_MV;
	if (is_changed) {
		chip.reported_mv[0] = chip.levels_mv[0];
		chip.reported_mv[1] = chip.levels_mv[1];
	}
	portEXIT_CRITICAL(&mutex);
	if (is_over)
		apply_duty();
	xsmcSetInteger(xsResult, is_changed);
}

/** Returns the latest level of the pilot under the present duty, mV: 0 for the highest, 1 for the lowest. */
void xs_guard_level(xsMachine *the)
{
	int which = xsmcToInteger(xsArg(0));
	while (chip.is_open && *(volatile int *)&chip.new_duty > 0)
		vTaskDelay(1);
	xsmcSetInteger(xsResult, chip.levels_mv[which]);
}

void xs_guard_takeReason(xsMachine *the)
{
	portENTER_CRITICAL(&mutex);
	enum guard_reason reason = guard_take(&kept);
	portEXIT_CRITICAL(&mutex);
	xsmcSetInteger(xsResult, reason);
}

/** Measures another analog pin, mV: the ADC has one owner. */
void xs_guard_analog(xsMachine *the)
{
	int32_t sum_mv = 0;
	adc_channel_t channel = open_channel(the, xsmcToInteger(xsArg(0)));
	for (int i = 0; i < ANALOG_SAMPLES; i++) {
		int reading = 0;
		fail(the, "the ADC does not answer", adc_oneshot_read(adc, channel, &reading));
		sum_mv += millivolts_of(reading);
	}
	xsmcSetInteger(xsResult, sum_mv / ANALOG_SAMPLES);
}
