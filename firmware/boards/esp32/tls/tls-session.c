/* See tls-session.h. It compiles with mbedTLS 2.28, 3.6 and 4.0, and uses only their public interface. */

#include "tls-session.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "mbedtls/ssl.h"
#include "mbedtls/version.h"
#include "mbedtls/x509_crt.h"
#if MBEDTLS_VERSION_MAJOR >= 3
#include "psa/crypto.h"
#endif

/**
 * TLS 1.3 besides 1.2, if the library was built with it and with a buffer for the longest records. The library (3.6 and
 * 4.0) refuses the answer of a TLS 1.3 server to its own max_fragment_length, so that no shorter ones can be requested.
 */
#if defined(MBEDTLS_SSL_PROTO_TLS1_3) && MBEDTLS_SSL_IN_CONTENT_LEN >= 16384
#define HAS_TLS_1_3 1
#else
#define HAS_TLS_1_3 0
#endif

enum {
	/**
	 * Highest length of a record's content, and of a handshake message. With TLS 1.2 only, a server is asked for 2048 or
	 * 4096 (RFC 6066 4), depending on the library's buffers.
	 */
	RECORD_BYTES = HAS_TLS_1_3 ? 16384 : 4096,
	HEADER_BYTES = 5,
	/** Growth of a record by encryption: AES-GCM adds 24 bytes, and RFC 5246 6.2.3 allows 2048 to others. */
	EXPANSION_BYTES = 256,
	/** Types of records (RFC 5246 6.2.1) are from change_cipher_spec to application_data. */
	FIRST_TYPE = 20,
	LAST_TYPE = 23,
	CHANGE_CIPHER_SPEC = 20,
	HANDSHAKE = 22,
	CERTIFICATE_MESSAGE = 11,
	MESSAGE_HEADER_BYTES = 4,
	TLS_MAJOR = 3,
	DER_SEQUENCE = 0x30,
	/** Highest age of a handshake that is resumed, s. Resumption checks no certificates. */
	RESUMPTION_S = 24 * 60 * 60,
};

/** A ring of bytes between two threads: each index is written by one of them. */
struct pipe {
	/** TLS_PIPE_BYTES; NULL while it is empty and no longer shared. */
	uint8_t *bytes;
	/** Whether two threads use it. */
	bool is_shared;
	/** Counts of bytes that were put and taken; their difference is at most TLS_PIPE_BYTES. */
	atomic_uint put;
	atomic_uint taken;
};

/** Position in the server's stream of records, and in that of the handshake's messages until they are encrypted. */
struct framing {
	uint8_t header[HEADER_BYTES];
	uint8_t header_bytes;
	uint16_t left;
	uint8_t message_header[MESSAGE_HEADER_BYTES];
	uint8_t message_header_bytes;
	uint32_t message_left;
	bool is_encrypted;
	bool is_too_long;
	bool is_chain_too_long;
};

/** Certificate and key for a server that asks for them. */
struct identity {
	mbedtls_x509_crt certificate;
	mbedtls_pk_context key;
};

struct tls_session {
	mbedtls_ssl_config config;
	mbedtls_ssl_context ssl;
	mbedtls_x509_crt_profile profile;
	/** NULL after the handshake, and without a certificate: it takes 1.5 KB and the certificate. */
	struct identity *identity;
	struct tls_bytes authorities[TLS_AUTHORITY_LISTS];
#if !defined(MBEDTLS_X509_TRUSTED_CERTIFICATE_CALLBACK)
	mbedtls_x509_crt trusted;
#endif
	const char *host;
	int64_t now_s;
	/** Time of the handshake whose certificates were checked, if this one resumes it. */
	int64_t resumed_s;
	struct framing framing;
	/** Whether a certificate was checked. */
	bool is_verified;
	atomic_bool has_input_ended;
	/** Input was lost, for lack of memory. */
	bool is_input_lost;
	struct pipe input;
	struct pipe output;
};

struct tls_resumption {
	mbedtls_ssl_session session;
	/** Time at which certificates were checked, s since 1970. */
	int64_t checked_s;
	char host[];
};

/** Suites with forward secrecy and authenticated encryption. The library omits those that it was built without. */
static const int CIPHER_SUITES[] = {
#if HAS_TLS_1_3
	MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
	MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
	MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
#endif
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	0,
};

