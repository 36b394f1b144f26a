/*
 * A GATT server over NimBLE's host API, for firmware/boards/esp32/gatt-server.ts.
 *
 * NimBLE's task answers every request from the table (gatt-table.h) by itself. It never waits for JavaScript, and no
 * object of the engine is used there: one message to the engine says that the table has events. All advertising runs in
 * NimBLE's task, too. The mutex is held only while something is copied.
 */

#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "freertos/FreeRTOS.h"
#include "freertos/semphr.h"
#include "host/ble_hs.h"
#include "host/ble_uuid.h"
#include "nimble/nimble_port.h"
#include "nimble/nimble_port_freertos.h"
#include "services/gap/ble_svc_gap.h"

#include "gatt-table.h"

enum {
	SERVICES = 2,
	DESCRIPTORS = 8,
	/** Lists of NimBLE end with an empty entry. */
	CHARACTERISTIC_ENTRIES = GATT_CHARACTERISTICS + SERVICES,
	DESCRIPTOR_ENTRIES = DESCRIPTORS + GATT_CHARACTERISTICS,
	PDU_BYTES = 31,
	NAME_BYTES = 31,
	/** Events that one message delivers, so that other messages are served between. */
	EVENTS_PER_MESSAGE = 16,
	/** Delay until a refused command to the controller is tried again, ms. */
	RETRY_MS = 1000,
};

struct descriptor {
	uint8_t *bytes;
	uint16_t byte_length;
};

struct pdu {
	uint8_t bytes[PDU_BYTES];
	uint8_t byte_length;
};

/** What the engine wants on the air. */
struct advertising {
	bool is_on;
	bool is_changed;
	struct pdu advertisement;
	struct pdu scan_response;
	/** GAP device name (0x2A00). */
	char name[NAME_BYTES + 1];
};

static struct {
	xsMachine *the;
	xsSlot on_event;
	SemaphoreHandle_t mutex;
	StaticSemaphore_t mutex_memory;
	uint16_t mtu;
	uint8_t address_type;
	struct ble_npl_event advertise;
	/** Calls advertise() again after a failure: without it, a lost answer of the controller would end advertising. */
	struct ble_npl_callout retry;

	/* Guarded by the mutex. */
	bool is_message_posted;
	bool is_closed;
	struct advertising advertising;
	struct gatt_table table;

	/* The database, complete before NimBLE's task starts. */
	int service_count;
	int characteristic_count;
	int characteristic_entries;
	int descriptor_count;
	int descriptor_entries;
	ble_uuid_any_t service_uuids[SERVICES];
	ble_uuid_any_t characteristic_uuids[GATT_CHARACTERISTICS];
	ble_uuid_any_t descriptor_uuids[DESCRIPTORS];
	uint16_t value_handles[GATT_CHARACTERISTICS];
	struct descriptor descriptors[DESCRIPTORS];
	struct ble_gatt_svc_def services[SERVICES + 1];
	struct ble_gatt_chr_def characteristics[CHARACTERISTIC_ENTRIES];
	struct ble_gatt_dsc_def descriptor_definitions[DESCRIPTOR_ENTRIES];
} server;

static void lock(void)
{
	xSemaphoreTake(server.mutex, portMAX_DELAY);
}

static void unlock(void)
{
	xSemaphoreGive(server.mutex);
}

/* Events to the engine */

static void deliver(void *the, void *refcon, uint8_t *message, uint16_t message_length);

/** Tells the engine that the table has events. At most one message waits in its queue. */
static void notify_engine(void)
{
	lock();
	bool is_posted = server.is_message_posted;
	server.is_message_posted = true;
	unlock();
	if (is_posted || modMessagePostToMachine(server.the, NULL, 0, deliver, NULL) == 0)
		return;
	lock();
	server.is_message_posted = false;
	unlock();
}

/** Calls JavaScript with an event: `onEvent(type, connection, characteristic, value)`. */
static void call_engine(xsMachine *machine, const struct gatt_event *event)
{
	xsBeginHost(machine);
	xsmcVars(4);
	xsmcSetInteger(xsVar(0), event->type);
	xsmcSetInteger(xsVar(1), event->connection);
	xsmcSetInteger(xsVar(2), event->characteristic);
	if (event->type == GATT_WRITTEN) {
		xsmcSetArrayBuffer(xsVar(3), (void *)event->bytes, event->byte_length);
		lock();
		gatt_table_accept(&server.table, event->connection);
		unlock();
	}
	xsCallFunction4(server.on_event, xsGlobal, xsVar(0), xsVar(1), xsVar(2), xsVar(3));
	xsEndHost(machine);
}

