/*
 * Tests of gatt-table.c on the host, run by host-tests/suites/board/gatt-table.test.ts. Arguments: the number of random
 * steps and a seed. Prints one line for each failed check.
 */

#include "gatt-table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

#define CHECK(condition) check(condition, #condition, __LINE__)

static void check(bool is_true, const char *condition, int line)
{
	if (is_true)
		return;
	failures++;
	printf("line %d: not %s\n", line, condition);
}

static int write_text(struct gatt_table *table, uint16_t handle, int characteristic, const char *text)
{
	uint16_t byte_length = (uint16_t)strlen(text);
	uint8_t *bytes = malloc(byte_length + 1u);
	memcpy(bytes, text, byte_length);
	int error = gatt_table_write(table, handle, characteristic, bytes, byte_length);
	if (error)
		free(bytes);
	return error;
}

static bool reads_text(struct gatt_table *table, uint16_t handle, int characteristic, const char *text)
{
	const uint8_t *bytes;
	uint16_t byte_length;
	return gatt_table_read(table, handle, characteristic, &bytes, &byte_length) == GATT_OK &&
		byte_length == strlen(text) && (byte_length == 0 || memcmp(bytes, text, byte_length) == 0);
}

static bool takes(struct gatt_table *table, enum gatt_event_type type, int connection, int characteristic)
{
	struct gatt_event event;
	return gatt_table_take(table, &event) && event.type == type && event.connection == connection &&
		event.characteristic == characteristic;
}

static bool takes_nothing(struct gatt_table *table)
{
	struct gatt_event event;
	return !gatt_table_take(table, &event);
}

static void set_text(struct gatt_table *table, int connection, int characteristic, const char *text)
{
	gatt_table_set_value(table, connection, characteristic, (const uint8_t *)text, (uint16_t)strlen(text));
}

/** Ends all connections and takes what is left, so that the sanitizer reports memory that was not freed. */
static void empty(struct gatt_table *table)
{
	struct gatt_event event;
	for (int i = 0; i < GATT_CONNECTIONS; i++)
		gatt_table_end(table, table->connections[i].handle);
	while (gatt_table_take(table, &event)) {
		if (event.type == GATT_WRITTEN)
			gatt_table_accept(table, event.connection);
	}
	for (int i = 0; i < GATT_CONNECTIONS; i++)
		CHECK(!table->connections[i].is_used);
}

static void test_requests_before_the_connection_is_reported(void)
{
	struct gatt_table table = { 0 };
	const uint8_t *bytes;
	uint16_t byte_length;
	CHECK(gatt_table_open(&table, 64) == 0);
	gatt_table_set_mtu(&table, 64, 247);
	gatt_table_subscribe(&table, 64, 1, true);
	CHECK(gatt_table_read(&table, 64, 0, &bytes, &byte_length) == GATT_INSUFFICIENT_RESOURCES);
	CHECK(write_text(&table, 64, 0, "tag") == GATT_OK);
	CHECK(gatt_table_establish(&table, 64) == 0);
	CHECK(table.connections[0].mtu == 247);
	CHECK(takes(&table, GATT_CONNECTED, 0, 0));
	CHECK(takes(&table, GATT_SUBSCRIBED, 0, 1));
	CHECK(takes(&table, GATT_WRITTEN, 0, 0));
	gatt_table_accept(&table, 0);
	CHECK(takes_nothing(&table));
	empty(&table);
}

