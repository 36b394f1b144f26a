/*
 * Test program of tls-session.c, for host-tests/suites/tls. It is a client of a real server, on the host's mbedTLS.
 *
 *   test version
 *   test connect PORT HOST NOW AUTHORITIES [CERTIFICATE KEY]   connects twice: the second time it offers resumption
 *   test resume PORT HOST NOW AUTHORITIES OTHER SECONDS        as connect, the second time to the host OTHER, SECONDS later
 *   test pipe PORT HOST NOW AUTHORITIES                        connects standard input and output with the server, as a
 *                                                              client that does not ask for short records
 *   test starve PORT HOST NOW AUTHORITIES                      after an echo, the next bytes find no memory
 *   test fuzz PORT HOST NOW AUTHORITIES COUNT SEED             records a handshake, then replays it with changes
 *
 * NOW is in seconds since 1970; the last three are files in DER. It prints what happened, a word a line.
 */

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "mbedtls/ssl.h"
#include "mbedtls/version.h"

#include "tls-session.h"

enum { FILE_BYTES = 20000, FLIGHT_BYTES = 20000, PIECE_BYTES = 700, ECHO_BYTES = 30000 };

static const char *const NAMES[] = {
	"ok", "want-input", "want-output", "closed", "no-memory", "unknown-authority", "wrong-name", "expired",
	"not-yet-valid", "bad-certificate", "too-long", "chain-too-long",
	"refused", "invalid",
};

/** States of two generators: one for the library, which a replay repeats, and one for the changes. */
static uint64_t library_state, choice_state;
static int64_t now_s;

/** Whether the client asks for short records. Without, a server behaves as one that ignores the extension. */
static int asks_for_short_records = 1;

/* The linker's --wrap. */
int __real_mbedtls_ssl_conf_max_frag_len(mbedtls_ssl_config *config, unsigned char code);
int __wrap_mbedtls_ssl_conf_max_frag_len(mbedtls_ssl_config *config, unsigned char code);

int __wrap_mbedtls_ssl_conf_max_frag_len(mbedtls_ssl_config *config, unsigned char code)
{
	return asks_for_short_records ? __real_mbedtls_ssl_conf_max_frag_len(config, code) : 0;
}

/** Whether the next malloc() of the session fails. */
static int lacks_memory;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size)
{
	return lacks_memory ? NULL : __real_malloc(size);
}

static uint32_t next_of(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 33);
}

static uint32_t next_random(void)
{
	return next_of(&choice_state);
}

/** The same bytes in each run: a recorded handshake can be replayed. */
static int fill_random(void *context, unsigned char *bytes, size_t length)
{
	(void)context;
	for (size_t i = 0; i < length; i++)
		bytes[i] = (unsigned char)next_of(&library_state);
	return 0;
}

/** In place of the C library's: mbedTLS 2.28 sends the time as a part of its random bytes. */
time_t time(time_t *result)
{
	if (result)
		*result = (time_t)now_s;
	return (time_t)now_s;
}

static void check(int is_right, const char *what)
{
	if (is_right)
		return;
	fprintf(stderr, "failed: %s\n", what);
	exit(1);
}

static struct tls_bytes read_file(const char *name)
{
	uint8_t *bytes = malloc(FILE_BYTES);
	FILE *file = fopen(name, "rb");
	check(bytes && file, name);
	struct tls_bytes result = { bytes, fread(bytes, 1, FILE_BYTES, file) };
	fclose(file);
	return result;
}

static int connect_to(int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int connection = socket(AF_INET, SOCK_STREAM, 0);
	check(connect(connection, (struct sockaddr *)&address, sizeof address) == 0, "connect");
	return connection;
}

/** What the server has sent, for a replay. */
static struct {
	uint8_t bytes[FLIGHT_BYTES];
	size_t length;
} recorded;

static void send_output(struct tls_session *session, int connection)
{
	uint8_t bytes[PIECE_BYTES];
	size_t length;
	while ((length = tls_take(session, bytes, sizeof bytes)) > 0) {
		/* A server that has refused closes its socket. */
		if (send(connection, bytes, length, MSG_NOSIGNAL) < 0)
			return;
	}
}

static void receive_input(struct tls_session *session, int connection)
{
	uint8_t bytes[PIECE_BYTES];
	size_t room = tls_room(session);
	ssize_t length = recv(connection, bytes, room < sizeof bytes ? room : sizeof bytes, 0);
	if (length <= 0) {
		tls_put_end(session);
		return;
	}
	check(tls_put(session, bytes, (size_t)length) == (size_t)length, "room for the input");
	if (recorded.length + (size_t)length <= FLIGHT_BYTES) {
		memcpy(recorded.bytes + recorded.length, bytes, (size_t)length);
		recorded.length += (size_t)length;
	}
}

