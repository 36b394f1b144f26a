/*
 * Tests of lwip-calls.c over a fake of lwIP. The sanitizers find leaks. The headers of lwIP are
 * empty here. While lwIP's task is held, a thread has its part.
 */

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../expect.test.h"

typedef uint8_t u8_t;
typedef uint16_t u16_t;
typedef uint32_t u32_t;
typedef int err_t;
typedef struct { uint32_t addr; } ip_addr_t;

enum { ERR_OK = 0, ERR_MEM = -1, ERR_INPROGRESS = -5, ERR_CONN = -11 };
enum { PBUF_TRANSPORT, PBUF_RAM };

struct tcp_pcb {
	struct tcp_pcb *next;
	void *callback_arg;
	ip_addr_t remote_ip;
	int calls;
	int removed_callbacks;
};
struct udp_pcb {
	int sent;
};
struct pbuf {
	void *payload;
};
struct tcpip_api_call_data {
	int unused;
};

typedef err_t (*tcpip_api_call_fn)(struct tcpip_api_call_data *call);
typedef void (*tcpip_callback_fn)(void *context);
typedef err_t (*tcp_connected_fn)(void *argument, struct tcp_pcb *pcb, err_t error);
typedef void (*dns_found_callback)(const char *name, const ip_addr_t *address, void *argument);

static struct tcp_pcb *tcp_active_pcbs;
static struct tcp_pcb *tcp_bound_pcbs;
static union {
	struct tcp_pcb *pcbs;
} tcp_listen_pcbs;

/** lwIP has no memory for a message, or for a packet. */
static int is_memory_full;
static int freed_packets;
static const ip_addr_t *found;
/** Number of times that lwIP's queue is full. */
static int full_queues;
static bool is_task_held;
static bool is_in_wrong_task;
static pthread_t task;

static err_t tcpip_api_call(tcpip_api_call_fn function, struct tcpip_api_call_data *call)
{
	return function(call);
}

static err_t tcpip_callback(tcpip_callback_fn function, void *context)
{
	if (is_memory_full)
		return ERR_MEM;
	function(context);
	return ERR_OK;
}

struct tcpip_callback_msg {
	tcpip_callback_fn function;
};

static struct tcpip_callback_msg *tcpip_callbackmsg_new(tcpip_callback_fn function, void *context)
{
	static struct tcpip_callback_msg message;
	(void)context;
	message.function = function;
	return is_memory_full ? NULL : &message;
}

static void *run_task(void *message)
{
	((struct tcpip_callback_msg *)message)->function(NULL);
	return NULL;
}

static err_t tcpip_callbackmsg_trycallback(struct tcpip_callback_msg *message)
{
	if (full_queues > 0)
		return ERR_MEM;
	is_task_held = true;
	pthread_create(&task, NULL, run_task, message);
	return ERR_OK;
}

/** Returns when lwIP's task continues: the test fails by its time limit if it does not. */
static void join_task(void)
{
	pthread_join(task, NULL);
	is_task_held = false;
}

typedef sem_t *sys_sem_t;
#define sys_sem_valid_val(semaphore) ((semaphore) != NULL)
#define sys_sem_signal(semaphore) sem_post(*(semaphore))
#define sys_arch_sem_wait(semaphore, timeout) sem_wait(*(semaphore))
#define sys_msleep(ms) (full_queues--)

static err_t sys_sem_new(sys_sem_t *semaphore, u8_t count)
{
	static sem_t semaphores[2];
	static int made;
	if (is_memory_full)
		return ERR_MEM;
	*semaphore = &semaphores[made++];
	sem_init(*semaphore, 0, count);
	return ERR_OK;
}

static struct tcp_pcb *tcp_new(void)
{
	return is_memory_full ? NULL : calloc(1, sizeof(struct tcp_pcb));
}

static err_t use(struct tcp_pcb *pcb)
{
	if (is_task_held && !pthread_equal(pthread_self(), task))
		is_in_wrong_task = true;
	pcb->calls++;
	return ERR_OK;
}