static void test_a_write_and_the_reads_after_it(void)
{
	struct gatt_table table = { 0 };
	const uint8_t *bytes;
	uint16_t byte_length;
	gatt_table_establish(&table, 64);
	CHECK(takes(&table, GATT_CONNECTED, 0, 0));
	set_text(&table, 0, 0, "");
	set_text(&table, 0, 1, "idle");
	CHECK(reads_text(&table, 64, 0, "") && reads_text(&table, 64, 1, "idle"));
	CHECK(write_text(&table, 64, 0, "one") == GATT_OK);
	CHECK(reads_text(&table, 64, 0, "one"));
	CHECK(gatt_table_read(&table, 64, 1, &bytes, &byte_length) == GATT_INSUFFICIENT_RESOURCES);
	set_text(&table, 0, 1, "idle");
	CHECK(gatt_table_read(&table, 64, 1, &bytes, &byte_length) == GATT_INSUFFICIENT_RESOURCES);
	CHECK(write_text(&table, 64, 0, "two") == GATT_INSUFFICIENT_RESOURCES);
	CHECK(takes(&table, GATT_WRITTEN, 0, 0));
	gatt_table_accept(&table, 0);
	set_text(&table, 0, 1, "pending");
	CHECK(reads_text(&table, 64, 1, "pending") && reads_text(&table, 64, 0, "one"));
	CHECK(write_text(&table, 64, 0, "two") == GATT_OK);
	empty(&table);
}

static void test_a_disconnection_with_a_write_under_way(void)
{
	struct gatt_table table = { 0 };
	gatt_table_establish(&table, 64);
	gatt_table_subscribe(&table, 64, 1, true);
	CHECK(takes(&table, GATT_CONNECTED, 0, 0));
	CHECK(takes(&table, GATT_SUBSCRIBED, 0, 1));
	CHECK(gatt_table_is_subscribed(&table, 0, 1) && !gatt_table_is_subscribed(&table, 0, 0));
	CHECK(write_text(&table, 64, 0, "tag") == GATT_OK);
	gatt_table_end(&table, 64);
	CHECK(!gatt_table_is_subscribed(&table, 0, 1) && !gatt_table_is_open(&table, 0));
	CHECK(write_text(&table, 64, 0, "late") == GATT_UNLIKELY);
	CHECK(gatt_table_establish(&table, 64) == 1);
	CHECK(takes(&table, GATT_CONNECTED, 1, 0));
	CHECK(takes(&table, GATT_UNSUBSCRIBED, 0, 1));
	CHECK(takes(&table, GATT_WRITTEN, 0, 0));
	gatt_table_accept(&table, 0);
	CHECK(takes(&table, GATT_DISCONNECTED, 0, 0));
	CHECK(takes_nothing(&table));
	empty(&table);
}

static void test_a_connection_whose_handle_is_used_again(void)
{
	struct gatt_table table = { 0 };
	gatt_table_establish(&table, 64);
	CHECK(gatt_table_establish(&table, 64) == 1);
	CHECK(takes(&table, GATT_CONNECTED, 0, 0));
	CHECK(takes(&table, GATT_CONNECTED, 1, 0));
	CHECK(takes(&table, GATT_DISCONNECTED, 0, 0));
	CHECK(takes_nothing(&table));
	empty(&table);
}

static void test_more_connections_than_places(void)
{
	struct gatt_table table = { 0 };
	for (uint16_t i = 0; i < GATT_CONNECTIONS; i++) {
		CHECK(gatt_table_establish(&table, i) == i);
		gatt_table_end(&table, i);
	}
	CHECK(gatt_table_establish(&table, 99) == GATT_NONE);
	CHECK(write_text(&table, 99, 0, "tag") == GATT_UNLIKELY);
	empty(&table);
	CHECK(gatt_table_establish(&table, 99) != GATT_NONE);
	empty(&table);
}

static void test_an_unwanted_connection(void)
{
	struct gatt_table table = { 0 };
	gatt_table_disconnect(&table, 0);
	CHECK(gatt_table_establish(&table, 64) == 0);
	CHECK(!table.connections[0].is_unwanted);
	gatt_table_disconnect(&table, 0);
	CHECK(table.connections[0].is_unwanted && gatt_table_is_open(&table, 0));
	gatt_table_end(&table, 64);
	CHECK(takes(&table, GATT_CONNECTED, 0, 0) && takes(&table, GATT_DISCONNECTED, 0, 0));
	gatt_table_disconnect(&table, 0);
	CHECK(gatt_table_establish(&table, 65) == 0);
	CHECK(!table.connections[0].is_unwanted);
	empty(&table);
}

static void test_readiness_is_reported_once(void)
{
	struct gatt_table table = { .is_ready = true };
	CHECK(takes(&table, GATT_READY, 0, 0));
	CHECK(takes_nothing(&table));
}

