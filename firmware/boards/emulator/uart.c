/*
 * Register of the emulator's UARTs, for firmware/boards/emulator/native.ts.
 */

#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include "hal/uart_ll.h"

/** Reset value of the chip (ESP32-C3 Technical Reference Manual, UART_RXFIFO_FULL_THRHD), bytes. */
#define RX_FULL_BYTES 96
#define UARTS 2

/**
 * Sets the receive threshold to the chip's reset value. The emulator resets it to 0, with which an empty UART interrupts
 * without end.
 */
void xs_emulator_reset_uarts(xsMachine *the)
{
	for (int uart = 0; uart < UARTS; uart++)
		uart_ll_set_rxfifo_full_thr(UART_LL_GET_HW(uart), RX_FULL_BYTES);
}