static enum tls_result shake_hands(struct tls_session *session, int connection)
{
	for (;;) {
		enum tls_result result = tls_handshake(session);
		send_output(session, connection);
		if (result == TLS_OK)
			tls_end_handshake(session);
		if (result == TLS_WANT_INPUT)
			receive_input(session, connection);
		else if (result != TLS_WANT_OUTPUT)
			return result;
	}
}

/** Sends bytes to a server that sends them back, and reads them in odd pieces. */
static enum tls_result echo(struct tls_session *session, int connection)
{
	static uint8_t sent[ECHO_BYTES], received[ECHO_BYTES];
	fill_random(NULL, sent, sizeof sent);
	size_t written = 0, read = 0;
	while (read < sizeof sent) {
		if (written < sizeof sent)
			written += tls_write(session, sent + written, sizeof sent - written);
		send_output(session, connection);
		size_t length;
		enum tls_result result = tls_readable(session, &length);
		if (result == TLS_WANT_INPUT) {
			/* It may have answered with an alert. */
			send_output(session, connection);
			receive_input(session, connection);
		} else if (result != TLS_OK) {
			check(memcmp(sent, received, read) == 0, "the echo until the end");
			return result;
		}
		while (length > 0) {
			size_t piece = tls_read(session, received + read, length < 333 ? length : 333);
			check(piece > 0, "a read of what is readable");
			read += piece;
			length -= piece;
		}
	}
	check(memcmp(sent, received, sizeof sent) == 0, "the echo");
	return TLS_OK;
}

/** Connects and transfers data. `resumption` is offered, and replaced by what is kept. */
static enum tls_result connect_once(int port, const struct tls_options *options, struct tls_resumption **resumption)
{
	int connection = connect_to(port);
	struct tls_session *session = tls_new(options);
	check(session != NULL, "a session");
	if (*resumption)
		tls_resume(session, *resumption);
	enum tls_result result = shake_hands(session, connection);
	if (result == TLS_OK) {
		puts(tls_is_resumed(session) ? "resumed" : "connected");
		result = echo(session, connection);
	}
	puts(NAMES[result]);
	tls_forget(*resumption);
	*resumption = result == TLS_OK ? tls_keep(session) : NULL;
	tls_end(session);
	send_output(session, connection);
	tls_free(session);
	close(connection);
	return result;
}

static void connect_twice(int port, const struct tls_options *first, const struct tls_options *second)
{
	struct tls_resumption *resumption = NULL;
	if (connect_once(port, first, &resumption) == TLS_OK)
		connect_once(port, second, &resumption);
	tls_forget(resumption);
}

/** An idle session holds no pipes, so that it needs memory for the next bytes in either direction. */
static void starve(int port, const struct tls_options *options)
{
	int connection = connect_to(port);
	struct tls_session *session = tls_new(options);
	check(session && shake_hands(session, connection) == TLS_OK, "the handshake");
	puts(NAMES[echo(session, connection)]);
	lacks_memory = 1;
	uint8_t byte = 0;
	check(tls_write(session, &byte, 1) == 0, "no write without memory");
	check(tls_put(session, &byte, 1) == 0, "no input without memory");
	size_t length;
	puts(NAMES[tls_readable(session, &length)]);
	lacks_memory = 0;
	tls_free(session);
	close(connection);
}

/** Writes what the server sends to the standard output. Returns the reason for which there is no more now. */
static enum tls_result print_input(struct tls_session *session)
{
	uint8_t bytes[PIECE_BYTES];
	size_t length;
	enum tls_result result;
	while ((result = tls_readable(session, &length)) == TLS_OK)
		fwrite(bytes, 1, tls_read(session, bytes, length < sizeof bytes ? length : sizeof bytes), stdout);
	fflush(stdout);
	return result;
}

/** Prints "connected" to standard error, and at the end the reason. */
static void connect_pipe(int port, const struct tls_options *options)
{
	asks_for_short_records = 0;
	int connection = connect_to(port);
	struct tls_session *session = tls_new(options);
	check(session != NULL, "a session");
	enum tls_result result = shake_hands(session, connection);
	if (result == TLS_OK)
		fputs("connected\n", stderr);
	struct pollfd both[] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .fd = connection, .events = POLLIN } };
	while (result == TLS_OK || result == TLS_WANT_INPUT) {
		result = print_input(session);
		send_output(session, connection);
		if (result != TLS_WANT_INPUT)
			break;
		check(poll(both, 2, -1) > 0, "poll");
		uint8_t bytes[PIECE_BYTES];
		ssize_t length = both[0].revents ? read(STDIN_FILENO, bytes, sizeof bytes) : 0;
		if (both[0].revents && length <= 0)
			break;
		if (length > 0)
			check(tls_write(session, bytes, (size_t)length) == (size_t)length, "a write");
		if (both[1].revents)
			receive_input(session, connection);
	}
	fprintf(stderr, "%s\n", NAMES[result]);
	tls_free(session);
	close(connection);
}