#define tcp_bind(pcb, address, port) ((void)(address), (void)(port), use(pcb))
#define tcp_listen(pcb) (is_memory_full ? NULL : (pcb))
#define tcp_connect(pcb, address, port, on_connected) ((void)(address), (void)(port), (void)(on_connected), use(pcb))
#define tcp_write(pcb, data, length, flags) ((void)(data), (void)(length), (void)(flags), use(pcb))
#define tcp_output(pcb) use(pcb)
#define tcp_recved(pcb, length) ((void)(length), use(pcb))
#define tcp_close(pcb) use(pcb)
#define tcp_arg(pcb, argument) ((pcb)->callback_arg = (argument))
#define tcp_recv(pcb, callback) ((void)(callback), (pcb)->removed_callbacks++)
#define tcp_sent(pcb, callback) ((void)(callback), (pcb)->removed_callbacks++)
#define tcp_err(pcb, callback) ((void)(callback), (pcb)->removed_callbacks++)
#define ipaddr_ntoa_r(address, text, size) (snprintf(text, size, "10.0.0.%u", (address)->addr), text)
#define udp_new() calloc(1, sizeof(struct udp_pcb))
#define udp_bind(pcb, address, port) ((void)(pcb), (void)(address), (void)(port), ERR_OK)
#define udp_remove(pcb) free(pcb)
#define udp_sendto(pcb, packet, address, port) ((void)(packet), (void)(address), (void)(port), (pcb)->sent++, ERR_OK)

static struct pbuf *pbuf_alloc(int layer, u16_t length, int type)
{
	(void)layer;
	(void)type;
	if (is_memory_full)
		return NULL;
	struct pbuf *packet = malloc(sizeof(*packet));
	packet->payload = malloc(length);
	return packet;
}

static u8_t pbuf_free(struct pbuf *packet)
{
	free(packet->payload);
	free(packet);
	freed_packets++;
	return 1;
}

static err_t dns_gethostbyname(const char *host, ip_addr_t *address, dns_found_callback on_found, void *argument)
{
	(void)on_found;
	(void)argument;
	address->addr = 1;
	return host[0] == 'x' ? ERR_OK : ERR_CONN;
}

#include "lwip-calls.c"

/** A connection that lwIP has freed is in none of its lists. */
static void a_connection_that_lwip_has_freed_is_not_used(void)
{
	struct tcp_pcb freed = { 0 };
	struct tcp_pcb other = { 0 };
	tcp_active_pcbs = &other;
	EXPECT(tcp_write_safe(&freed, "x", 1, 0) == ERR_CONN);
	tcp_output_safe(&freed);
	tcp_recved_safe(&freed, 1);
	tcp_close_safe(&freed);
	tcp_close_safe(NULL);
	EXPECT(freed.calls == 0 && other.calls == 0);
	tcp_active_pcbs = NULL;
}

static void an_open_connection_is_used(void)
{
	struct tcp_pcb last = { 0 };
	struct tcp_pcb first = { .next = &last };
	tcp_active_pcbs = &first;
	EXPECT(tcp_write_safe(&last, "x", 1, 0) == ERR_OK);
	tcp_output_safe(&last);
	tcp_recved_safe(&last, 1);
	tcp_close_safe(&last);
	EXPECT(last.calls == 4 && first.calls == 0);
	tcp_active_pcbs = NULL;
}

static void a_listener_and_a_bound_connection_are_closed(void)
{
	struct tcp_pcb listener = { 0 };
	struct tcp_pcb bound = { 0 };
	tcp_listen_pcbs.pcbs = &listener;
	tcp_bound_pcbs = &bound;
	tcp_close_safe(&listener);
	tcp_close_safe(&bound);
	EXPECT(listener.calls == 1 && bound.calls == 1);
	tcp_listen_pcbs.pcbs = NULL;
	tcp_bound_pcbs = NULL;
}

static void keep_found(const char *name, const ip_addr_t *address, void *argument)
{
	(void)name;
	(void)argument;
	found = address;
}

static void a_call_without_memory_fails_and_leaves_nothing(void)
{
	struct tcp_pcb pcb = { 0 };
	struct udp_pcb *udp = udp_new_safe();
	ip_addr_t address = { 0 };
	err_t error = ERR_OK;
	is_memory_full = 1;
	EXPECT(tcp_new_safe() == NULL);
	EXPECT(tcp_listen_safe(&pcb) == NULL);
	EXPECT(tcp_connect_safe(&pcb, &address, 1, NULL) == ERR_MEM);
	EXPECT(dns_gethostbyname_safe("x", &address, keep_found, NULL) == ERR_MEM);
	udp_sendto_safe(udp, "x", 1, &address, 1, &error);
	EXPECT(error == ERR_MEM && udp->sent == 0);
	is_memory_full = 0;
	udp_remove_safe(udp);
}

static void a_packet_is_freed_also_without_memory(void)
{
	struct pbuf *packet = pbuf_alloc(PBUF_TRANSPORT, 1, PBUF_RAM);
	is_memory_full = 1;
	freed_packets = 0;
	pbuf_free_safe(packet);
	EXPECT(freed_packets == 1);
	is_memory_full = 0;
}

