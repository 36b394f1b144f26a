/*
 * The OpenCores MAC of the emulated chip. It has no wiring.
 */

#include "ethernet-driver.h"

#include "esp_eth_mac_openeth.h"

esp_err_t ethernet_driver_make(const int8_t *wiring, esp_eth_mac_t **mac, esp_eth_phy_t **phy)
{
	(void)wiring;
	eth_mac_config_t mac_config = ETH_MAC_DEFAULT_CONFIG();
	eth_phy_config_t phy_config = ETH_PHY_DEFAULT_CONFIG();
	phy_config.reset_gpio_num = -1;
	phy_config.autonego_timeout_ms = 100;
	*mac = esp_eth_mac_new_openeth(&mac_config);
	*phy = esp_eth_phy_new_generic(&phy_config);
	return *mac && *phy ? ESP_OK : ESP_ERR_NO_MEM;
}
