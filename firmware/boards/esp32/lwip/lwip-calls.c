/*
 * Calls into lwIP's task, with the interface of the SDK's modLwipSafe.c (8.2.3), which manifests/chip.json leaves out.
 *
 * When a peer ends a connection, the SDK's tcp.c removes its error callback and keeps the connection until JavaScript
 * closes it. A reset by the peer in between lets lwIP free the connection, and the SDK's close frees it again: the chip
 * restarts. Here each call looks its connection up in lwIP's lists first.
 *
 * tcp.c also shares its records with lwIP's task without a lock. So the engine's task can hold lwIP's task meanwhile: it
 * then only runs the calls of this file. All calls come from the engine's task.
 */

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lwip/dns.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/priv/tcpip_priv.h"
#include "lwip/tcp.h"
#include "lwip/udp.h"

#include "lwip-calls.h"

/** Time between two tries to hold lwIP's task while its queue is full, ms. */
#define HOLD_RETRY_MS 10

/** A call that the caller waits for. */
struct call {
	struct tcpip_api_call_data base;
	struct tcp_pcb *tcp;
	struct udp_pcb *udp;
	const ip_addr_t *address;
	const void *data;
	struct tcp_socket *socket;
	char *text;
	u16_t length;
	u16_t port;
	u8_t flags;
};

/** A call that the caller does not wait for. The callee frees it. */
struct posted_call {
	struct tcp_pcb *tcp;
	ip_addr_t address;
	u16_t port;
	tcp_connected_fn on_connected;
	dns_found_callback on_found;
	void *argument;
	char host[];
};

/* Holding lwIP's task */

static struct tcpip_callback_msg *hold_message;
static sys_sem_t asked;
static sys_sem_t answered;
static bool is_held;
/** The call to run while lwIP's task is held; without a function, the task continues. */
static tcpip_api_call_fn asked_function;
static struct tcpip_api_call_data *asked_call;
static err_t answer;

static void serve(void *context)
{
	(void)context;
	for (;;) {
		sys_sem_signal(&answered);
		sys_arch_sem_wait(&asked, 0);
		if (asked_function == NULL)
			return;
		answer = asked_function(asked_call);
	}
}

bool hold_lwip(void)
{
	if (hold_message == NULL) {
		if (!sys_sem_valid_val(asked) && sys_sem_new(&asked, 0) != ERR_OK)
			return false;
		if (!sys_sem_valid_val(answered) && sys_sem_new(&answered, 0) != ERR_OK)
			return false;
		hold_message = tcpip_callbackmsg_new(serve, NULL);
		if (hold_message == NULL)
			return false;
	}
	while (tcpip_callbackmsg_trycallback(hold_message) != ERR_OK)
		sys_msleep(HOLD_RETRY_MS);
	sys_arch_sem_wait(&answered, 0);
	is_held = true;
	return true;
}

void release_lwip(void)
{
	if (!is_held)
		return;
	is_held = false;
	asked_function = NULL;
	sys_sem_signal(&asked);
}

/** Runs a call in lwIP's task, and waits for it. */
static err_t run(tcpip_api_call_fn function, struct tcpip_api_call_data *call)
{
	if (!is_held)
		return tcpip_api_call(function, call);
	asked_function = function;
	asked_call = call;
	sys_sem_signal(&asked);
	sys_arch_sem_wait(&answered, 0);
	return answer;
}

static bool is_in(const struct tcp_pcb *first, const struct tcp_pcb *pcb)
{
	while (first != NULL && first != pcb)
		first = first->next;
	return first != NULL;
}

/** Lets lwIP's task call a function later. Frees the call if it cannot. */
static err_t post(tcpip_callback_fn function, struct posted_call *call)
{
	err_t error = tcpip_callback(function, call);
	if (error != ERR_OK)
		free(call);
	return error;
}

/* TCP */

static err_t new_tcp(struct tcpip_api_call_data *base)
{
	((struct call *)base)->tcp = tcp_new();
	return ERR_OK;
}