static void calls_with_memory_succeed(void)
{
	struct tcp_pcb pcb = { 0 };
	struct udp_pcb *udp = udp_new_safe();
	struct tcp_pcb *made = tcp_new_safe();
	ip_addr_t address = { 0 };
	err_t error = ERR_MEM;
	EXPECT(made != NULL);
	free(made);
	EXPECT(tcp_bind_safe(&pcb, &address, 1) == ERR_OK && tcp_listen_safe(&pcb) == &pcb);
	EXPECT(tcp_connect_safe(&pcb, &address, 1, NULL) == ERR_OK && pcb.calls == 2);
	EXPECT(udp_bind_safe(udp, &address, 1) == ERR_OK);
	udp_sendto_safe(udp, "x", 1, &address, 1, &error);
	EXPECT(error == ERR_OK && udp->sent == 1);
	udp_remove_safe(udp);
	EXPECT(dns_gethostbyname_safe("x", &address, keep_found, NULL) == ERR_INPROGRESS && found != NULL);
	EXPECT(dns_gethostbyname_safe("unknown", &address, keep_found, NULL) == ERR_INPROGRESS && found == NULL);
}

static void a_socket_closes_its_own_connection_only(void)
{
	struct tcp_socket socket;
	struct tcp_pcb own = { .callback_arg = &socket };
	struct tcp_pcb other = { .next = &own };
	struct tcp_pcb *freed = malloc(sizeof(*freed));
	tcp_active_pcbs = &other;
	socket.connection = &own;
	close_tcp_socket(&socket);
	EXPECT(own.calls == 1 && own.removed_callbacks == 3 && own.callback_arg == NULL);
	EXPECT(socket.connection == NULL);
	close_tcp_socket(&socket);

	/* The memory of the freed connection is another one's now. */
	socket.connection = &other;
	close_tcp_socket(&socket);
	EXPECT(socket.connection == NULL && other.calls == 0 && other.removed_callbacks == 0);

	socket.connection = freed;
	free(freed);
	close_tcp_socket(&socket);
	EXPECT(socket.connection == NULL && own.calls == 1);
	tcp_active_pcbs = NULL;
}

static void a_socket_has_the_address_of_its_own_peer_only(void)
{
	char text[ADDRESS_CHARS] = "none";
	struct tcp_socket socket;
	struct tcp_pcb own = { .callback_arg = &socket, .remote_ip = { 7 } };
	struct tcp_pcb other = { .next = &own, .remote_ip = { 8 } };
	struct tcp_pcb *freed = malloc(sizeof(*freed));
	tcp_active_pcbs = &other;
	socket.connection = &own;
	EXPECT(peer_of_tcp_socket(&socket, text) && strcmp(text, "10.0.0.7") == 0);

	/* The memory of the freed connection is another one's now. */
	socket.connection = &other;
	EXPECT(!peer_of_tcp_socket(&socket, text));
	socket.connection = freed;
	free(freed);
	EXPECT(!peer_of_tcp_socket(&socket, text));
	socket.connection = NULL;
	EXPECT(!peer_of_tcp_socket(&socket, text) && strcmp(text, "10.0.0.7") == 0);
	tcp_active_pcbs = NULL;
}

static void without_memory_the_task_is_not_held(void)
{
	is_memory_full = 1;
	EXPECT(!hold_lwip());
	is_memory_full = 0;
	release_lwip();
	an_open_connection_is_used();
}

static void calls_run_in_the_task_also_while_it_is_held(void)
{
	for (int i = 0; i < 1000; i++) {
		struct tcp_pcb pcb = { 0 };
		full_queues = i % 3;
		EXPECT(hold_lwip());
		EXPECT(full_queues == 0);
		an_open_connection_is_used();
		a_socket_closes_its_own_connection_only();
		a_socket_has_the_address_of_its_own_peer_only();
		a_connection_that_lwip_has_freed_is_not_used();
		release_lwip();
		join_task();
		EXPECT(tcp_bind_safe(&pcb, NULL, 1) == ERR_OK && pcb.calls == 1);
	}
	EXPECT(!is_in_wrong_task);
}

int main(void)
{
	without_memory_the_task_is_not_held();
	a_connection_that_lwip_has_freed_is_not_used();
	an_open_connection_is_used();
	a_listener_and_a_bound_connection_are_closed();
	a_call_without_memory_fails_and_leaves_nothing();
	a_packet_is_freed_also_without_memory();
	calls_with_memory_succeed();
	a_socket_closes_its_own_connection_only();
	a_socket_has_the_address_of_its_own_peer_only();
	calls_run_in_the_task_also_while_it_is_held();
	return 0;
}
