/*
 * Functions of native.ts over lwip-calls.c, and for the time server that DHCP names (option 42).
 *
 * lwIP's SNTP client only stores the time server: the SDK's client asks for the time.
 */

#include "xsmc.h"

#include "lwip/apps/sntp.h"
#include "lwip/ip_addr.h"

#include "lwip-calls.h"

void xs_lwip_hold(xsMachine *the)
{
	if (!hold_lwip())
		xsUnknownError("no memory");
}

void xs_lwip_release(xsMachine *the)
{
	(void)the;
	release_lwip();
}

void xs_lwip_closeConnection(xsMachine *the)
{
	struct tcp_socket *socket = xsmcGetHostData(xsArg(0));
	if (socket != NULL)
		close_tcp_socket(socket);
}

void xs_lwip_remoteAddress(xsMachine *the)
{
	struct tcp_socket *socket = xsmcGetHostData(xsArg(0));
	char text[ADDRESS_CHARS];
	if (socket != NULL && peer_of_tcp_socket(socket, text))
		xsmcSetString(xsResult, text);
}

void xs_lwip_acceptTimeServer(xsMachine *the)
{
	(void)the;
	/* It sets a flag, which lwIP's task reads when DHCP has an answer. */
	sntp_servermode_dhcp(1);
}

void xs_lwip_timeServer(xsMachine *the)
{
	char text[IP4ADDR_STRLEN_MAX];
	const ip_addr_t *server = sntp_getserver(0);
	if (IP_IS_V4(server) && !ip_addr_isany(server))
		xsmcSetString(xsResult, ip4addr_ntoa_r(ip_2_ip4(server), text, sizeof text));
}
