/*
 * What the firmware adds to the SDK's calls into lwIP's task. All functions are for the engine's task.
 */

#ifndef LWIP_CALLS_H
#define LWIP_CALLS_H

#include <stdbool.h>

struct tcp_pcb;

/** A socket of the SDK: the beginning of `TCPRecord` in its tcp.c (8.2.3). */
struct tcp_socket {
	struct tcp_pcb *connection;
};

/**
 * Holds lwIP's task until `release_lwip`: it receives nothing and calls nothing back. The calls of lwip-calls.c still run
 * there, but not those that are posted: connect and resolve. Returns false without memory; lwIP's task then continues.
 */
bool hold_lwip(void);

/** Ends the hold, if there is one. */
void release_lwip(void);

/**
 * Closes the connection of a socket, and takes it from the socket. A connection that lwIP has freed is not touched,
 * even if its memory is another connection's now.
 */
void close_tcp_socket(struct tcp_socket *socket);

/** Length of the longest address with its end, as `ipaddr_ntoa_r` writes it. */
#define ADDRESS_CHARS 46

/** Writes the address of a socket's peer as text. Returns false if lwIP has freed the connection. */
bool peer_of_tcp_socket(struct tcp_socket *socket, char text[ADDRESS_CHARS]);

#endif
