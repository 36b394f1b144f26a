/*
 * TLS connections of the engine, for firmware/boards/esp32/tls.ts.
 *
 * A handshake computes for seconds, so it runs in a task of its own, which ends with it. One handshake runs at a time;
 * others wait. Meanwhile the engine moves encrypted bytes between the session and its TCP socket. After the handshake
 * the engine has the session for itself.
 */

#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "esp_random.h"
#include "freertos/FreeRTOS.h"
#include "freertos/semphr.h"
#include "freertos/task.h"

#include "tls-session.h"

enum {
	CONNECTIONS = 3,
	/** The library needs 4.7 KB (P-384). */
	STACK_BYTES = 6144,
	/** That of the engine, so that both have their turns: an engine that is always busy would starve it otherwise. */
	PRIORITY = 4,
	/** Delay until a message to the engine is tried again without memory, ms. */
	RETRY_MS = 20,
	NONE = -1,
};

enum state {
	FREE,
	/** TCP is not connected yet, or another handshake runs. */
	OPENED,
	WAITING,
	/** The task has the session, and the engine its pipes. */
	SHAKING,
	/** As SHAKING, but the engine has closed the connection. */
	ABANDONED,
	/** The engine has the session; it is NULL without memory. */
	ENDED,
};

struct connection {
	/** Only the engine uses it. */
	enum state state;
	struct tls_session *_Atomic session;
	struct tls_options options;
	char host[TLS_HOST_BYTES + 1];
	/** Given when there are bytes or room for the task. */
	SemaphoreHandle_t wake;
	StaticSemaphore_t wake_memory;
	/** Result of the last step of the handshake. */
	atomic_int result;
	atomic_bool is_abandoned;
	/** The task touches nothing of the connection any more. */
	atomic_bool is_over;
	atomic_bool is_message_posted;
};

static struct {
	xsMachine *the;
	xsSlot on_event;
	struct connection connections[CONNECTIONS];
	/** The last handshake that can be resumed. Only the one task of a handshake uses it. */
	struct tls_resumption *resumption;
} tls;

static const char AUTHORITY[] = "authority.der";
static const char ROOTS[] = "roots.der";

extern const void *mcGetResource(xsMachine *the, const char *path, size_t *size);

static int fill_random(void *context, unsigned char *bytes, size_t length)
{
	(void)context;
	esp_fill_random(bytes, length);
	return 0;
}

static void free_bytes(struct tls_bytes *bytes)
{
	free((void *)bytes->bytes);
	*bytes = (struct tls_bytes){ 0 };
}

/* The task of a handshake */

static void deliver(void *the, void *refcon, uint8_t *message, uint16_t message_length);

/** Tells the engine that a connection has changed. At most one message for each waits in its queue. */
static void notify_engine(struct connection *connection)
{
	if (atomic_exchange(&connection->is_message_posted, true))
		return;
	while (modMessagePostToMachine(tls.the, NULL, 0, deliver, connection) != 0)
		vTaskDelay(pdMS_TO_TICKS(RETRY_MS));
}

/** Keeps a finished handshake for the next one, and nothing of a failed one. */
static void keep(const struct connection *connection, enum tls_result result)
{
	tls_forget(tls.resumption);
	tls.resumption = result == TLS_OK ? tls_keep(connection->session) : NULL;
}

static enum tls_result shake_hands(struct connection *connection)
{
	connection->session = tls_new(&connection->options);
	free_bytes(&connection->options.certificate);
	free_bytes(&connection->options.key);
	if (!connection->session)
		return TLS_NO_MEMORY;
	if (tls.resumption)
		tls_resume(connection->session, tls.resumption);
	while (!atomic_load(&connection->is_abandoned)) {
		enum tls_result result = tls_handshake(connection->session);
		if (result != TLS_WANT_INPUT && result != TLS_WANT_OUTPUT) {
			keep(connection, result);
			return result;
		}
		notify_engine(connection);
		xSemaphoreTake(connection->wake, portMAX_DELAY);
	}
	return TLS_CLOSED;
}

static void run(void *argument)
{
	struct connection *connection = argument;
	atomic_store(&connection->result, shake_hands(connection));
	/* A message that waits in the queue may be delivered before `is_over`, so another one is needed. */
	atomic_store(&connection->is_message_posted, false);
	/* From here on, the engine may free the connection. At worst, the message is one too many for the next one. */
	atomic_store(&connection->is_over, true);
	notify_engine(connection);
	vTaskDelete(NULL);
}

/* The engine */

static struct connection *find(enum state state)
{
	for (int i = 0; i < CONNECTIONS; i++) {
		if (tls.connections[i].state == state)
			return &tls.connections[i];
	}
	return NULL;
}

