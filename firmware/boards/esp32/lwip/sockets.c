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