static void deliver(void *the, void *refcon, uint8_t *message, uint16_t message_length)
{
	(void)refcon;
	(void)message;
	(void)message_length;
	lock();
	server.is_message_posted = false;
	unlock();
	for (int i = 0; i < EVENTS_PER_MESSAGE; i++) {
		struct gatt_event event;
		lock();
		bool is_event = gatt_table_take(&server.table, &event);
		unlock();
		if (!is_event)
			return;
		call_engine(the, &event);
	}
	notify_engine();
}

/* NimBLE's task: attributes */

static int read_value(uint16_t handle, int characteristic, struct os_mbuf *response)
{
	const uint8_t *bytes;
	uint16_t byte_length;
	lock();
	int error = gatt_table_read(&server.table, handle, characteristic, &bytes, &byte_length);
	if (error == GATT_OK && os_mbuf_append(response, bytes, byte_length) != 0)
		error = GATT_INSUFFICIENT_RESOURCES;
	unlock();
	return error;
}

/** Stores a written value, complete also after a long write, which NimBLE has assembled. */
static int write_value(uint16_t handle, int characteristic, const struct os_mbuf *request)
{
	uint16_t byte_length = OS_MBUF_PKTLEN(request);
	if (byte_length > GATT_VALUE_BYTES)
		return GATT_INVALID_LENGTH;
	uint8_t *bytes = malloc(byte_length + 1u);
	if (!bytes || ble_hs_mbuf_to_flat(request, bytes, byte_length, NULL) != 0) {
		free(bytes);
		return GATT_INSUFFICIENT_RESOURCES;
	}
	lock();
	gatt_table_open(&server.table, handle);
	int error = gatt_table_write(&server.table, handle, characteristic, bytes, byte_length);
	unlock();
	if (error == GATT_OK)
		notify_engine();
	else
		free(bytes);
	return error;
}

static int access_characteristic(uint16_t handle, uint16_t attribute, struct ble_gatt_access_ctxt *context, void *argument)
{
	(void)attribute;
	int characteristic = (int)(intptr_t)argument;
	switch (context->op) {
	case BLE_GATT_ACCESS_OP_READ_CHR:
		return read_value(handle, characteristic, context->om);
	case BLE_GATT_ACCESS_OP_WRITE_CHR:
		return write_value(handle, characteristic, context->om);
	default:
		return GATT_UNLIKELY;
	}
}

static int access_descriptor(uint16_t handle, uint16_t attribute, struct ble_gatt_access_ctxt *context, void *argument)
{
	(void)handle;
	(void)attribute;
	const struct descriptor *descriptor = argument;
	if (context->op != BLE_GATT_ACCESS_OP_READ_DSC)
		return GATT_UNLIKELY;
	int error = os_mbuf_append(context->om, descriptor->bytes, descriptor->byte_length);
	return error ? GATT_INSUFFICIENT_RESOURCES : GATT_OK;
}

/* NimBLE's task: connections and advertising */

static int on_gap_event(struct ble_gap_event *event, void *argument);

static void copy_advertising(struct advertising *copy)
{
	lock();
	*copy = server.advertising;
	server.advertising.is_changed = false;
	unlock();
}

/** Ends the connections that the engine does not want. Returns whether there were some. */
static bool disconnect_unwanted(void)
{
	bool was_any = false;
	for (int i = 0; i < GATT_CONNECTIONS; i++) {
		lock();
		bool is_unwanted = gatt_table_is_open(&server.table, i) &&
			(server.is_closed || server.table.connections[i].is_unwanted);
		uint16_t handle = server.table.connections[i].handle;
		unlock();
		if (!is_unwanted)
			continue;
		ble_gap_terminate(handle, BLE_ERR_REM_USER_CONN_TERM);
		was_any = true;
	}
	return was_any;
}

/** Sets the data and the device name. Returns NimBLE's error. */
static int set_data(const struct advertising *wanted)
{
	int error = ble_gap_adv_set_data(wanted->advertisement.bytes, wanted->advertisement.byte_length);
	if (error == 0)
		error = ble_gap_adv_rsp_set_data(wanted->scan_response.bytes, wanted->scan_response.byte_length);
	if (error == 0)
		error = ble_svc_gap_device_name_set(wanted->name);
	return error;
}

