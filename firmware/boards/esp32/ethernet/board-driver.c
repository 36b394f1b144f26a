/*
 * Drivers of boards: a W5500 on SPI, and a LAN8720 on the RMII of the classic ESP32.
 */

#include "ethernet-driver.h"

#include "driver/gpio.h"
#include "driver/spi_master.h"
#include "esp_eth_mac_w5500.h"
#include "esp_eth_phy_w5500.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "sdkconfig.h"

enum {
	SPI_HZ = 20 * 1000 * 1000,
	SPI_QUEUE = 20,
	/** Time in reset, ms. A W5500 needs 0.5 ms, the oscillator of some boards with a LAN8720 more. */
	RESET_MS = 20,
	/** Time from the end of the reset to the first access, ms. */
	START_MS = 150,
	/**
	 * Time that the start waits for the negotiation of the link, ms. The engine, which watches the pilot, stands still
	 * meanwhile, and without a cable the wait is in vain. The periodic check of the link finds the result.
	 */
	NEGOTIATION_MS = 100,
};

static void reset(int pin)
{
	if (pin < 0)
		return;
	gpio_reset_pin(pin);
	gpio_set_direction(pin, GPIO_MODE_OUTPUT);
	gpio_set_level(pin, 0);
	vTaskDelay(pdMS_TO_TICKS(RESET_MS));
	gpio_set_level(pin, 1);
	vTaskDelay(pdMS_TO_TICKS(START_MS));
}

static eth_phy_config_t phy_config(void)
{
	eth_phy_config_t config = ETH_PHY_DEFAULT_CONFIG();
	config.reset_gpio_num = -1;
	config.autonego_timeout_ms = NEGOTIATION_MS;
	return config;
}

static esp_err_t make_w5500(const int8_t *pins, esp_eth_mac_t **mac, esp_eth_phy_t **phy)
{
	spi_bus_config_t bus = {
		.sclk_io_num = pins[0],
		.mosi_io_num = pins[1],
		.miso_io_num = pins[2],
		.quadwp_io_num = -1,
		.quadhd_io_num = -1,
	};
	esp_err_t error = spi_bus_initialize(SPI2_HOST, &bus, SPI_DMA_CH_AUTO);
	if (error == ESP_OK || error == ESP_ERR_INVALID_STATE)
		error = gpio_install_isr_service(0);
	if (error != ESP_OK && error != ESP_ERR_INVALID_STATE)
		return error;
	spi_device_interface_config_t device = {
		.clock_speed_hz = SPI_HZ,
		.spics_io_num = pins[3],
		.queue_size = SPI_QUEUE,
	};
	eth_w5500_config_t config = ETH_W5500_DEFAULT_CONFIG(SPI2_HOST, &device);
	config.base.int_gpio_num = pins[4];
	eth_mac_config_t mac_config = ETH_MAC_DEFAULT_CONFIG();
	eth_phy_config_t phy_options = phy_config();
	*mac = esp_eth_mac_new_w5500(&config, &mac_config);
	*phy = esp_eth_phy_new_w5500(&phy_options);
	return ESP_OK;
}

static esp_err_t make_lan8720(const int8_t *pins, esp_eth_mac_t **mac, esp_eth_phy_t **phy)
{
#if CONFIG_ETH_USE_ESP32_EMAC
	eth_esp32_emac_config_t emac = ETH_ESP32_EMAC_DEFAULT_CONFIG();
	emac.smi_gpio.mdc_num = pins[0];
	emac.smi_gpio.mdio_num = pins[1];
	emac.clock_config.rmii.clock_gpio = pins[2];
	emac.clock_config.rmii.clock_mode = pins[3] ? EMAC_CLK_OUT : EMAC_CLK_EXT_IN;
	eth_mac_config_t mac_config = ETH_MAC_DEFAULT_CONFIG();
	eth_phy_config_t phy_options = phy_config();
	phy_options.phy_addr = pins[4];
	*mac = esp_eth_mac_new_esp32(&emac, &mac_config);
	*phy = esp_eth_phy_new_generic(&phy_options);
	return ESP_OK;
#else
	(void)pins;
	(void)mac;
	(void)phy;
	return ESP_ERR_NOT_SUPPORTED;
#endif
}

esp_err_t ethernet_driver_make(const int8_t *wiring, esp_eth_mac_t **mac, esp_eth_phy_t **phy)
{
	reset(wiring[ETHERNET_RESET_PIN]);
	const int8_t *pins = wiring + ETHERNET_PINS;
	return wiring[ETHERNET_TYPE] == ETHERNET_W5500 ? make_w5500(pins, mac, phy) : make_lan8720(pins, mac, phy);
}
