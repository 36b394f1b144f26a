/*
 * The connections of the GATT server: their values, their subscriptions, and what the engine has not taken yet.
 *
 * NimBLE's task changes the table, the engine's task takes the changes as events. Nothing here blocks, and nothing can
 * overflow: a change is a state of its connection, not an entry of a queue, and a second write is refused until the
 * engine has taken the first. The caller serializes all calls. No NimBLE and no XS here, so that tests run on the host.
 */

#ifndef PLUGPASS_GATT_TABLE_H
#define PLUGPASS_GATT_TABLE_H

#include <stdbool.h>
#include <stdint.h>

enum {
	/** More than NimBLE's: a connection keeps its place until the engine has taken its end. */
	GATT_CONNECTIONS = 6,
	GATT_CHARACTERISTICS = 8,
	/** Maximum length of an attribute's value (Core 5.4 Vol 3 Part F 3.2.9). */
	GATT_VALUE_BYTES = 512,
	/** ATT_MTU of LE until it is exchanged (Core 5.4 Vol 3 Part G 5.2.1). */
	GATT_LEAST_MTU = 23,
	GATT_NONE = -1,
};

/** ATT error codes (Core 5.4 Vol 3 Part F 3.4.1.1). */
enum {
	GATT_OK = 0,
	GATT_INVALID_LENGTH = 0x0d,
	GATT_UNLIKELY = 0x0e,
	GATT_INSUFFICIENT_RESOURCES = 0x11,
};

/** Types of events. firmware/boards/esp32/gatt-server.ts has the same numbers. */
enum gatt_event_type {
	GATT_READY,
	GATT_CONNECTED,
	GATT_DISCONNECTED,
	GATT_SUBSCRIBED,
	GATT_UNSUBSCRIBED,
	GATT_WRITTEN,
};

struct gatt_event {
	enum gatt_event_type type;
	int connection;
	int characteristic;
	/** Written value. It stays valid until gatt_table_accept(). */
	const uint8_t *bytes;
	uint16_t byte_length;
};

struct gatt_value {
	uint8_t *bytes;
	uint16_t byte_length;
	/** Whether a central may read the value. */
	bool is_set;
};

struct gatt_connection {
	bool is_used;
	/** NimBLE has reported the connection. Requests of the central may come before. */
	bool is_established;
	bool is_gone;
	bool is_reported;
	/** The engine wants the connection to end. */
	bool is_unwanted;
	uint16_t handle;
	uint16_t mtu;
	/** Subscriptions, one bit for each characteristic: as they are, and as the engine knows them. */
	uint8_t subscribed;
	uint8_t reported;
	/** Characteristic with a value that the engine has not accepted, or GATT_NONE. */
	int8_t written;
	struct gatt_value values[GATT_CHARACTERISTICS];
};

struct gatt_table {
	bool is_ready;
	bool is_ready_reported;
	/** Connection whose events are taken next, so that none waits for another one. */
	uint8_t next;
	struct gatt_connection connections[GATT_CONNECTIONS];
};

/** Calls for NimBLE's task. Each names a connection by NimBLE's handle. */

/** Returns the connection, or opens it at the first sign of it. Returns GATT_NONE if there is no place. */
int gatt_table_open(struct gatt_table *table, uint16_t handle);
/** As gatt_table_open(), when NimBLE reports the connection. A former one with the handle has ended. */
int gatt_table_establish(struct gatt_table *table, uint16_t handle);
void gatt_table_end(struct gatt_table *table, uint16_t handle);
void gatt_table_set_mtu(struct gatt_table *table, uint16_t handle, uint16_t mtu);
void gatt_table_subscribe(struct gatt_table *table, uint16_t handle, int characteristic, bool is_on);
/** Stores a written value. Takes `bytes`, allocated with malloc(), unless it returns an error. Returns an ATT error. */
int gatt_table_write(struct gatt_table *table, uint16_t handle, int characteristic, uint8_t *bytes,
	uint16_t byte_length);
/** Finds the value for a read. Returns an ATT error. */
int gatt_table_read(struct gatt_table *table, uint16_t handle, int characteristic, const uint8_t **bytes,
	uint16_t *byte_length);

/** Calls for the engine's task. Each names a connection by its index. */

/** Takes the next event. Returns whether there is one. After GATT_WRITTEN, gatt_table_accept() has to follow. */
bool gatt_table_take(struct gatt_table *table, struct gatt_event *event);
void gatt_table_accept(struct gatt_table *table, int connection);
/**
 * Stores a copy of the value that the central reads from now on, unless it has written meanwhile. Without memory,
 * reads get an error.
 */
void gatt_table_set_value(struct gatt_table *table, int connection, int characteristic, const uint8_t *bytes,
	uint16_t byte_length);
/** Returns whether the connection is open and subscribed. */
bool gatt_table_is_subscribed(const struct gatt_table *table, int connection, int characteristic);

/** Marks an open connection as unwanted. Its end is reported as an event, as always. */
void gatt_table_disconnect(struct gatt_table *table, int connection);

/** Returns whether NimBLE has the connection with this index. */
bool gatt_table_is_open(const struct gatt_table *table, int connection);

#endif