struct tcp_pcb *tcp_new_safe(void)
{
	struct call call = { 0 };
	run(new_tcp, &call.base);
	return call.tcp;
}

static err_t bind_tcp(struct tcpip_api_call_data *base)
{
	struct call *call = (struct call *)base;
	return tcp_bind(call->tcp, call->address, call->port);
}

err_t tcp_bind_safe(struct tcp_pcb *pcb, const ip_addr_t *address, u16_t port)
{
	struct call call = { .tcp = pcb, .address = address, .port = port };
	return run(bind_tcp, &call.base);
}

static err_t listen_tcp(struct tcpip_api_call_data *base)
{
	struct call *call = (struct call *)base;
	call->tcp = tcp_listen(call->tcp);
	return ERR_OK;
}

struct tcp_pcb *tcp_listen_safe(struct tcp_pcb *pcb)
{
	struct call call = { .tcp = pcb };
	run(listen_tcp, &call.base);
	return call.tcp;
}

static void connect_tcp(void *context)
{
	struct posted_call *call = context;
	tcp_connect(call->tcp, &call->address, call->port, call->on_connected);
	free(call);
}

/** The caller's object is complete before the connection is: the call is posted. */
err_t tcp_connect_safe(struct tcp_pcb *pcb, const ip_addr_t *address, u16_t port, tcp_connected_fn on_connected)
{
	struct posted_call *call = malloc(sizeof(*call));
	if (call == NULL)
		return ERR_MEM;
	*call = (struct posted_call){ .tcp = pcb, .address = *address, .port = port, .on_connected = on_connected };
	return post(connect_tcp, call);
}

static err_t write_tcp(struct tcpip_api_call_data *base)
{
	struct call *call = (struct call *)base;
	return is_in(tcp_active_pcbs, call->tcp) ? tcp_write(call->tcp, call->data, call->length, call->flags) : ERR_CONN;
}

err_t tcp_write_safe(struct tcp_pcb *pcb, const void *data, u16_t length, u8_t flags)
{
	struct call call = { .tcp = pcb, .data = data, .length = length, .flags = flags };
	return run(write_tcp, &call.base);
}

static err_t output_tcp(struct tcpip_api_call_data *base)
{
	struct tcp_pcb *pcb = ((struct call *)base)->tcp;
	return is_in(tcp_active_pcbs, pcb) ? tcp_output(pcb) : ERR_CONN;
}

void tcp_output_safe(struct tcp_pcb *pcb)
{
	struct call call = { .tcp = pcb };
	run(output_tcp, &call.base);
}

static err_t receive_tcp(struct tcpip_api_call_data *base)
{
	struct call *call = (struct call *)base;
	if (is_in(tcp_active_pcbs, call->tcp))
		tcp_recved(call->tcp, call->length);
	return ERR_OK;
}

void tcp_recved_safe(struct tcp_pcb *pcb, u16_t length)
{
	struct call call = { .tcp = pcb, .length = length };
	run(receive_tcp, &call.base);
}

static err_t close_tcp(struct tcpip_api_call_data *base)
{
	struct tcp_pcb *pcb = ((struct call *)base)->tcp;
	if (is_in(tcp_active_pcbs, pcb) || is_in(tcp_bound_pcbs, pcb) || is_in(tcp_listen_pcbs.pcbs, pcb))
		return tcp_close(pcb);
	return ERR_OK;
}

void tcp_close_safe(struct tcp_pcb *pcb)
{
	struct call call = { .tcp = pcb };
	run(close_tcp, &call.base);
}

/** Whether lwIP has not freed the connection of a socket. Its memory may be another connection's now. */
static bool is_connected(const struct tcp_socket *socket)
{
	const struct tcp_pcb *pcb = socket->connection;
	return (is_in(tcp_active_pcbs, pcb) || is_in(tcp_bound_pcbs, pcb)) && pcb->callback_arg == socket;
}