static void start_task(struct connection *connection)
{
	connection->state = SHAKING;
	if (xTaskCreate(run, "tls", STACK_BYTES, connection, PRIORITY, NULL) == pdPASS)
		return;
	connection->state = ENDED;
	atomic_store(&connection->result, TLS_NO_MEMORY);
	notify_engine(connection);
}

/** Starts the next handshake if none runs. */
static void start_next(void)
{
	struct connection *next = find(WAITING);
	if (next && !find(SHAKING) && !find(ABANDONED))
		start_task(next);
}

static void discard(struct connection *connection)
{
	free_bytes(&connection->options.certificate);
	free_bytes(&connection->options.key);
	tls_free(connection->session);
	connection->session = NULL;
	connection->state = FREE;
}

/** Takes the session over after the end of the task. */
static void take_over(struct connection *connection)
{
	if (!atomic_load(&connection->is_over))
		return;
	if (connection->state == ABANDONED) {
		discard(connection);
	} else if (connection->state == SHAKING) {
		connection->state = ENDED;
		if (atomic_load(&connection->result) == TLS_OK)
			tls_end_handshake(connection->session);
	}
	start_next();
}

static void deliver(void *the, void *refcon, uint8_t *message, uint16_t message_length)
{
	struct connection *connection = refcon;
	(void)message;
	(void)message_length;
	atomic_store(&connection->is_message_posted, false);
	take_over(connection);
	if (connection->state != SHAKING && connection->state != ENDED)
		return;
	xsBeginHost(the);
	xsmcVars(1);
	xsmcSetInteger(xsVar(0), (xsIntegerValue)(connection - tls.connections));
	xsCallFunction1(tls.on_event, xsGlobal, xsVar(0));
	xsEndHost(the);
}

/* Functions for JavaScript (native.ts) */

static struct connection *connection_argument(xsMachine *the)
{
	int index = xsmcToInteger(xsArg(0));
	if (index < 0 || index >= CONNECTIONS || tls.connections[index].state == FREE)
		xsRangeError("invalid connection");
	return &tls.connections[index];
}

/** Whether JavaScript may move bytes: the session exists, and the task does no more than its own part with it. */
static bool has_session(const struct connection *connection)
{
	/* The first message to the engine follows after the session was made. */
	return (connection->state == SHAKING || connection->state == ENDED) && connection->session;
}

/** `listen(onEvent)`: `onEvent(connection)` follows each change. */
void xs_tls_listen(xsMachine *the)
{
	tls.the = the;
	tls.on_event = xsArg(0);
	xsRemember(tls.on_event);
}

