/*
 * Driver of the wired network interface. Each target links one.
 */

#pragma once

#include <stdint.h>

#include "esp_err.h"
#include "esp_eth.h"

enum {
	/** Number of values that describe the wiring (native.ts). A pin that is not connected is -1, or 255 without a sign. */
	ETHERNET_PINS = 6,
};

/** Makes the interface's MAC and PHY. */
esp_err_t ethernet_driver_make(const int8_t *pins, esp_eth_mac_t **mac, esp_eth_phy_t **phy);
