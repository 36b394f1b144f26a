/*
 * One TLS connection as a client, over mbedTLS: TLS 1.2, and 1.3 as an option of the library's build. It has neither
 * sockets nor tasks: the caller moves encrypted bytes in and out, so that the same code runs on the chip and in tests on
 * the host.
 *
 * The server must prove its name by a chain of certificates to one of the given authorities, at the given time. There
 * is no option to leave a check out.
 *
 * Two threads may use one session until tls_end_handshake(): one calls tls_handshake(), the other tls_put() and
 * tls_take(). All other functions need the session for themselves.
 */

#ifndef TLS_SESSION_H
#define TLS_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Result of a step. native.ts has the same numbers. */
enum tls_result {
	TLS_OK,
	/** The step needs more encrypted bytes of the server. */
	TLS_WANT_INPUT,
	/** The step needs room: the caller has to send encrypted bytes. */
	TLS_WANT_OUTPUT,
	/* The results that follow end the connection. */
	/** The server has closed the connection. */
	TLS_CLOSED,
	TLS_NO_MEMORY,
	TLS_UNKNOWN_AUTHORITY,
	TLS_WRONG_NAME,
	TLS_EXPIRED,
	TLS_NOT_YET_VALID,
	/** The certificate has a weak key or signature, or must not be used by a server. */
	TLS_BAD_CERTIFICATE,
	/** A record or another handshake message of the server is too long for the buffer. */
	TLS_TOO_LONG,
	/** The server's certificates together are too long for the buffer. */
	TLS_CHAIN_TOO_LONG,
	/** The server has sent an alert. */
	TLS_REFUSED,
	/** The server's bytes are not TLS, or were changed on the way. */
	TLS_INVALID,
};

enum {
	/** Room for encrypted bytes in each direction. */
	TLS_PIPE_BYTES = 1024,
	/** Most bytes that one tls_write() takes: with the overhead of a record they fit into the pipe. */
	TLS_WRITE_BYTES = 896,
	TLS_HOST_BYTES = 255,
	/** Lists of authorities that a session takes. */
	TLS_AUTHORITY_LISTS = 2,
};

struct tls_bytes {
	const uint8_t *bytes;
	size_t length;
};

struct tls_options {
	/** Name that the certificate must have, up to TLS_HOST_BYTES. It is sent as SNI, and must stay where it is. */
	const char *host;
	/** Certificates of authorities, DER, one after the other. They must stay where they are; unused lists are empty. */
	struct tls_bytes authorities[TLS_AUTHORITY_LISTS];
	/** Own certificate and its private key, DER; empty without. tls_new() copies them. */
	struct tls_bytes certificate;
	struct tls_bytes key;
	/** Present time, seconds since 1970. */
	int64_t now_s;
	/** Random bytes; returns 0. Versions from 4 on take them from PSA instead. */
	int (*random)(void *context, unsigned char *bytes, size_t length);
};

struct tls_session;
/** A finished handshake, which a later one to the same host can resume without certificates. */
struct tls_resumption;

/** Makes a session. Returns NULL without memory, or if an option is invalid. */
struct tls_session *tls_new(const struct tls_options *options);
void tls_free(struct tls_session *session);

/**
 * Takes encrypted bytes of the server. Returns how many fit. After the handshake, that may be none for lack of memory:
 * then tls_readable() ends the connection.
 */
size_t tls_put(struct tls_session *session, const uint8_t *bytes, size_t length);
/** Number of bytes that tls_put() accepts. */
size_t tls_room(const struct tls_session *session);
/** The server has ended its direction, after the bytes that were put. */
void tls_put_end(struct tls_session *session);
/** Gives encrypted bytes for the server. Returns their number. */
size_t tls_take(struct tls_session *session, uint8_t *bytes, size_t length);

/** Continues the handshake until it is complete (TLS_OK), needs bytes or room, or has failed. */
enum tls_result tls_handshake(struct tls_session *session);
/** Frees the memory that only a handshake needs. It has to be complete, and one thread uses the session from here on. */
void tls_end_handshake(struct tls_session *session);

/** Decrypts the next record, if no decrypted byte is left. TLS_OK: `*length` bytes can be read. */
enum tls_result tls_readable(struct tls_session *session, size_t *length);
/** Reads decrypted bytes, at most as many as tls_readable() has reported. Returns their number. */
size_t tls_read(struct tls_session *session, uint8_t *bytes, size_t length);
/**
 * Encrypts up to TLS_WRITE_BYTES. The pipe must be empty: the caller takes all bytes first. Returns the number, or 0
 * when the connection is broken.
 */
size_t tls_write(struct tls_session *session, const uint8_t *bytes, size_t length);
/** Adds the alert that ends the connection (close_notify) to the bytes for the server, if there is room. */
void tls_end(struct tls_session *session);

/** Keeps what a later handshake needs to resume; NULL without memory or if the server does not resume. */
struct tls_resumption *tls_keep(const struct tls_session *session);
/**
 * Offers resumption, before the first tls_handshake(), if the earlier handshake was with the same host and certificates
 * were checked less than a day ago. The server may refuse: then the handshake is a full one.
 */
void tls_resume(struct tls_session *session, const struct tls_resumption *resumption);
void tls_forget(struct tls_resumption *resumption);
/** Whether the finished handshake had no certificates, because it resumed an earlier one. */
bool tls_is_resumed(const struct tls_session *session);

#endif