/** `buildDate()` returns the day of the build, as 2026-11-27. */
void xs_tls_buildDate(xsMachine *the)
{
	static const char MONTHS[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	char date[] = __DATE__;
	char text[16];
	date[3] = '\0';
	int month = (int)(strstr(MONTHS, date) - MONTHS) / 3 + 1;
	snprintf(text, sizeof text, "%s-%02d-%02d", date + 7, month, atoi(date + 4));
	xsmcSetString(xsResult, text);
}

static void set_authority(xsMachine *the, const char *name, struct tls_bytes *list)
{
	list->bytes = mcGetResource(the, name, &list->length);
	if (!list->bytes)
		list->length = 0;
}

/** `open(host)` returns the number of a new connection, or -1 if all are in use. */
void xs_tls_open(xsMachine *the)
{
	struct connection *connection = find(FREE);
	xsmcSetInteger(xsResult, NONE);
	if (!connection)
		return;
	const char *host = xsmcToString(xsArg(0));
	if (strlen(host) > TLS_HOST_BYTES)
		return;
	memset(connection, 0, sizeof *connection);
	strcpy(connection->host, host);
	connection->state = OPENED;
	connection->wake = xSemaphoreCreateBinaryStatic(&connection->wake_memory);
	connection->options.host = connection->host;
	connection->options.random = fill_random;
	set_authority(the, AUTHORITY, &connection->options.authorities[0]);
	set_authority(the, ROOTS, &connection->options.authorities[1]);
	xsmcSetInteger(xsResult, (xsIntegerValue)(connection - tls.connections));
}

/** Copies an argument: XS may move its bytes. */
static struct tls_bytes copy_argument(xsMachine *the, int index)
{
	void *bytes;
	xsUnsignedValue length;
	xsmcGetBufferReadable(xsArg(index), &bytes, &length);
	struct tls_bytes copy = { malloc(length), length };
	if (!copy.bytes)
		xsUnknownError("no memory");
	memcpy((void *)copy.bytes, bytes, length);
	return copy;
}

/** `setCertificate(connection, certificate, key)`: DER for a server that asks for it. */
void xs_tls_setCertificate(xsMachine *the)
{
	struct connection *connection = connection_argument(the);
	connection->options.certificate = copy_argument(the, 1);
	connection->options.key = copy_argument(the, 2);
}

/** `shakeHands(connection, nowS)`: starts the handshake, after the others. */
void xs_tls_shakeHands(xsMachine *the)
{
	struct connection *connection = connection_argument(the);
	connection->options.now_s = (int64_t)xsmcToNumber(xsArg(1));
	atomic_store(&connection->result, TLS_WANT_INPUT);
	connection->state = WAITING;
	start_next();
}

/** `result(connection)` returns the result of the handshake's last step (`enum tls_result`). */
void xs_tls_result(xsMachine *the)
{
	struct connection *connection = connection_argument(the);
	bool is_ended = connection->state == ENDED;
	xsmcSetInteger(xsResult, is_ended ? atomic_load(&connection->result) : TLS_WANT_INPUT);
}

/** Wakes the task, which waits for bytes or room. */
static void wake(const struct connection *connection)
{
	if (connection->state == SHAKING)
		xSemaphoreGive(connection->wake);
}

/** `room(connection)` returns the number of encrypted bytes that put() takes. */
void xs_tls_room(xsMachine *the)
{
	struct connection *connection = connection_argument(the);
	xsmcSetInteger(xsResult, has_session(connection) ? (xsIntegerValue)tls_room(connection->session) : 0);
}

/** `put(connection, bytes)` takes encrypted bytes of the server. */
void xs_tls_put(xsMachine *the)
{
	struct connection *connection = connection_argument(the);
	void *bytes;
	xsUnsignedValue length;
	xsmcGetBufferReadable(xsArg(1), &bytes, &length);
	if (!has_session(connection) || length > tls_room(connection->session))
		xsRangeError("no room");
	tls_put(connection->session, bytes, length);
	wake(connection);
}

/** `putEnd(connection)`: the server has closed TCP. */
void xs_tls_putEnd(xsMachine *the)
{
	struct connection *connection = connection_argument(the);
	if (!has_session(connection))
		return;
	tls_put_end(connection->session);
	wake(connection);
}

/** `take(connection, length)` returns up to `length` encrypted bytes for the server; undefined without any. */
void xs_tls_take(xsMachine *the)
{
	struct connection *connection = connection_argument(the);
	uint8_t bytes[TLS_PIPE_BYTES];
	int length = xsmcToInteger(xsArg(1));
	if (!has_session(connection) || length <= 0)
		return;
	size_t limit = length < TLS_PIPE_BYTES ? (size_t)length : TLS_PIPE_BYTES;
	size_t taken = tls_take(connection->session, bytes, limit);
	if (taken == 0)
		return;
	xsmcSetArrayBuffer(xsResult, bytes, (xsIntegerValue)taken);
	wake(connection);
}

static struct connection *ready_argument(xsMachine *the)
{
	struct connection *connection = connection_argument(the);
	if (connection->state != ENDED || atomic_load(&connection->result) != TLS_OK)
		xsUnknownError("no handshake");
	return connection;
}

/** `readable(connection)` returns the number of decrypted bytes; without any, -1 times the reason (`enum tls_result`). */
void xs_tls_readable(xsMachine *the)
{
	struct connection *connection = ready_argument(the);
	size_t length;
	enum tls_result result = tls_readable(connection->session, &length);
	xsmcSetInteger(xsResult, length > 0 ? (xsIntegerValue)length : -(xsIntegerValue)result);
}

/** `read(connection, length)` returns decrypted bytes, no more than readable() has returned. */
void xs_tls_read(xsMachine *the)
{
	struct connection *connection = ready_argument(the);
	xsIntegerValue length = xsmcToInteger(xsArg(1));
	xsmcSetArrayBuffer(xsResult, NULL, length);
	tls_read(connection->session, xsmcToArrayBuffer(xsResult), (size_t)length);
}

/** `write(connection, bytes, from)` encrypts bytes and returns how many; 0 if the connection is broken. */
void xs_tls_write(xsMachine *the)
{
	struct connection *connection = ready_argument(the);
	void *bytes;
	xsUnsignedValue length;
	xsmcGetBufferReadable(xsArg(1), &bytes, &length);
	xsUnsignedValue from = (xsUnsignedValue)xsmcToInteger(xsArg(2));
	if (from > length)
		xsRangeError("invalid offset");
	xsmcSetInteger(xsResult, (xsIntegerValue)tls_write(connection->session, (uint8_t *)bytes + from, length - from));
}

/** `end(connection)` encrypts the alert that ends the connection, after the handshake. */
void xs_tls_end(xsMachine *the)
{
	tls_end(ready_argument(the)->session);
}

/** `close(connection)`: its number may be used again. */
void xs_tls_close(xsMachine *the)
{
	struct connection *connection = connection_argument(the);
	if (connection->state != SHAKING) {
		discard(connection);
		return;
	}
	atomic_store(&connection->is_abandoned, true);
	wake(connection);
	connection->state = ABANDONED;
}
