/*
 * The chip's TLS against a hostile server. At the start, a server of the same library and the client talk to each other
 * in memory, with random numbers that repeat: a second client accepts what the server sent to the first. An input changes
 * it, or is a server's stream by itself.
 *
 * A client must connect only by the messages that the server has sent, with the right name, time and authority. It must
 * read nothing but a beginning of the server's data.
 *
 * Input: scenario, size of the pieces, then instructions (see edit()) or the stream.
 */

#include <time.h>

#include "mbedtls/ssl.h"
#include "mbedtls/ssl_ticket.h"
#include "mbedtls/version.h"
#include "mbedtls/x509_crt.h"
#if MBEDTLS_VERSION_MAJOR >= 3
#include "psa/crypto.h"
#include "psa/crypto_extra.h"
#endif

#include "identity.h"
#include "target.h"
#include "tls-session.h"

enum {
	STREAM_BYTES = 16384,
	PIECE_BYTES = 256,
	STEPS = 100000,
	/** 2030-01-01, in the certificates' validity. */
	NOW_S = 1893456000,
	CENTURY_S = 3155760000,
	TICKET_LIFETIME_S = 3600,
	HEADER_BYTES = 5,
	CHANGE_CIPHER_SPEC = 20,
	HANDSHAKE = 22,
};

/** Bits of the scenario. */
enum {
	IS_RESUMED = 1,
	/** The input is the stream, in place of instructions. */
	IS_RAW = 2,
	/** The next bits are the kind of options. */
	OPTIONS_SHIFT = 2,
};

/** Kinds of options. */
enum { ALL_RIGHT, WRONG_NAME, TOO_LATE, UNKNOWN_AUTHORITY };

struct stream {
	uint8_t bytes[STREAM_BYTES];
	size_t length;
	size_t taken;
};

/** What the server sends: with a full handshake, and with one that resumes it. */
static struct stream recorded[2];
static struct tls_resumption *resumption;
static uint8_t server_data[3000];

/* Random numbers and the time */

static uint64_t client_state, server_state;
/** Version 4 has one source for both. */
static uint64_t *psa_state = &server_state;

static int fill(uint64_t *state, unsigned char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		*state = *state * 6364136223846793005u + 1442695040888963407u;
		bytes[i] = (unsigned char)(*state >> 56);
	}
	return 0;
}

static int fill_client(void *context, unsigned char *bytes, size_t length)
{
	(void)context;
	return fill(&client_state, bytes, length);
}

#if MBEDTLS_VERSION_MAJOR < 4
static int fill_server(void *context, unsigned char *bytes, size_t length)
{
	(void)context;
	return fill(&server_state, bytes, length);
}
#else
psa_status_t mbedtls_psa_external_get_random(mbedtls_psa_external_random_context_t *context, uint8_t *bytes,
					     size_t size, size_t *length)
{
	(void)context;
	*length = size;
	fill(psa_state, bytes, size);
	return PSA_SUCCESS;
}
#endif

static void seed(void)
{
	client_state = 1;
	server_state = 2;
}

/** In place of the C library's: version 2.28 sends the time as a part of its random bytes. */
time_t time(time_t *result)
{
	if (result)
		*result = NOW_S;
	return NOW_S;
}

/* The server */

struct server {
	mbedtls_ssl_config config;
	mbedtls_ssl_context ssl;
	mbedtls_x509_crt chain;
	mbedtls_pk_context key;
	mbedtls_ssl_ticket_context tickets;
	struct stream input;
	struct stream *output;
};

static int server_send(void *context, const unsigned char *bytes, size_t length)
{
	struct stream *output = ((struct server *)context)->output;
	EXPECT(output->length + length <= STREAM_BYTES);
	memcpy(output->bytes + output->length, bytes, length);
	output->length += length;
	return (int)length;
}

static int server_receive(void *context, unsigned char *bytes, size_t length)
{
	struct stream *input = &((struct server *)context)->input;
	size_t left = input->length - input->taken;
	if (left == 0)
		return MBEDTLS_ERR_SSL_WANT_READ;
	length = length < left ? length : left;
	memcpy(bytes, input->bytes + input->taken, length);
	input->taken += length;
	return (int)length;
}