/** Error for a certificate that must not be used by a server. */
#if MBEDTLS_VERSION_MAJOR >= 3
#define BAD_CERTIFICATE MBEDTLS_ERR_SSL_BAD_CERTIFICATE
#else
#define BAD_CERTIFICATE MBEDTLS_ERR_SSL_BAD_HS_CERTIFICATE
#endif

/** Highest content of a record that is requested: the library allows no more than its smaller buffer. */
#if MBEDTLS_SSL_OUT_CONTENT_LEN < 4096
#define MAX_FRAGMENT MBEDTLS_SSL_MAX_FRAG_LEN_2048
#else
#define MAX_FRAGMENT MBEDTLS_SSL_MAX_FRAG_LEN_4096
#endif

/* Pipes */

static size_t pipe_used(const struct pipe *pipe)
{
	return atomic_load_explicit(&pipe->put, memory_order_acquire) -
	       atomic_load_explicit(&pipe->taken, memory_order_acquire);
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static bool has_memory(struct pipe *pipe)
{
	if (!pipe->bytes)
		pipe->bytes = malloc(TLS_PIPE_BYTES);
	return pipe->bytes != NULL;
}

/** Frees the memory of a pipe that is empty and not shared. */
static void release_empty(struct pipe *pipe)
{
	if (pipe->is_shared || pipe_used(pipe) > 0)
		return;
	free(pipe->bytes);
	pipe->bytes = NULL;
}

/** Returns how many bytes fit; 0 without memory. */
static size_t pipe_put(struct pipe *pipe, const uint8_t *bytes, size_t length)
{
	if (!has_memory(pipe))
		return 0;
	unsigned put = atomic_load_explicit(&pipe->put, memory_order_relaxed);
	length = smaller(length, TLS_PIPE_BYTES - pipe_used(pipe));
	size_t at = put % TLS_PIPE_BYTES;
	size_t first = smaller(length, TLS_PIPE_BYTES - at);
	memcpy(pipe->bytes + at, bytes, first);
	memcpy(pipe->bytes, bytes + first, length - first);
	atomic_store_explicit(&pipe->put, put + (unsigned)length, memory_order_release);
	return length;
}

static size_t pipe_take(struct pipe *pipe, uint8_t *bytes, size_t length)
{
	unsigned taken = atomic_load_explicit(&pipe->taken, memory_order_relaxed);
	length = smaller(length, pipe_used(pipe));
	if (length == 0)
		return 0;
	size_t at = taken % TLS_PIPE_BYTES;
	size_t first = smaller(length, TLS_PIPE_BYTES - at);
	memcpy(bytes, pipe->bytes + at, first);
	memcpy(bytes + first, pipe->bytes, length - first);
	atomic_store_explicit(&pipe->taken, taken + (unsigned)length, memory_order_release);
	release_empty(pipe);
	return length;
}

/* Records */

/** Reads a record's header. Returns whether the record is acceptable. */
static bool open_record(struct framing *framing)
{
	const uint8_t *header = framing->header;
	size_t length = (size_t)header[3] << 8 | header[4];
	framing->header_bytes = 0;
	framing->left = (uint16_t)length;
	framing->is_encrypted |= header[0] == CHANGE_CIPHER_SPEC;
	if (header[0] < FIRST_TYPE || header[0] > LAST_TYPE || header[1] != TLS_MAJOR)
		return false;
	framing->is_too_long = length > RECORD_BYTES + EXPANSION_BYTES;
	return !framing->is_too_long;
}

/** Follows the handshake's messages. Returns whether they are acceptable. */
static bool follow_messages(struct framing *framing, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length;) {
		size_t skipped = smaller(framing->message_left, length - i);
		framing->message_left -= (uint32_t)skipped;
		i += skipped;
		if (i == length)
			break;
		uint8_t *header = framing->message_header;
		header[framing->message_header_bytes++] = bytes[i++];
		if (framing->message_header_bytes < MESSAGE_HEADER_BYTES)
			continue;
		framing->message_header_bytes = 0;
		framing->message_left = (uint32_t)header[1] << 16 | (uint32_t)header[2] << 8 | header[3];
		framing->is_too_long = framing->message_left > RECORD_BYTES - MESSAGE_HEADER_BYTES;
		framing->is_chain_too_long = framing->is_too_long && header[0] == CERTIFICATE_MESSAGE;
		if (framing->is_too_long)
			return false;
	}
	return true;
}

