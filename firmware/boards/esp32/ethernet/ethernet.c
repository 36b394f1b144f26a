/*
 * A wired network interface over ESP-IDF's esp_eth, for firmware/boards/esp32/ethernet/index.ts.
 *
 * ESP-IDF's event task keeps the address. One message to the engine says that it may have changed. Nothing is allocated
 * after start().
 */

#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include <stdatomic.h>
#include <stdbool.h>

#include "esp_eth.h"
#include "esp_event.h"
#include "esp_mac.h"
#include "esp_netif.h"

#include "ethernet-driver.h"

static struct {
	xsMachine *the;
	xsSlot on_changed;
	esp_eth_handle_t driver;
	/** The driver is joined to lwIP. */
	bool is_attached;
	bool is_open;
	/** IPv4 address in network order; 0 without one. ESP-IDF's event task writes it. */
	_Atomic uint32_t address;
	/** A message waits in the engine's queue. */
	atomic_bool is_message_posted;
} ethernet;

static void deliver(void *the, void *refcon, uint8_t *message, uint16_t message_length)
{
	(void)refcon;
	(void)message;
	(void)message_length;
	atomic_store(&ethernet.is_message_posted, false);
	if (!ethernet.is_open)
		return;
	xsBeginHost((xsMachine *)the);
	xsCallFunction0(ethernet.on_changed, xsGlobal);
	xsEndHost((xsMachine *)the);
}

/** Stores the address and tells the engine. At most one message waits in its queue. */
static void set_address(uint32_t address)
{
	atomic_store(&ethernet.address, address);
	if (atomic_exchange(&ethernet.is_message_posted, true))
		return;
	if (modMessagePostToMachine(ethernet.the, NULL, 0, deliver, NULL) != 0)
		atomic_store(&ethernet.is_message_posted, false);
}

/** Runs in ESP-IDF's event task. A link that is lost loses its address at once; DHCP begins again with the next link. */
static void handle_event(void *argument, esp_event_base_t base, int32_t id, void *data)
{
	(void)argument;
	if (base == ETH_EVENT && id == ETHERNET_EVENT_DISCONNECTED)
		set_address(0);
	else if (base == IP_EVENT && id == IP_EVENT_ETH_LOST_IP)
		set_address(0);
	else if (base == IP_EVENT && id == IP_EVENT_ETH_GOT_IP)
		set_address(((ip_event_got_ip_t *)data)->ip_info.ip.addr);
}

static void delete_driver(esp_eth_mac_t *mac, esp_eth_phy_t *phy)
{
	if (mac)
		mac->del(mac);
	if (phy)
		phy->del(phy);
}

/** Installs the driver. A failed call leaves nothing behind, so that it can be repeated. */
static esp_err_t install_driver(const int8_t *wiring, esp_eth_handle_t *driver)
{
	esp_eth_mac_t *mac = NULL;
	esp_eth_phy_t *phy = NULL;
	esp_err_t error = ethernet_driver_make(wiring, &mac, &phy);
	if (error == ESP_OK && (!mac || !phy))
		error = ESP_ERR_NO_MEM;
	esp_eth_config_t config = ETH_DEFAULT_CONFIG(mac, phy);
	if (error == ESP_OK)
		error = esp_eth_driver_install(&config, driver);
	if (error != ESP_OK) {
		delete_driver(mac, phy);
		return error;
	}
	uint8_t address[6];
	esp_read_mac(address, ESP_MAC_ETH);
	error = esp_eth_ioctl(*driver, ETH_CMD_S_MAC_ADDR, address);
	if (error != ESP_OK && esp_eth_driver_uninstall(*driver) == ESP_OK)
		delete_driver(mac, phy);
	return error;
}

/** Joins the driver to lwIP. It fails only without memory. */
static esp_err_t attach(esp_eth_handle_t driver)
{
	esp_err_t error = esp_netif_init();
	if (error == ESP_OK)
		error = esp_event_loop_create_default();
	if (error != ESP_OK && error != ESP_ERR_INVALID_STATE)
		return error;
	esp_netif_config_t config = ESP_NETIF_DEFAULT_ETH();
	esp_netif_t *netif = esp_netif_new(&config);
	esp_eth_netif_glue_handle_t glue = esp_eth_new_netif_glue(driver);
	if (!netif || !glue) {
		if (glue)
			esp_eth_del_netif_glue(glue);
		if (netif)
			esp_netif_destroy(netif);
		return ESP_ERR_NO_MEM;
	}
	error = esp_netif_attach(netif, glue);
	if (error == ESP_OK)
		error = esp_event_handler_register(ETH_EVENT, ESP_EVENT_ANY_ID, handle_event, NULL);
	if (error == ESP_OK)
		error = esp_event_handler_register(IP_EVENT, IP_EVENT_ETH_GOT_IP, handle_event, NULL);
	if (error == ESP_OK)
		error = esp_event_handler_register(IP_EVENT, IP_EVENT_ETH_LOST_IP, handle_event, NULL);
	return error;
}

/** Starts the driver. A failed start leaves it stopped: it would refuse the next one as started already. */
static esp_err_t start_driver(esp_eth_handle_t driver)
{
	esp_err_t error = esp_eth_start(driver);
	if (error != ESP_OK)
		esp_eth_stop(driver);
	return error;
}

/* Functions for JavaScript (native.ts) */

static void check(xsMachine *the, esp_err_t error)
{
	if (error != ESP_OK)
		xsUnknownError("error 0x%x", error);
}

/** `start(wiring, onChanged)` */
void xs_ethernet_start(xsMachine *the)
{
	void *wiring;
	xsUnsignedValue byte_length;
	xsmcGetBufferReadable(xsArg(0), &wiring, &byte_length);
	if (byte_length != ETHERNET_VALUES)
		xsRangeError("invalid wiring");
	if (ethernet.is_open)
		xsUnknownError("started already");
	ethernet.the = the;
	if (!ethernet.driver) {
		esp_eth_handle_t driver;
		check(the, install_driver(wiring, &driver));
		ethernet.driver = driver;
	}
	if (!ethernet.is_attached) {
		check(the, attach(ethernet.driver));
		ethernet.is_attached = true;
	}
	check(the, start_driver(ethernet.driver));
	ethernet.on_changed = xsArg(1);
	xsRemember(ethernet.on_changed);
	ethernet.is_open = true;
}

/** `close()`: stops the interface. Its driver stays installed for the next start. */
void xs_ethernet_close(xsMachine *the)
{
	if (!ethernet.is_open)
		return;
	ethernet.is_open = false;
	xsForget(ethernet.on_changed);
	esp_eth_stop(ethernet.driver);
	atomic_store(&ethernet.address, 0);
}

/** `get("IP")` of the SDK's module `net`: the IPv4 address; `undefined` without one. */
void xs_net_get(xsMachine *the)
{
	esp_ip4_addr_t address = { .addr = atomic_load(&ethernet.address) };
	char text[16];
	if (address.addr != 0)
		xsmcSetString(xsResult, esp_ip4addr_ntoa(&address, text, sizeof(text)));
}