static void prepare_server(struct server *server)
{
	mbedtls_ssl_config_init(&server->config);
	mbedtls_x509_crt_init(&server->chain);
	mbedtls_pk_init(&server->key);
	mbedtls_ssl_ticket_init(&server->tickets);
	EXPECT(mbedtls_x509_crt_parse_der(&server->chain, LEAF, sizeof LEAF) == 0);
	EXPECT(mbedtls_x509_crt_parse_der(&server->chain, MIDDLE, sizeof MIDDLE) == 0);
	EXPECT(mbedtls_ssl_config_defaults(&server->config, MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_TRANSPORT_STREAM,
					   MBEDTLS_SSL_PRESET_DEFAULT) == 0);
#if MBEDTLS_VERSION_MAJOR < 4
	mbedtls_ssl_conf_rng(&server->config, fill_server, NULL);
	EXPECT(mbedtls_ssl_ticket_setup(&server->tickets, fill_server, NULL, MBEDTLS_CIPHER_AES_128_GCM,
					TICKET_LIFETIME_S) == 0);
#else
	EXPECT(mbedtls_ssl_ticket_setup(&server->tickets, PSA_ALG_GCM, PSA_KEY_TYPE_AES, 128, TICKET_LIFETIME_S) == 0);
#endif
#if MBEDTLS_VERSION_MAJOR == 3
	EXPECT(mbedtls_pk_parse_key(&server->key, LEAF_KEY, sizeof LEAF_KEY, NULL, 0, fill_server, NULL) == 0);
#else
	EXPECT(mbedtls_pk_parse_key(&server->key, LEAF_KEY, sizeof LEAF_KEY, NULL, 0) == 0);
#endif
	mbedtls_ssl_conf_session_tickets_cb(&server->config, mbedtls_ssl_ticket_write, mbedtls_ssl_ticket_parse,
					    &server->tickets);
	EXPECT(mbedtls_ssl_conf_own_cert(&server->config, &server->chain, &server->key) == 0);
}

/** Gives the client's output to the server. */
static void move_output(struct tls_session *session, struct server *server)
{
	struct stream *input = &server->input;
	input->length += tls_take(session, input->bytes + input->length, STREAM_BYTES - input->length);
}

/** Gives the server's output to the client. */
static void move_input(struct tls_session *session, struct stream *stream)
{
	stream->taken += tls_put(session, stream->bytes + stream->taken, stream->length - stream->taken);
}

/** Sends the server's data in records of three sizes, then the end. */
static void send_data(struct server *server)
{
	static const size_t SIZES[] = { 1, 499, 2500 };
	size_t sent = 0;
	for (size_t i = 0; i < sizeof SIZES / sizeof SIZES[0]; i++) {
		EXPECT(mbedtls_ssl_write(&server->ssl, server_data + sent, SIZES[i]) == (int)SIZES[i]);
		sent += SIZES[i];
	}
	EXPECT(mbedtls_ssl_close_notify(&server->ssl) == 0);
}

static void use_random_of_client(int is_client)
{
	psa_state = is_client ? &client_state : &server_state;
}

/** Lets the client connect to the server, and records what the server sends. */
static void record(struct server *server, const struct tls_options *options, struct stream *stream)
{
	seed();
	use_random_of_client(1);
	struct tls_session *session = tls_new(options);
	EXPECT(session != NULL);
	if (resumption)
		tls_resume(session, resumption);
	use_random_of_client(0);
	server->output = stream;
	server->input.length = server->input.taken = 0;
	mbedtls_ssl_init(&server->ssl);
	EXPECT(mbedtls_ssl_setup(&server->ssl, &server->config) == 0);
	mbedtls_ssl_set_bio(&server->ssl, server, server_send, server_receive, NULL);
	enum tls_result result = TLS_WANT_INPUT;
	int served = MBEDTLS_ERR_SSL_WANT_READ;
	for (int i = 0; i < STEPS && (result != TLS_OK || served != 0); i++) {
		use_random_of_client(1);
		if (result != TLS_OK)
			result = tls_handshake(session);
		EXPECT(result <= TLS_WANT_OUTPUT);
		move_output(session, server);
		use_random_of_client(0);
		if (served != 0)
			served = mbedtls_ssl_handshake(&server->ssl);
		EXPECT(served == 0 || served == MBEDTLS_ERR_SSL_WANT_READ);
		move_input(session, stream);
	}
	EXPECT(result == TLS_OK && served == 0);
	tls_end_handshake(session);
	EXPECT(tls_is_resumed(session) == (resumption != NULL));
	if (!resumption)
		resumption = tls_keep(session);
	EXPECT(resumption != NULL);
	send_data(server);
	mbedtls_ssl_free(&server->ssl);
	tls_free(session);
}