/**
 * Follows the server's records. A library with larger buffers would accept longer ones, and one with smaller buffers
 * has no error of its own for them.
 */
static bool follow_records(struct framing *framing, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length;) {
		size_t skipped = smaller(framing->left, length - i);
		bool is_message = framing->header[0] == HANDSHAKE && !framing->is_encrypted;
		if (is_message && !follow_messages(framing, bytes + i, skipped))
			return false;
		framing->left = (uint16_t)(framing->left - skipped);
		i += skipped;
		if (i == length)
			break;
		framing->header[framing->header_bytes++] = bytes[i++];
		if (framing->header_bytes == HEADER_BYTES && !open_record(framing))
			return false;
	}
	return true;
}

static int send_bytes(void *context, const unsigned char *bytes, size_t length)
{
	struct tls_session *session = context;
	size_t sent = pipe_put(&session->output, bytes, length);
	return sent > 0 ? (int)sent : MBEDTLS_ERR_SSL_WANT_WRITE;
}

static int receive_bytes(void *context, unsigned char *bytes, size_t length)
{
	struct tls_session *session = context;
	/* Read before the pipe: bytes that were put before the end must not be lost. */
	bool has_ended = atomic_load_explicit(&session->has_input_ended, memory_order_acquire);
	if (session->is_input_lost)
		return MBEDTLS_ERR_SSL_ALLOC_FAILED;
	size_t taken = pipe_take(&session->input, bytes, length);
	if (!follow_records(&session->framing, bytes, taken))
		return MBEDTLS_ERR_SSL_INVALID_RECORD;
	if (taken > 0)
		return (int)taken;
	return has_ended ? 0 : MBEDTLS_ERR_SSL_WANT_READ;
}

/* Certificates */

/** Length of the DER sequence at the start of a list; 0 if there is none, or if the list ends before. */
static size_t sequence_bytes(const struct tls_bytes *list)
{
	const uint8_t *bytes = list->bytes;
	if (list->length < 4 || bytes[0] != DER_SEQUENCE || bytes[1] != 0x82)
		return 0;
	size_t length = 4 + ((size_t)bytes[2] << 8 | bytes[3]);
	return length <= list->length ? length : 0;
}

/** Takes the next certificate from a list of DER certificates. */
static bool next_certificate(struct tls_bytes *list, struct tls_bytes *next)
{
	next->bytes = list->bytes;
	next->length = sequence_bytes(list);
	if (next->length == 0)
		return false;
	list->bytes += next->length;
	list->length -= next->length;
	return true;
}

#if defined(MBEDTLS_X509_TRUSTED_CERTIFICATE_CALLBACK)

static bool contains(const struct tls_bytes *bytes, const mbedtls_x509_buf *part)
{
	for (size_t i = 0; i + part->len <= bytes->length; i++) {
		if (memcmp(bytes->bytes + i, part->p, part->len) == 0)
			return true;
	}
	return false;
}

/** Appends a certificate to the candidates, which the library frees. */
static int add_candidate(mbedtls_x509_crt **candidates, const struct tls_bytes *der)
{
	mbedtls_x509_crt *certificate = calloc(1, sizeof *certificate);
	if (!certificate)
		return MBEDTLS_ERR_X509_ALLOC_FAILED;
	mbedtls_x509_crt_init(certificate);
	int error = mbedtls_x509_crt_parse_der_nocopy(certificate, der->bytes, der->length);
	if (error) {
		mbedtls_x509_crt_free(certificate);
		free(certificate);
		return error == MBEDTLS_ERR_X509_ALLOC_FAILED ? error : 0;
	}
	while (*candidates)
		candidates = &(*candidates)->next;
	*candidates = certificate;
	return 0;
}

/** Gives the library the authorities that may have issued a certificate. All others take no memory. */
static int find_authorities(void *context, const mbedtls_x509_crt *child, mbedtls_x509_crt **candidates)
{
	const struct tls_session *session = context;
	*candidates = NULL;
	for (int i = 0; i < TLS_AUTHORITY_LISTS; i++) {
		struct tls_bytes list = session->authorities[i];
		struct tls_bytes der;
		while (next_certificate(&list, &der)) {
			int error = contains(&der, &child->issuer_raw) ? add_candidate(candidates, &der) : 0;
			if (error)
				return error;
		}
	}
	return 0;
}