static int start_advertising(void)
{
	if (ble_gap_adv_active())
		return 0;
	struct ble_gap_adv_params parameters = {
		.conn_mode = BLE_GAP_CONN_MODE_UND,
		.disc_mode = BLE_GAP_DISC_MODE_GEN,
	};
	return ble_gap_adv_start(server.address_type, NULL, BLE_HS_FOREVER, &parameters, on_gap_event, NULL);
}

static void retry_later(void)
{
	ble_npl_callout_reset(&server.retry, ble_npl_time_ms_to_ticks32(RETRY_MS));
}

/** Tries again later. Data that the engine has changed since is not overwritten. */
static void retry_advertising(bool is_data_missing)
{
	lock();
	server.advertising.is_changed |= is_data_missing;
	unlock();
	retry_later();
}

/**
 * Brings the air to what the engine wants. NimBLE refuses to advertise while all of its connections are in use; each
 * end of a connection calls this again.
 */
static void advertise(struct ble_npl_event *event)
{
	(void)event;
	if (!ble_hs_synced())
		return;
	struct advertising wanted;
	copy_advertising(&wanted);
	/* The end of a connection is seen later, and the controller may lose a command. */
	if (disconnect_unwanted())
		retry_later();
	if (!wanted.is_on) {
		ble_gap_adv_stop();
		return;
	}
	bool is_data_missing = wanted.is_changed && set_data(&wanted) != 0;
	if (start_advertising() != 0 || is_data_missing)
		retry_advertising(is_data_missing);
}

/** Calls advertise() in NimBLE's task, after NimBLE has finished what it does now. */
static void schedule_advertising(void)
{
	ble_npl_eventq_put(nimble_port_get_dflt_eventq(), &server.advertise);
}

static void establish(uint16_t handle)
{
	lock();
	int connection = server.is_closed ? GATT_NONE : gatt_table_establish(&server.table, handle);
	unlock();
	/* The engine is busy, and has not taken the end of former connections. */
	if (connection == GATT_NONE)
		ble_gap_terminate(handle, BLE_ERR_REM_USER_CONN_TERM);
}

static void end(uint16_t handle)
{
	lock();
	gatt_table_end(&server.table, handle);
	unlock();
}

static void set_mtu(uint16_t handle, uint16_t mtu)
{
	lock();
	gatt_table_open(&server.table, handle);
	gatt_table_set_mtu(&server.table, handle, mtu);
	unlock();
}

static void subscribe(uint16_t handle, uint16_t attribute, bool is_on)
{
	for (int i = 0; i < server.characteristic_count; i++) {
		if (server.value_handles[i] != attribute)
			continue;
		lock();
		gatt_table_open(&server.table, handle);
		gatt_table_subscribe(&server.table, handle, i, is_on);
		unlock();
	}
}

/**
 * NimBLE reports a connection after it has asked for the central's version. Requests of the central come before. If the
 * central leaves before, NimBLE reports a failed connection instead of a disconnection.
 */
static int on_gap_event(struct ble_gap_event *event, void *argument)
{
	(void)argument;
	switch (event->type) {
	case BLE_GAP_EVENT_CONNECT:
		if (event->connect.status == 0)
			establish(event->connect.conn_handle);
		else
			end(event->connect.conn_handle);
		break;
	case BLE_GAP_EVENT_DISCONNECT:
		end(event->disconnect.conn.conn_handle);
		break;
	case BLE_GAP_EVENT_MTU:
		set_mtu(event->mtu.conn_handle, event->mtu.value);
		break;
	case BLE_GAP_EVENT_SUBSCRIBE:
		if (event->subscribe.reason != BLE_GAP_SUBSCRIBE_REASON_TERM)
			subscribe(event->subscribe.conn_handle, event->subscribe.attr_handle, event->subscribe.cur_notify);
		break;
	case BLE_GAP_EVENT_ADV_COMPLETE:
		break;
	default:
		return 0;
	}
	notify_engine();
	schedule_advertising();
	return 0;
}

/** Called when the controller is ready, again after each of its failures. */
static void on_sync(void)
{
	ble_hs_id_infer_auto(0, &server.address_type);
	ble_att_set_preferred_mtu(server.mtu);
	lock();
	server.table.is_ready = true;
	server.advertising.is_changed = true;
	unlock();
	notify_engine();
	schedule_advertising();
}

static void run_nimble(void *argument)
{
	(void)argument;
	nimble_port_run();
	nimble_port_freertos_deinit();
}

/* Functions for JavaScript (native.ts) */

static int index_argument(xsMachine *the, int argument, int count)
{
	int index = xsmcToInteger(xsArg(argument));
	if (index < 0 || index >= count)
		xsRangeError("invalid index");
	return index;
}