static struct tls_options make_options(unsigned kind)
{
	struct tls_options options = { .host = "broker.example", .now_s = NOW_S, .random = fill_client };
	options.authorities[1] = (struct tls_bytes){ ROOT, sizeof ROOT };
	if (kind == WRONG_NAME)
		options.host = "other.example";
	if (kind == TOO_LATE)
		options.now_s += CENTURY_S;
	if (kind == UNKNOWN_AUTHORITY)
		options.authorities[1] = (struct tls_bytes){ LEAF, sizeof LEAF };
	return options;
}

/* The input's stream */

static void append(struct stream *stream, const uint8_t *bytes, size_t length)
{
	size_t room = STREAM_BYTES - stream->length;
	length = length < room ? length : room;
	if (length > 0)
		memcpy(stream->bytes + stream->length, bytes, length);
	stream->length += length;
}

/** Length of the record at a position; at the end of the stream, what is left. */
static size_t record_bytes(const struct stream *stream, size_t at)
{
	size_t left = stream->length - at;
	if (left < HEADER_BYTES)
		return left;
	size_t length = HEADER_BYTES + ((size_t)stream->bytes[at + 3] << 8 | stream->bytes[at + 4]);
	return length < left ? length : left;
}

/** Adds a number to the two bytes at the end of a stream: a length, often. */
static void add_to_last(struct stream *stream, int8_t number)
{
	if (stream->length < 2)
		return;
	uint8_t *last = stream->bytes + stream->length - 2;
	unsigned sum = (unsigned)(last[0] << 8 | last[1]) + (unsigned)(int)number;
	last[0] = (uint8_t)(sum >> 8);
	last[1] = (uint8_t)sum;
}

/** Makes a stream of a recorded one by instructions. After the last one, the rest follows unchanged. */
static void edit(struct input *input, unsigned scenario, struct stream *stream)
{
	const struct stream *from = &recorded[scenario & IS_RESUMED];
	size_t at = 0;
	while (input->length > 0) {
		uint8_t instruction = take_byte(input);
		size_t left = from->length - at;
		size_t count = 0;
		switch (instruction % 10) {
		case 0: /* Keeps a number of bytes. */
			count = take_number(input) % (left + 1);
			append(stream, from->bytes + at, count);
			break;
		case 1: /* Keeps a record. */
			count = record_bytes(from, at);
			append(stream, from->bytes + at, count);
			break;
		case 2: /* Omits a number of bytes. */
			count = take_byte(input) % (left + 1);
			break;
		case 3: /* Omits a record. */
			count = record_bytes(from, at);
			break;
		case 4: { /* Inserts bytes. */
			struct input inserted = take_bytes(input, take_byte(input));
			append(stream, inserted.bytes, inserted.length);
			break;
		}
		case 5: { /* Replaces bytes. */
			struct input inserted = take_bytes(input, take_byte(input) % 16);
			append(stream, inserted.bytes, inserted.length);
			count = inserted.length < left ? inserted.length : left;
			break;
		}
		case 6:
			add_to_last(stream, (int8_t)take_byte(input));
			break;
		case 7: /* Continues elsewhere. */
			at = take_number(input) % (from->length + 1);
			break;
		case 8: /* Continues in the other recording. */
			from = from == &recorded[0] ? &recorded[1] : &recorded[0];
			at = at < from->length ? at : from->length;
			break;
		default: /* Ends here. */
			return;
		}
		at += count;
	}
	append(stream, from->bytes + at, from->length - at);
}

/* The oracle */

/**
 * Copies what a client must authenticate: the messages of the handshake as far as the encrypted Finished. Versions of
 * records, alerts, and the lengths of records before the encryption have no protection in TLS 1.2.
 */
static void copy_messages(const struct stream *stream, struct stream *messages)
{
	int is_encrypted = 0;
	for (size_t at = 0; at + HEADER_BYTES <= stream->length; at += record_bytes(stream, at)) {
		uint8_t type = stream->bytes[at];
		is_encrypted |= type == CHANGE_CIPHER_SPEC;
		if (type != HANDSHAKE)
			continue;
		append(messages, stream->bytes + at + HEADER_BYTES, record_bytes(stream, at) - HEADER_BYTES);
		if (is_encrypted)
			return;
	}
}