static void set_authorities(struct tls_session *session)
{
	mbedtls_ssl_conf_ca_cb(&session->config, find_authorities, session);
}

#else

static void set_authorities(struct tls_session *session)
{
	for (int i = 0; i < TLS_AUTHORITY_LISTS; i++) {
		struct tls_bytes list = session->authorities[i];
		struct tls_bytes der;
		while (next_certificate(&list, &der))
			mbedtls_x509_crt_parse_der(&session->trusted, der.bytes, der.length);
	}
	mbedtls_ssl_conf_ca_chain(&session->config, &session->trusted, NULL);
}

#endif

/** Days from 1970-01-01 to a date of the Gregorian calendar. */
static int64_t days_of(int year, int month, int day)
{
	int64_t shifted = month <= 2 ? year - 1 : year;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + day_of_year - 719468;
}

static int64_t seconds_of(const mbedtls_x509_time *time)
{
	return ((days_of(time->year, time->mon, time->day) * 24 + time->hour) * 60 + time->min) * 60 + time->sec;
}

/**
 * Checks the dates of each certificate by the time of the options, in place of the library's clock. The server's own
 * certificate must have its name as an alternative name: the library would accept a common name (RFC 9525 2).
 */
static int check_certificate(void *context, mbedtls_x509_crt *certificate, int depth, uint32_t *flags)
{
	struct tls_session *session = context;
	session->is_verified = true;
	if (depth == 0 && !certificate->subject_alt_names.buf.p)
		*flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
	*flags &= ~(uint32_t)(MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE);
	if (session->now_s > seconds_of(&certificate->valid_to))
		*flags |= MBEDTLS_X509_BADCERT_EXPIRED;
	if (session->now_s < seconds_of(&certificate->valid_from))
		*flags |= MBEDTLS_X509_BADCERT_FUTURE;
	return 0;
}

static enum tls_result certificate_result(uint32_t flags)
{
	if (flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED)
		return TLS_UNKNOWN_AUTHORITY;
	if (flags & MBEDTLS_X509_BADCERT_CN_MISMATCH)
		return TLS_WRONG_NAME;
	if (flags & MBEDTLS_X509_BADCERT_EXPIRED)
		return TLS_EXPIRED;
	if (flags & MBEDTLS_X509_BADCERT_FUTURE)
		return TLS_NOT_YET_VALID;
	return TLS_BAD_CERTIFICATE;
}

/* Sessions */

static enum tls_result result_of(const struct tls_session *session, int error)
{
	if (session->framing.is_chain_too_long)
		return TLS_CHAIN_TOO_LONG;
	if (session->framing.is_too_long || error == MBEDTLS_ERR_SSL_BUFFER_TOO_SMALL)
		return TLS_TOO_LONG;
	/* Version 4 has one number for both. */
	if (error == MBEDTLS_ERR_SSL_ALLOC_FAILED || error == MBEDTLS_ERR_X509_ALLOC_FAILED)
		return TLS_NO_MEMORY;
	switch (error) {
	case 0:
		return TLS_OK;
	case MBEDTLS_ERR_SSL_WANT_READ:
		return TLS_WANT_INPUT;
	case MBEDTLS_ERR_SSL_WANT_WRITE:
		return TLS_WANT_OUTPUT;
	case MBEDTLS_ERR_SSL_CONN_EOF:
	case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
		return TLS_CLOSED;
	case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE:
		return TLS_REFUSED;
	case BAD_CERTIFICATE:
		return TLS_BAD_CERTIFICATE;
	case MBEDTLS_ERR_X509_CERT_VERIFY_FAILED:
		return certificate_result(mbedtls_ssl_get_verify_result(&session->ssl));
	default:
		return TLS_INVALID;
	}
}