/** Whether a byte of the recorded flight is the minor version of a record, which nothing protects. */
static int is_version(size_t at)
{
	for (size_t i = 0; i + 5 <= recorded.length; i += 5 + (size_t)(recorded.bytes[i + 3] << 8 | recorded.bytes[i + 4])) {
		if (at == i + 2)
			return 1;
	}
	return 0;
}

static size_t change(uint8_t *bytes, size_t length)
{
	uint32_t changes = 1 + next_random() % 3;
	for (uint32_t i = 0; i < changes; i++) {
		size_t at = next_random() % length;
		if (!is_version(at))
			bytes[at] = (uint8_t)(bytes[at] ^ (1 + next_random() % 255));
	}
	switch (next_random() % 8) {
	case 0:
		return next_random() % length;
	case 1: {
		size_t from = next_random() % length, to = next_random() % length;
		size_t longer = from > to ? from : to;
		memmove(bytes + to, bytes + from, length - longer);
		return length;
	}
	default:
		return length;
	}
}

/** Gives a session the bytes of a server in random pieces, until the handshake ends one way or the other. */
static enum tls_result replay(const struct tls_options *options, const uint8_t *bytes, size_t length)
{
	struct tls_session *session = tls_new(options);
	check(session != NULL, "a session");
	enum tls_result result;
	size_t put = 0;
	while ((result = tls_handshake(session)) <= TLS_WANT_OUTPUT && result != TLS_OK) {
		uint8_t output[PIECE_BYTES];
		while (tls_take(session, output, sizeof output) > 0)
			;
		size_t piece = 1 + next_random() % 400;
		piece = piece < length - put ? piece : length - put;
		if (piece > 0)
			put += tls_put(session, bytes + put, piece);
		else
			tls_put_end(session);
	}
	tls_free(session);
	return result;
}

static void fuzz(int port, const struct tls_options *options, int count, uint64_t seed)
{
	static uint8_t flight[FLIGHT_BYTES];
	library_state = seed;
	int connection = connect_to(port);
	struct tls_session *session = tls_new(options);
	check(session && shake_hands(session, connection) == TLS_OK, "the recorded handshake");
	tls_free(session);
	close(connection);
	library_state = seed;
	puts(NAMES[replay(options, recorded.bytes, recorded.length)]);
	for (int i = 0; i < count; i++) {
		memcpy(flight, recorded.bytes, recorded.length);
		choice_state = seed + (uint64_t)i;
		size_t length = change(flight, recorded.length);
		if (length == recorded.length && memcmp(flight, recorded.bytes, length) == 0)
			continue;
		library_state = seed;
		enum tls_result result = replay(options, flight, length);
		if (result == TLS_OK)
			printf("connected by a changed flight, %d\n", i);
	}
	puts("fuzzed");
}

int main(int count, char **arguments)
{
	if (count > 1 && strcmp(arguments[1], "version") == 0) {
		printf("%d %d\n", MBEDTLS_VERSION_MAJOR, MBEDTLS_VERSION_MINOR);
		return 0;
	}
	check(count >= 6, "the arguments");
	now_s = atoll(arguments[4]);
	struct tls_options options = { .host = arguments[3], .now_s = now_s, .random = fill_random };
	options.authorities[1] = read_file(arguments[5]);
	if (strcmp(arguments[1], "fuzz") == 0) {
		fuzz(atoi(arguments[2]), &options, atoi(arguments[6]), strtoull(arguments[7], NULL, 10));
	} else if (strcmp(arguments[1], "pipe") == 0) {
		connect_pipe(atoi(arguments[2]), &options);
	} else if (strcmp(arguments[1], "starve") == 0) {
		starve(atoi(arguments[2]), &options);
	} else if (strcmp(arguments[1], "resume") == 0) {
		struct tls_options second = options;
		second.host = arguments[6];
		second.now_s += atoll(arguments[7]);
		connect_twice(atoi(arguments[2]), &options, &second);
	} else {
		if (count > 7) {
			options.certificate = read_file(arguments[6]);
			options.key = read_file(arguments[7]);
		}
		connect_twice(atoi(arguments[2]), &options, &options);
		free((void *)options.certificate.bytes);
		free((void *)options.key.bytes);
	}
	free((void *)options.authorities[1].bytes);
	return 0;
}
