#include "gatt-table.h"

#include <stdlib.h>
#include <string.h>

static bool is_open(const struct gatt_connection *connection)
{
	return connection->is_used && !connection->is_gone;
}

static struct gatt_connection *find(struct gatt_table *table, uint16_t handle)
{
	for (int i = 0; i < GATT_CONNECTIONS; i++) {
		struct gatt_connection *connection = &table->connections[i];
		if (is_open(connection) && connection->handle == handle)
			return connection;
	}
	return NULL;
}

static void set(struct gatt_value *value, uint8_t *bytes, uint16_t byte_length, bool is_set)
{
	free(value->bytes);
	value->bytes = bytes;
	value->byte_length = byte_length;
	value->is_set = is_set;
}

/** Frees the place of a connection whose end the engine has taken. */
static void release(struct gatt_connection *connection)
{
	for (int i = 0; i < GATT_CHARACTERISTICS; i++)
		set(&connection->values[i], NULL, 0, false);
	connection->is_used = false;
}

int gatt_table_open(struct gatt_table *table, uint16_t handle)
{
	struct gatt_connection *connection = find(table, handle);
	if (connection)
		return (int)(connection - table->connections);
	for (int i = 0; i < GATT_CONNECTIONS; i++) {
		connection = &table->connections[i];
		if (connection->is_used)
			continue;
		memset(connection, 0, sizeof(*connection));
		connection->is_used = true;
		connection->handle = handle;
		connection->mtu = GATT_LEAST_MTU;
		connection->written = GATT_NONE;
		return i;
	}
	return GATT_NONE;
}

int gatt_table_establish(struct gatt_table *table, uint16_t handle)
{
	const struct gatt_connection *former = find(table, handle);
	if (former && former->is_established)
		gatt_table_end(table, handle);
	int index = gatt_table_open(table, handle);
	if (index != GATT_NONE)
		table->connections[index].is_established = true;
	return index;
}

void gatt_table_end(struct gatt_table *table, uint16_t handle)
{
	struct gatt_connection *connection = find(table, handle);
	if (!connection)
		return;
	connection->is_gone = true;
	connection->subscribed = 0;
}

void gatt_table_set_mtu(struct gatt_table *table, uint16_t handle, uint16_t mtu)
{
	struct gatt_connection *connection = find(table, handle);
	if (connection && mtu >= GATT_LEAST_MTU)
		connection->mtu = mtu;
}

void gatt_table_subscribe(struct gatt_table *table, uint16_t handle, int characteristic, bool is_on)
{
	struct gatt_connection *connection = find(table, handle);
	uint8_t bit = (uint8_t)(1u << characteristic);
	if (!connection)
		return;
	if (is_on)
		connection->subscribed |= bit;
	else
		connection->subscribed &= (uint8_t)~bit;
}

int gatt_table_write(struct gatt_table *table, uint16_t handle, int characteristic, uint8_t *bytes,
	uint16_t byte_length)
{
	struct gatt_connection *connection = find(table, handle);
	if (!connection)
		return GATT_UNLIKELY;
	if (byte_length > GATT_VALUE_BYTES)
		return GATT_INVALID_LENGTH;
	if (connection->written != GATT_NONE)
		return GATT_INSUFFICIENT_RESOURCES;
	/* What the write changes is not known before the engine has accepted it. */
	for (int i = 0; i < GATT_CHARACTERISTICS; i++)
		connection->values[i].is_set = false;
	set(&connection->values[characteristic], bytes, byte_length, true);
	connection->written = (int8_t)characteristic;
	return GATT_OK;
}

int gatt_table_read(struct gatt_table *table, uint16_t handle, int characteristic, const uint8_t **bytes,
	uint16_t *byte_length)
{
	const struct gatt_connection *connection = find(table, handle);
	if (!connection || !connection->values[characteristic].is_set)
		return GATT_INSUFFICIENT_RESOURCES;
	*bytes = connection->values[characteristic].bytes;
	*byte_length = connection->values[characteristic].byte_length;
	return GATT_OK;
}

/** Takes a subscription that the engine does not know yet, or the end of one. */
static bool take_subscription(struct gatt_connection *connection, struct gatt_event *event)
{
	uint8_t changed = connection->subscribed ^ connection->reported;
	for (int i = 0; i < GATT_CHARACTERISTICS; i++) {
		uint8_t bit = (uint8_t)(1u << i);
		if (!(changed & bit))
			continue;
		connection->reported ^= bit;
		event->type = (connection->reported & bit) ? GATT_SUBSCRIBED : GATT_UNSUBSCRIBED;
		event->characteristic = i;
		return true;
	}
	return false;
}

static bool take_from(struct gatt_connection *connection, struct gatt_event *event)
{
	if (!connection->is_used)
		return false;
	if (!connection->is_reported) {
		connection->is_reported = true;
		event->type = GATT_CONNECTED;
		return true;
	}
	if (take_subscription(connection, event))
		return true;
	if (connection->written != GATT_NONE) {
		event->type = GATT_WRITTEN;
		event->characteristic = connection->written;
		event->bytes = connection->values[connection->written].bytes;
		event->byte_length = connection->values[connection->written].byte_length;
		return true;
	}
	if (!connection->is_gone)
		return false;
	event->type = GATT_DISCONNECTED;
	release(connection);
	return true;
}

bool gatt_table_take(struct gatt_table *table, struct gatt_event *event)
{
	memset(event, 0, sizeof(*event));
	if (table->is_ready && !table->is_ready_reported) {
		table->is_ready_reported = true;
		event->type = GATT_READY;
		return true;
	}
	for (int i = 0; i < GATT_CONNECTIONS; i++) {
		int index = (table->next + i) % GATT_CONNECTIONS;
		if (!take_from(&table->connections[index], event))
			continue;
		event->connection = index;
		table->next = (uint8_t)((index + 1) % GATT_CONNECTIONS);
		return true;
	}
	return false;
}

void gatt_table_accept(struct gatt_table *table, int connection)
{
	table->connections[connection].written = GATT_NONE;
}

void gatt_table_set_value(struct gatt_table *table, int index, int characteristic, const uint8_t *bytes,
	uint16_t byte_length)
{
	struct gatt_connection *connection = &table->connections[index];
	if (!is_open(connection) || connection->written != GATT_NONE || byte_length > GATT_VALUE_BYTES)
		return;
	uint8_t *copy = byte_length ? malloc(byte_length) : NULL;
	if (copy)
		memcpy(copy, bytes, byte_length);
	set(&connection->values[characteristic], copy, byte_length, copy != NULL || byte_length == 0);
}

bool gatt_table_is_subscribed(const struct gatt_table *table, int connection, int characteristic)
{
	return gatt_table_is_open(table, connection) &&
		(table->connections[connection].subscribed >> characteristic & 1);
}

void gatt_table_disconnect(struct gatt_table *table, int connection)
{
	if (gatt_table_is_open(table, connection))
		table->connections[connection].is_unwanted = true;
}

bool gatt_table_is_open(const struct gatt_table *table, int connection)
{
	return is_open(&table->connections[connection]);
}