static int configure(struct tls_session *session, const struct tls_options *options)
{
	mbedtls_ssl_config *config = &session->config;
	int error = mbedtls_ssl_config_defaults(config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
						MBEDTLS_SSL_PRESET_DEFAULT);
	if (error)
		return error;
	mbedtls_ssl_conf_authmode(config, MBEDTLS_SSL_VERIFY_REQUIRED);
	/* RSA from 2048 bits and hashes from SHA-256. Version 2.28 would allow P-224. */
	session->profile = mbedtls_x509_crt_profile_default;
	session->profile.allowed_curves = mbedtls_x509_crt_profile_suiteb.allowed_curves;
	mbedtls_ssl_conf_cert_profile(config, &session->profile);
	mbedtls_ssl_conf_verify(config, check_certificate, session);
	mbedtls_ssl_conf_ciphersuites(config, CIPHER_SUITES);
#if MBEDTLS_VERSION_MAJOR >= 3
	mbedtls_ssl_conf_min_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
	mbedtls_ssl_conf_max_tls_version(config, HAS_TLS_1_3 ? MBEDTLS_SSL_VERSION_TLS1_3 : MBEDTLS_SSL_VERSION_TLS1_2);
#else
	mbedtls_ssl_conf_min_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
	mbedtls_ssl_conf_max_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
#endif
#if MBEDTLS_VERSION_MAJOR < 4
	mbedtls_ssl_conf_rng(config, options->random, NULL);
#else
	(void)options;
#endif
	set_authorities(session);
	return HAS_TLS_1_3 ? 0 : mbedtls_ssl_conf_max_frag_len(config, MAX_FRAGMENT);
}

static int set_identity(struct tls_session *session, const struct tls_options *options)
{
	const struct tls_bytes *certificate = &options->certificate;
	const struct tls_bytes *key = &options->key;
	if (certificate->length == 0)
		return 0;
	struct identity *identity = session->identity = calloc(1, sizeof *identity);
	if (!identity)
		return MBEDTLS_ERR_SSL_ALLOC_FAILED;
	mbedtls_x509_crt_init(&identity->certificate);
	mbedtls_pk_init(&identity->key);
	int error = mbedtls_x509_crt_parse_der(&identity->certificate, certificate->bytes, certificate->length);
	if (error)
		return error;
#if MBEDTLS_VERSION_MAJOR == 3
	error = mbedtls_pk_parse_key(&identity->key, key->bytes, key->length, NULL, 0, options->random, NULL);
#else
	error = mbedtls_pk_parse_key(&identity->key, key->bytes, key->length, NULL, 0);
#endif
	return error ? error : mbedtls_ssl_conf_own_cert(&session->config, &identity->certificate, &identity->key);
}

static void free_identity(struct tls_session *session)
{
	struct identity *identity = session->identity;
	session->identity = NULL;
	if (!identity)
		return;
	mbedtls_x509_crt_free(&identity->certificate);
	mbedtls_pk_free(&identity->key);
	free(identity);
}

static int set_up(struct tls_session *session, const struct tls_options *options)
{
#if MBEDTLS_VERSION_MAJOR >= 3
	if (psa_crypto_init() != PSA_SUCCESS)
		return MBEDTLS_ERR_SSL_ALLOC_FAILED;
#endif
	bool has_pipes = has_memory(&session->input) && has_memory(&session->output);
	int error = has_pipes ? configure(session, options) : MBEDTLS_ERR_SSL_ALLOC_FAILED;
	if (!error)
		error = set_identity(session, options);
	if (!error)
		error = mbedtls_ssl_setup(&session->ssl, &session->config);
	if (!error)
		error = mbedtls_ssl_set_hostname(&session->ssl, options->host);
	mbedtls_ssl_set_bio(&session->ssl, session, send_bytes, receive_bytes, NULL);
	return error;
}

struct tls_session *tls_new(const struct tls_options *options)
{
	struct tls_session *session = strlen(options->host) <= TLS_HOST_BYTES ? calloc(1, sizeof *session) : NULL;
	if (!session)
		return NULL;
	mbedtls_ssl_config_init(&session->config);
	mbedtls_ssl_init(&session->ssl);
#if !defined(MBEDTLS_X509_TRUSTED_CERTIFICATE_CALLBACK)
	mbedtls_x509_crt_init(&session->trusted);
#endif
	memcpy(session->authorities, options->authorities, sizeof session->authorities);
	session->host = options->host;
	session->now_s = options->now_s;
	session->input.is_shared = session->output.is_shared = true;
	if (set_up(session, options) == 0)
		return session;
	tls_free(session);
	return NULL;
}

