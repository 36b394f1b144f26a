/*
 * Calls into lwIP's task, with the interface of the SDK's modLwipSafe.c (8.2.3), which manifests/chip.json leaves out.
 *
 * When a peer ends a connection, the SDK's tcp.c removes its error callback and keeps the connection until JavaScript
 * closes it. A reset by the peer in between lets lwIP free the connection, and the SDK's close frees it again: the chip
 * restarts. Here each call looks its connection up in lwIP's lists first.
 */

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lwip/dns.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/priv/tcpip_priv.h"
#include "lwip/tcp.h"
#include "lwip/udp.h"

/** A call that the caller waits for. */
struct call {
	struct tcpip_api_call_data base;
	struct tcp_pcb *tcp;
	struct udp_pcb *udp;
	const ip_addr_t *address;
	const void *data;
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
	tcpip_api_call(new_tcp, &call.base);
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
	return tcpip_api_call(bind_tcp, &call.base);
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
	tcpip_api_call(listen_tcp, &call.base);
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
	return tcpip_api_call(write_tcp, &call.base);
}

static err_t output_tcp(struct tcpip_api_call_data *base)
{
	struct tcp_pcb *pcb = ((struct call *)base)->tcp;
	return is_in(tcp_active_pcbs, pcb) ? tcp_output(pcb) : ERR_CONN;
}

void tcp_output_safe(struct tcp_pcb *pcb)
{
	struct call call = { .tcp = pcb };
	tcpip_api_call(output_tcp, &call.base);
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
	tcpip_api_call(receive_tcp, &call.base);
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
	tcpip_api_call(close_tcp, &call.base);
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
	tcpip_api_call(new_udp, &call.base);
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
	return tcpip_api_call(bind_udp, &call.base);
}

static err_t remove_udp(struct tcpip_api_call_data *base)
{
	udp_remove(((struct call *)base)->udp);
	return ERR_OK;
}

void udp_remove_safe(struct udp_pcb *pcb)
{
	struct call call = { .udp = pcb };
	tcpip_api_call(remove_udp, &call.base);
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
	*error = tcpip_api_call(send_udp, &call.base);
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