static void uuid_argument(xsMachine *the, ble_uuid_any_t *uuid)
{
	if (ble_uuid_from_str(uuid, xsmcToString(xsArg(0))) != 0)
		xsRangeError("invalid UUID");
}

static void check_room(xsMachine *the, int count, int limit)
{
	if (count >= limit)
		xsRangeError("too many attributes");
}

/** `addService(uuid)` */
void xs_gatt_addService(xsMachine *the)
{
	check_room(the, server.service_count, SERVICES);
	ble_uuid_any_t *uuid = &server.service_uuids[server.service_count];
	uuid_argument(the, uuid);
	/* An empty entry ends the characteristics of the service before. */
	if (server.service_count > 0)
		server.characteristic_entries++;
	struct ble_gatt_svc_def *service = &server.services[server.service_count++];
	service->type = BLE_GATT_SVC_TYPE_PRIMARY;
	service->uuid = &uuid->u;
	service->characteristics = &server.characteristics[server.characteristic_entries];
}

/** `addCharacteristic(uuid, properties)`: NimBLE's flags equal the properties (Core 5.4 Vol 3 Part G 3.3.1.1). */
void xs_gatt_addCharacteristic(xsMachine *the)
{
	check_room(the, server.characteristic_count, GATT_CHARACTERISTICS);
	int index = server.characteristic_count;
	uuid_argument(the, &server.characteristic_uuids[index]);
	if (server.descriptor_entries > 0 && server.descriptor_definitions[server.descriptor_entries - 1].uuid)
		server.descriptor_entries++;
	struct ble_gatt_chr_def *characteristic = &server.characteristics[server.characteristic_entries];
	characteristic->uuid = &server.characteristic_uuids[index].u;
	characteristic->access_cb = access_characteristic;
	characteristic->arg = (void *)(intptr_t)index;
	characteristic->flags = (ble_gatt_chr_flags)xsmcToInteger(xsArg(1));
	characteristic->val_handle = &server.value_handles[index];
	server.characteristic_count++;
	server.characteristic_entries++;
}

/** `addDescriptor(uuid, value)`, to the characteristic that was added last. */
void xs_gatt_addDescriptor(xsMachine *the)
{
	check_room(the, server.descriptor_count, DESCRIPTORS);
	int index = server.descriptor_count;
	uuid_argument(the, &server.descriptor_uuids[index]);
	void *bytes;
	xsUnsignedValue byte_length;
	xsmcGetBufferReadable(xsArg(1), &bytes, &byte_length);
	struct descriptor *descriptor = &server.descriptors[index];
	if (byte_length > GATT_VALUE_BYTES || !(descriptor->bytes = malloc(byte_length + 1u)))
		xsRangeError("no memory for a descriptor");
	memcpy(descriptor->bytes, bytes, byte_length);
	descriptor->byte_length = (uint16_t)byte_length;
	struct ble_gatt_dsc_def *definition = &server.descriptor_definitions[server.descriptor_entries];
	definition->uuid = &server.descriptor_uuids[index].u;
	definition->att_flags = BLE_ATT_F_READ;
	definition->access_cb = access_descriptor;
	definition->arg = descriptor;
	struct ble_gatt_chr_def *characteristic = &server.characteristics[server.characteristic_entries - 1];
	if (!characteristic->descriptors)
		characteristic->descriptors = definition;
	server.descriptor_count++;
	server.descriptor_entries++;
}

static void check(xsMachine *the, int error)
{
	if (error)
		xsUnknownError("NimBLE error %d", error);
}

/** `start(mtu, onEvent)`, after the attributes were added. */
void xs_gatt_start(xsMachine *the)
{
	server.the = the;
	server.mtu = (uint16_t)xsmcToInteger(xsArg(0));
	server.on_event = xsArg(1);
	xsRemember(server.on_event);
	server.mutex = xSemaphoreCreateMutexStatic(&server.mutex_memory);
	check(the, nimble_port_init());
	ble_npl_event_init(&server.advertise, advertise, NULL);
	ble_npl_callout_init(&server.retry, nimble_port_get_dflt_eventq(), advertise, NULL);
	ble_hs_cfg.sync_cb = on_sync;
	ble_svc_gap_init();
	check(the, ble_gatts_count_cfg(server.services));
	check(the, ble_gatts_add_svcs(server.services));
	nimble_port_freertos_init(run_nimble);
}