void tls_free(struct tls_session *session)
{
	if (!session)
		return;
	mbedtls_ssl_free(&session->ssl);
	mbedtls_ssl_config_free(&session->config);
	free_identity(session);
#if !defined(MBEDTLS_X509_TRUSTED_CERTIFICATE_CALLBACK)
	mbedtls_x509_crt_free(&session->trusted);
#endif
	free(session->input.bytes);
	free(session->output.bytes);
	free(session);
}

size_t tls_put(struct tls_session *session, const uint8_t *bytes, size_t length)
{
	size_t put = pipe_put(&session->input, bytes, length);
	session->is_input_lost |= !session->input.bytes;
	return put;
}

size_t tls_room(const struct tls_session *session)
{
	return TLS_PIPE_BYTES - pipe_used(&session->input);
}

void tls_put_end(struct tls_session *session)
{
	atomic_store_explicit(&session->has_input_ended, true, memory_order_release);
}

size_t tls_take(struct tls_session *session, uint8_t *bytes, size_t length)
{
	return pipe_take(&session->output, bytes, length);
}

enum tls_result tls_handshake(struct tls_session *session)
{
	return result_of(session, mbedtls_ssl_handshake(&session->ssl));
}

void tls_end_handshake(struct tls_session *session)
{
	free_identity(session);
	session->input.is_shared = session->output.is_shared = false;
	release_empty(&session->input);
	release_empty(&session->output);
}

/** Whether a result of the library is no error: a ticket came, which is kept by tls_keep() of a later session. */
static bool is_ticket(int result)
{
#if defined(MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET)
	return result == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET;
#else
	(void)result;
	return false;
#endif
}

enum tls_result tls_readable(struct tls_session *session, size_t *length)
{
	int result;
	/* Without a length, the library decrypts the next record and leaves its bytes. */
	do
		result = mbedtls_ssl_read(&session->ssl, NULL, 0);
	while (is_ticket(result));
	*length = result < 0 ? 0 : mbedtls_ssl_get_bytes_avail(&session->ssl);
	if (result == 0 && *length == 0)
		return TLS_CLOSED;
	return result_of(session, result);
}

size_t tls_read(struct tls_session *session, uint8_t *bytes, size_t length)
{
	length = smaller(length, mbedtls_ssl_get_bytes_avail(&session->ssl));
	int read = length > 0 ? mbedtls_ssl_read(&session->ssl, bytes, length) : 0;
	return read > 0 ? (size_t)read : 0;
}

size_t tls_write(struct tls_session *session, const uint8_t *bytes, size_t length)
{
	length = smaller(length, TLS_WRITE_BYTES);
	int written = length > 0 ? mbedtls_ssl_write(&session->ssl, bytes, length) : 0;
	return written > 0 ? (size_t)written : 0;
}

void tls_end(struct tls_session *session)
{
	mbedtls_ssl_close_notify(&session->ssl);
}

/* Resumption */

struct tls_resumption *tls_keep(const struct tls_session *session)
{
	struct tls_resumption *resumption = calloc(1, sizeof *resumption + strlen(session->host) + 1);
	if (!resumption)
		return NULL;
	strcpy(resumption->host, session->host);
	/* The age counts from the handshake that has checked the certificates. */
	resumption->checked_s = session->is_verified ? session->now_s : session->resumed_s;
	mbedtls_ssl_session_init(&resumption->session);
	if (mbedtls_ssl_get_session(&session->ssl, &resumption->session) == 0)
		return resumption;
	tls_forget(resumption);
	return NULL;
}

void tls_resume(struct tls_session *session, const struct tls_resumption *resumption)
{
	int64_t age_s = session->now_s - resumption->checked_s;
	if (age_s < 0 || age_s >= RESUMPTION_S || strcmp(resumption->host, session->host) != 0)
		return;
	session->resumed_s = resumption->checked_s;
	mbedtls_ssl_set_session(&session->ssl, &resumption->session);
}

void tls_forget(struct tls_resumption *resumption)
{
	if (!resumption)
		return;
	mbedtls_ssl_session_free(&resumption->session);
	free(resumption);
}

bool tls_is_resumed(const struct tls_session *session)
{
	return !session->is_verified;
}