static void check_connected(const struct stream *stream, unsigned scenario)
{
	static struct stream expected, seen;
	expected.length = seen.length = 0;
	unsigned kind = scenario >> OPTIONS_SHIFT;
	/* A resumption has no certificate, so that its authority does not matter. Name and time do. */
	EXPECT(kind == ALL_RIGHT || (scenario & IS_RESUMED && kind == UNKNOWN_AUTHORITY));
	copy_messages(&recorded[scenario & IS_RESUMED], &expected);
	copy_messages(stream, &seen);
	EXPECT(seen.length == expected.length && memcmp(seen.bytes, expected.bytes, seen.length) == 0);
}

/** Gives the client the next piece of the stream, and throws its output away. */
static void serve(struct tls_session *session, struct stream *stream, size_t piece)
{
	uint8_t output[PIECE_BYTES];
	while (tls_take(session, output, sizeof output) > 0)
		;
	size_t left = stream->length - stream->taken;
	size_t room = tls_room(session);
	piece = piece < left ? piece : left;
	size_t put = piece > 0 ? tls_put(session, stream->bytes + stream->taken, piece) : 0;
	EXPECT(put == (piece < room ? piece : room));
	stream->taken += put;
	if (left == 0)
		tls_put_end(session);
}

/** Reads to the end. Returns the number of bytes. */
static size_t read_data(struct tls_session *session, struct stream *stream, size_t piece)
{
	static uint8_t bytes[sizeof server_data + 1];
	size_t read = 0;
	enum tls_result result;
	for (int i = 0; i < STEPS; i++) {
		size_t length = 0;
		result = tls_readable(session, &length);
		EXPECT(result == TLS_OK || length == 0);
		if (result != TLS_OK && result != TLS_WANT_INPUT && result != TLS_WANT_OUTPUT)
			break;
		EXPECT(length <= sizeof bytes - read);
		size_t asked = piece < length ? piece : length;
		EXPECT(tls_read(session, bytes + read, asked) == asked);
		read += asked;
		serve(session, stream, piece);
		if (i % 16 == 0)
			tls_write(session, bytes, read);
	}
	EXPECT(result > TLS_WANT_OUTPUT);
	EXPECT(read <= sizeof server_data && memcmp(bytes, server_data, read) == 0);
	return read;
}

/** Returns the number of bytes that the client read. */
static size_t connect_to(struct stream *stream, unsigned scenario, size_t piece)
{
	seed();
	use_random_of_client(1);
	struct tls_options options = make_options(scenario >> OPTIONS_SHIFT);
	struct tls_session *session = tls_new(&options);
	EXPECT(session != NULL);
	if (scenario & IS_RESUMED)
		tls_resume(session, resumption);
	enum tls_result result = TLS_WANT_INPUT;
	size_t read = 0;
	int steps = 0;
	while (result == TLS_WANT_INPUT || result == TLS_WANT_OUTPUT) {
		EXPECT(steps++ < STEPS);
		result = tls_handshake(session);
		serve(session, stream, piece);
	}
	if (result == TLS_OK) {
		check_connected(stream, scenario);
		tls_end_handshake(session);
		read = read_data(session, stream, piece);
	}
	tls_end(session);
	tls_free(session);
	return read;
}

static void prepare(void)
{
	static struct server server;
	uint64_t state = 3;
	fill(&state, server_data, sizeof server_data);
#if MBEDTLS_VERSION_MAJOR >= 3
	EXPECT(psa_crypto_init() == PSA_SUCCESS);
#endif
	prepare_server(&server);
	struct tls_options options = make_options(ALL_RIGHT);
	record(&server, &options, &recorded[0]);
	record(&server, &options, &recorded[1]);
	mbedtls_ssl_config_free(&server.config);
	mbedtls_x509_crt_free(&server.chain);
	mbedtls_pk_free(&server.key);
	mbedtls_ssl_ticket_free(&server.tickets);
	/* Otherwise no input would come behind the handshake. */
	for (unsigned i = 0; i < 2; i++) {
		recorded[i].taken = 0;
		EXPECT(connect_to(&recorded[i], i, PIECE_BYTES) == sizeof server_data);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static struct stream stream;
	struct input input = { bytes, length };
	if (!resumption)
		prepare();
	unsigned scenario = take_byte(&input) % 16;
	size_t piece = 1 + take_byte(&input);
	stream.length = stream.taken = 0;
	if (scenario & IS_RAW)
		append(&stream, input.bytes, input.length);
	else
		edit(&input, scenario, &stream);
	connect_to(&stream, scenario, piece);
	return 0;
}
