/*
 * Driver of the wired network interface. Each target links one of board-driver.c and openeth.c.
 */

#pragma once

#include <stdint.h>

#include "esp_err.h"
#include "esp_eth.h"

/** Values that describe the wiring, in this order (native.ts). */
enum {
	ETHERNET_TYPE,
	/** W5500: clock, MOSI, MISO, select, interrupt. LAN8720: MDC, MDIO, clock, whether the clock is an output, address. */
	ETHERNET_PINS,
	/** -1 without a reset pin. */
	ETHERNET_RESET_PIN = ETHERNET_PINS + 5,
	ETHERNET_VALUES,
};

enum {
	ETHERNET_W5500,
	ETHERNET_LAN8720,
};

/** Makes the interface's MAC and PHY. */
esp_err_t ethernet_driver_make(const int8_t *wiring, esp_eth_mac_t **mac, esp_eth_phy_t **phy);