static void pdu_argument(xsMachine *the, int argument, struct pdu *pdu)
{
	void *bytes;
	xsUnsignedValue byte_length;
	xsmcGetBufferReadable(xsArg(argument), &bytes, &byte_length);
	if (byte_length > PDU_BYTES)
		xsRangeError("the PDU is too long");
	memcpy(pdu->bytes, bytes, byte_length);
	pdu->byte_length = (uint8_t)byte_length;
}

/** `advertise(advertisement, scanResponse, name)`; the name is cut at 31 bytes by the caller. */
void xs_gatt_advertise(xsMachine *the)
{
	struct advertising wanted = { .is_on = true, .is_changed = true };
	pdu_argument(the, 0, &wanted.advertisement);
	pdu_argument(the, 1, &wanted.scan_response);
	strncpy(wanted.name, xsmcToString(xsArg(2)), NAME_BYTES);
	lock();
	server.advertising = wanted;
	unlock();
	schedule_advertising();
}

/** `stopAdvertising()` */
void xs_gatt_stopAdvertising(xsMachine *the)
{
	(void)the;
	lock();
	server.advertising.is_on = false;
	unlock();
	schedule_advertising();
}

/** `setValue(connection, characteristic, value)` */
void xs_gatt_setValue(xsMachine *the)
{
	int connection = index_argument(the, 0, GATT_CONNECTIONS);
	int characteristic = index_argument(the, 1, GATT_CHARACTERISTICS);
	void *bytes;
	xsUnsignedValue byte_length;
	xsmcGetBufferReadable(xsArg(2), &bytes, &byte_length);
	if (byte_length > GATT_VALUE_BYTES)
		byte_length = GATT_VALUE_BYTES;
	lock();
	gatt_table_set_value(&server.table, connection, characteristic, bytes, (uint16_t)byte_length);
	unlock();
}

/** `notify(connection, characteristic, value)` returns 0, or NimBLE's error. */
void xs_gatt_notify(xsMachine *the)
{
	int connection = index_argument(the, 0, GATT_CONNECTIONS);
	int characteristic = index_argument(the, 1, server.characteristic_count);
	void *bytes;
	xsUnsignedValue byte_length;
	xsmcGetBufferReadable(xsArg(2), &bytes, &byte_length);
	lock();
	bool is_subscribed = gatt_table_is_subscribed(&server.table, connection, characteristic);
	uint16_t handle = server.table.connections[connection].handle;
	unlock();
	int error = BLE_HS_ENOTCONN;
	if (is_subscribed) {
		struct os_mbuf *value = ble_hs_mbuf_from_flat(bytes, (uint16_t)byte_length);
		error = value ? ble_gatts_notify_custom(handle, server.value_handles[characteristic], value) : BLE_HS_ENOMEM;
	}
	xsmcSetInteger(xsResult, error);
}

/** `mtu(connection)` */
void xs_gatt_mtu(xsMachine *the)
{
	int connection = index_argument(the, 0, GATT_CONNECTIONS);
	lock();
	uint16_t mtu = server.table.connections[connection].mtu;
	unlock();
	xsmcSetInteger(xsResult, mtu);
}

/** `address(connection)` returns the central's address, 12 hex digits, or undefined. */
void xs_gatt_address(xsMachine *the)
{
	int connection = index_argument(the, 0, GATT_CONNECTIONS);
	lock();
	bool is_open = gatt_table_is_open(&server.table, connection);
	uint16_t handle = server.table.connections[connection].handle;
	unlock();
	struct ble_gap_conn_desc description;
	if (!is_open || ble_gap_conn_find(handle, &description) != 0)
		return;
	char text[2 * BLE_DEV_ADDR_LEN + 1];
	for (int i = 0; i < BLE_DEV_ADDR_LEN; i++)
		snprintf(&text[2 * i], 3, "%02x", description.peer_id_addr.val[BLE_DEV_ADDR_LEN - 1 - i]);
	xsmcSetString(xsResult, text);
}

/** `disconnect(connection)`: the event GATT_DISCONNECTED follows. */
void xs_gatt_disconnect(xsMachine *the)
{
	int connection = index_argument(the, 0, GATT_CONNECTIONS);
	lock();
	gatt_table_disconnect(&server.table, connection);
	unlock();
	schedule_advertising();
}

/** `close()`: ends advertising and all connections. The attributes stay, because NimBLE refers to them. */
void xs_gatt_close(xsMachine *the)
{
	lock();
	server.is_closed = true;
	unlock();
	xs_gatt_stopAdvertising(the);
}