static void test_the_limit_of_a_value(void)
{
	struct gatt_table table = { 0 };
	uint8_t *bytes = calloc(1, GATT_VALUE_BYTES + 1);
	gatt_table_establish(&table, 64);
	CHECK(gatt_table_write(&table, 64, 0, bytes, GATT_VALUE_BYTES + 1) == GATT_INVALID_LENGTH);
	CHECK(gatt_table_write(&table, 64, 0, bytes, GATT_VALUE_BYTES) == GATT_OK);
	empty(&table);
}

/** What the engine knows of a connection, to check the order of its events. */
struct known {
	bool is_connected;
	uint8_t subscribed;
};

static void take_one(struct gatt_table *table, struct known *known)
{
	struct gatt_event event;
	if (!gatt_table_take(table, &event) || event.type == GATT_READY)
		return;
	struct known *connection = &known[event.connection];
	uint8_t bit = (uint8_t)(1u << event.characteristic);
	CHECK(connection->is_connected == (event.type != GATT_CONNECTED));
	switch (event.type) {
	case GATT_CONNECTED:
		*connection = (struct known) { .is_connected = true };
		break;
	case GATT_DISCONNECTED:
		CHECK(connection->subscribed == 0);
		connection->is_connected = false;
		break;
	case GATT_SUBSCRIBED:
	case GATT_UNSUBSCRIBED:
		CHECK(!(connection->subscribed & bit) == (event.type == GATT_SUBSCRIBED));
		connection->subscribed ^= bit;
		break;
	default:
		/* The sanitizer checks that the bytes are there. */
		for (int i = 0; i < event.byte_length; i++)
			CHECK(event.bytes[i] == 'x');
		gatt_table_accept(table, event.connection);
		set_text(table, event.connection, 1, "result");
	}
}

static void write_random(struct gatt_table *table, uint16_t handle, int characteristic)
{
	uint16_t byte_length = (uint16_t)(rand() % (GATT_VALUE_BYTES + 2));
	uint8_t *bytes = malloc(byte_length + 1u);
	memset(bytes, 'x', byte_length);
	if (gatt_table_write(table, handle, characteristic, bytes, byte_length) != GATT_OK)
		free(bytes);
}

static void step(struct gatt_table *table, struct known *known)
{
	uint16_t handle = (uint16_t)(rand() % 4);
	int characteristic = rand() % GATT_CHARACTERISTICS;
	const uint8_t *bytes;
	uint16_t byte_length;
	switch (rand() % 9) {
	case 0: gatt_table_establish(table, handle); break;
	case 1: gatt_table_open(table, handle); break;
	case 2: gatt_table_end(table, handle); break;
	case 3: gatt_table_set_mtu(table, handle, (uint16_t)rand()); break;
	case 4: gatt_table_subscribe(table, handle, characteristic, rand() & 1); break;
	case 5: write_random(table, handle, characteristic); break;
	case 6: gatt_table_read(table, handle, characteristic, &bytes, &byte_length); break;
	case 7: set_text(table, rand() % GATT_CONNECTIONS, characteristic, "value"); break;
	default: take_one(table, known);
	}
}

static void test_random_sequences(int steps)
{
	struct gatt_table table = { .is_ready = true };
	struct known known[GATT_CONNECTIONS] = { 0 };
	for (int i = 0; i < steps; i++)
		step(&table, known);
	empty(&table);
}

int main(int count, char **arguments)
{
	int steps = count > 1 ? atoi(arguments[1]) : 1000;
	srand(count > 2 ? (unsigned)atoi(arguments[2]) : 1);
	test_requests_before_the_connection_is_reported();
	test_a_write_and_the_reads_after_it();
	test_a_disconnection_with_a_write_under_way();
	test_a_connection_whose_handle_is_used_again();
	test_more_connections_than_places();
	test_an_unwanted_connection();
	test_readiness_is_reported_once();
	test_the_limit_of_a_value();
	test_random_sequences(steps);
	return failures > 0;
}
