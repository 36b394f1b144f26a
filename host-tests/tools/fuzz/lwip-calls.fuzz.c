/*
 * Calls into lwIP in any order, with connections that lwIP frees at any time, over the fake of lwIP that the tests have.
 * A freed connection's memory is really freed: the sanitizer reports each use.
 */

#define main run_tests
#include "lwip-calls.test.c"
#undef main
#undef EXPECT

#include "target.h"

enum { SOCKETS = 4 };

/** Connections that lwIP has, and what the engine believes to have. */
static struct tcp_socket sockets[SOCKETS];

static bool is_active(const struct tcp_pcb *pcb)
{
	for (const struct tcp_pcb *one = tcp_active_pcbs; one != NULL; one = one->next) {
		if (one == pcb)
			return true;
	}
	return false;
}

static void open_socket(struct tcp_socket *socket)
{
	struct tcp_pcb *pcb = tcp_new_safe();
	if (pcb == NULL)
		return;
	pcb->next = tcp_active_pcbs;
	pcb->callback_arg = socket;
	tcp_active_pcbs = pcb;
	socket->connection = pcb;
}

/** lwIP frees a connection: after a reset by the peer, or after it was closed. */
static void free_pcb(unsigned number)
{
	for (struct tcp_pcb **link = &tcp_active_pcbs; *link != NULL; link = &(*link)->next) {
		if (number-- > 0)
			continue;
		struct tcp_pcb *pcb = *link;
		*link = pcb->next;
		free(pcb);
		return;
	}
}

static void use_socket(struct tcp_socket *socket, uint8_t call)
{
	ip_addr_t address = { 0 };
	bool is_there = is_active(socket->connection);
	int calls = is_there ? socket->connection->calls : 0;
	switch (call % 4) {
	case 0:
		EXPECT(tcp_write_safe(socket->connection, "x", 1, 0) == (is_there ? ERR_OK : ERR_CONN));
		break;
	case 1:
		tcp_output_safe(socket->connection);
		break;
	case 2:
		tcp_recved_safe(socket->connection, 1);
		break;
	default:
		if (is_there)
			EXPECT(tcp_connect_safe(socket->connection, &address, 1, NULL) == (is_memory_full ? ERR_MEM : ERR_OK));
	}
	if (is_there && !(call % 4 == 3 && is_memory_full))
		EXPECT(socket->connection->calls == calls + 1);
}

static void close_socket_of(struct tcp_socket *socket)
{
	struct tcp_pcb *pcb = is_active(socket->connection) ? socket->connection : NULL;
	bool is_own = pcb != NULL && pcb->callback_arg == socket;
	int calls = pcb ? pcb->calls : 0;
	close_tcp_socket(socket);
	EXPECT(socket->connection == NULL);
	if (pcb != NULL)
		EXPECT(pcb->calls == calls + is_own);
	if (is_own)
		EXPECT(pcb->callback_arg == NULL);
}

static void send_packet(void)
{
	struct udp_pcb *udp = udp_new_safe();
	ip_addr_t address = { 0 };
	err_t error = ERR_CONN;
	udp_sendto_safe(udp, "x", 1, &address, 1, &error);
	EXPECT(error == (is_memory_full ? ERR_MEM : ERR_OK));
	udp_remove_safe(udp);
}

static void look_up(const char *host)
{
	ip_addr_t address = { 0 };
	found = NULL;
	err_t error = dns_gethostbyname_safe(host, &address, keep_found, NULL);
	EXPECT(error == (is_memory_full ? ERR_MEM : ERR_INPROGRESS));
	EXPECT((found != NULL) == (!is_memory_full && host[0] == 'x'));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct input input = { bytes, length };
	memset(sockets, 0, sizeof sockets);
	while (input.length > 0) {
		uint8_t call = take_byte(&input);
		struct tcp_socket *socket = &sockets[(call >> 4) % SOCKETS];
		switch (call % 8) {
		case 0:
			if (!is_active(socket->connection))
				open_socket(socket);
			break;
		case 1:
			free_pcb(call >> 4);
			break;
		case 2:
		case 3:
			use_socket(socket, call >> 6);
			break;
		case 4:
			close_socket_of(socket);
			break;
		case 5:
			send_packet();
			break;
		case 6:
			look_up(call & 0x80 ? "x.example" : "unknown.example");
			break;
		default:
			is_memory_full = call >> 7;
		}
	}
	is_memory_full = 0;
	while (tcp_active_pcbs != NULL)
		free_pcb(0);
	for (int i = 0; i < SOCKETS; i++)
		close_socket_of(&sockets[i]);
	return 0;
}