static err_t close_socket(struct tcpip_api_call_data *base)
{
	struct tcp_socket *socket = ((struct call *)base)->socket;
	struct tcp_pcb *pcb = socket->connection;
	bool is_open = is_connected(socket);
	socket->connection = NULL;
	if (!is_open)
		return ERR_OK;
	tcp_arg(pcb, NULL);
	tcp_recv(pcb, NULL);
	tcp_sent(pcb, NULL);
	tcp_err(pcb, NULL);
	return tcp_close(pcb);
}

void close_tcp_socket(struct tcp_socket *socket)
{
	struct call call = { .socket = socket };
	run(close_socket, &call.base);
}

static err_t copy_peer(struct tcpip_api_call_data *base)
{
	struct call *call = (struct call *)base;
	if (!is_connected(call->socket))
		return ERR_CONN;
	return ipaddr_ntoa_r(&call->socket->connection->remote_ip, call->text, ADDRESS_CHARS) == NULL ? ERR_MEM : ERR_OK;
}

bool peer_of_tcp_socket(struct tcp_socket *socket, char text[ADDRESS_CHARS])
{
	struct call call = { .socket = socket, .text = text };
	return run(copy_peer, &call.base) == ERR_OK;
}

/* UDP, names and buffers */

static err_t new_udp(struct tcpip_api_call_data *base)
{
	((struct call *)base)->udp = udp_new();
	return ERR_OK;
}

struct udp_pcb *udp_new_safe(void)
{
	struct call call = { 0 };
	run(new_udp, &call.base);
	return call.udp;
}

static err_t bind_udp(struct tcpip_api_call_data *base)
{
	struct call *call = (struct call *)base;
	return udp_bind(call->udp, call->address, call->port);
}

err_t udp_bind_safe(struct udp_pcb *pcb, const ip_addr_t *address, u16_t port)
{
	struct call call = { .udp = pcb, .address = address, .port = port };
	return run(bind_udp, &call.base);
}

static err_t remove_udp(struct tcpip_api_call_data *base)
{
	udp_remove(((struct call *)base)->udp);
	return ERR_OK;
}

void udp_remove_safe(struct udp_pcb *pcb)
{
	struct call call = { .udp = pcb };
	run(remove_udp, &call.base);
}

static err_t send_udp(struct tcpip_api_call_data *base)
{
	struct call *call = (struct call *)base;
	struct pbuf *packet = pbuf_alloc(PBUF_TRANSPORT, call->length, PBUF_RAM);
	if (packet == NULL)
		return ERR_MEM;
	memcpy(packet->payload, call->data, call->length);
	err_t error = udp_sendto(call->udp, packet, call->address, call->port);
	pbuf_free(packet);
	return error;
}

void udp_sendto_safe(struct udp_pcb *pcb, const void *data, uint16_t length, ip_addr_t *address, uint16_t port,
	err_t *error)
{
	struct call call = { .udp = pcb, .data = data, .length = length, .address = address, .port = port };
	*error = run(send_udp, &call.base);
}

/**
 * Any task may free a packet (SYS_LIGHTWEIGHT_PROT), as lwIP's own sockets do. A posted call would need memory, and a call
 * that waits would stop lwIP's task, in which the SDK's udp.c frees packets without memory.
 */
u8_t pbuf_free_safe(struct pbuf *packet)
{
	return pbuf_free(packet);
}

static void resolve(void *context)
{
	struct posted_call *call = context;
	err_t error = dns_gethostbyname(call->host, &call->address, call->on_found, call->argument);
	if (error != ERR_INPROGRESS)
		call->on_found(call->host, error == ERR_OK ? &call->address : NULL, call->argument);
	free(call);
}

err_t dns_gethostbyname_safe(const char *host, ip_addr_t *address, dns_found_callback on_found, void *argument)
{
	(void)address;
	size_t length = strlen(host) + 1;
	struct posted_call *call = malloc(sizeof(*call) + length);
	if (call == NULL)
		return ERR_MEM;
	*call = (struct posted_call){ .on_found = on_found, .argument = argument };
	memcpy(call->host, host, length);
	return post(resolve, call) == ERR_OK ? ERR_INPROGRESS : ERR_MEM;
}
