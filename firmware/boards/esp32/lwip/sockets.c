/*
 * Functions of native.ts over lwip-calls.c.
 */

#include "xsmc.h"

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
