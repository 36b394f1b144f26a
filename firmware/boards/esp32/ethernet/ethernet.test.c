/*
 * Tests of ethernet.c over fakes of ESP-IDF and XS. Each call into the driver can fail once. The headers of the SDKs are
 * empty here.
 */

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../expect.test.h"

typedef int esp_err_t;
typedef const char *esp_event_base_t;
typedef struct { uint32_t addr; } esp_ip4_addr_t;
typedef struct { struct { esp_ip4_addr_t ip; } ip_info; } ip_event_got_ip_t;
typedef struct esp_eth_mac { esp_err_t (*del)(struct esp_eth_mac *mac); } esp_eth_mac_t;
typedef struct esp_eth_phy { esp_err_t (*del)(struct esp_eth_phy *phy); } esp_eth_phy_t;
typedef struct { esp_eth_mac_t *mac; esp_eth_phy_t *phy; } esp_eth_config_t;
typedef struct driver { bool is_started; } *esp_eth_handle_t;
typedef struct netif { int unused; } esp_netif_t;
typedef struct glue { int unused; } *esp_eth_netif_glue_handle_t;
typedef struct { int unused; } esp_netif_config_t;
typedef void (*handler_t)(void *argument, esp_event_base_t base, int32_t id, void *data);

enum { ESP_OK = 0, ESP_FAIL = -1, ESP_ERR_NO_MEM = 0x101, ESP_ERR_INVALID_STATE = 0x103 };
enum { ETH_CMD_S_MAC_ADDR, ESP_MAC_ETH, ESP_EVENT_ANY_ID = -1 };
enum { ETHERNET_EVENT_CONNECTED = 2, ETHERNET_EVENT_DISCONNECTED, IP_EVENT_ETH_GOT_IP, IP_EVENT_ETH_LOST_IP };
static const char *const ETH_EVENT = "ETH";
static const char *const IP_EVENT = "IP";

/** The call that fails, counted from now; -1 for none. */
static int failing = -1;
static int drivers;
static int parts;
static int joints;
static handler_t handler;

static bool fails(void)
{
	return failing >= 0 && failing-- == 0;
}

static esp_err_t result(void)
{
	return fails() ? ESP_FAIL : ESP_OK;
}

static esp_err_t esp_eth_driver_install(const esp_eth_config_t *config, esp_eth_handle_t *driver)
{
	(void)config;
	if (fails())
		return ESP_FAIL;
	static struct driver made;
	made = (struct driver){ 0 };
	*driver = &made;
	drivers++;
	return ESP_OK;
}

static esp_err_t esp_eth_driver_uninstall(esp_eth_handle_t driver)
{
	(void)driver;
	drivers--;
	return ESP_OK;
}

/** As ESP-IDF: a driver whose start has failed counts as started. */
static esp_err_t esp_eth_start(esp_eth_handle_t driver)
{
	if (driver->is_started)
		return ESP_ERR_INVALID_STATE;
	driver->is_started = true;
	return result();
}

static esp_err_t esp_eth_stop(esp_eth_handle_t driver)
{
	driver->is_started = false;
	return ESP_OK;
}

static esp_netif_t *esp_netif_new(const esp_netif_config_t *config)
{
	(void)config;
	if (fails())
		return NULL;
	static esp_netif_t netif;
	joints++;
	return &netif;
}

static void esp_netif_destroy(esp_netif_t *netif)
{
	(void)netif;
	joints--;
}

static esp_eth_netif_glue_handle_t esp_eth_new_netif_glue(esp_eth_handle_t driver)
{
	(void)driver;
	if (fails())
		return NULL;
	static struct glue glue;
	joints++;
	return &glue;
}

static esp_err_t esp_eth_del_netif_glue(esp_eth_netif_glue_handle_t glue)
{
	(void)glue;
	joints--;
	return ESP_OK;
}

static esp_err_t esp_netif_attach(esp_netif_t *netif, esp_eth_netif_glue_handle_t glue)
{
	return netif && glue ? ESP_OK : ESP_FAIL;
}

static esp_err_t esp_event_handler_register(esp_event_base_t base, int32_t id, handler_t function, void *argument)
{
	(void)base;
	(void)id;
	(void)argument;
	handler = function;
	return ESP_OK;
}

#define ETH_DEFAULT_CONFIG(a_mac, a_phy) { .mac = a_mac, .phy = a_phy }
#define ESP_NETIF_DEFAULT_ETH() { 0 }
#define esp_eth_ioctl(driver, command, data) ((void)(driver), (void)(data), result())
#define esp_read_mac(address, type) memset(address, type, 6)
#define esp_netif_init() result()
#define esp_event_loop_create_default() ESP_ERR_INVALID_STATE
#define esp_ip4addr_ntoa(address, text, bytes) ((address)->addr == 7 ? strncpy(text, "7", bytes) : "")

/* XS */

typedef int xsMachine;
typedef int xsSlot;
typedef uint32_t xsUnsignedValue;

static int8_t wiring_values[7];
static jmp_buf thrown;
static bool has_result;
static void (*posted)(void *the, void *refcon, uint8_t *message, uint16_t length);
static int posts;
static int calls;
static int remembered;

static int modMessagePostToMachine(xsMachine *the, uint8_t *message, uint16_t length,
	void (*deliver)(void *, void *, uint8_t *, uint16_t), void *refcon)
{
	(void)the;
	(void)message;
	(void)length;
	(void)refcon;
	posted = deliver;
	posts++;
	return 0;
}

#define xsArg(index) (index)
#define xsmcGetBufferReadable(slot, data, length) (*(data) = wiring_values, *(length) = sizeof(wiring_values))
#define xsRangeError(...) longjmp(thrown, 1)
#define xsUnknownError(...) longjmp(thrown, 1)
#define xsRemember(slot) (remembered += 1 + 0 * (slot))
#define xsForget(slot) (remembered -= 1 + 0 * (slot))
#define xsmcSetString(slot, text) (has_result = *(text) != 0)
#define xsBeginHost(the) ((void)(the))
#define xsEndHost(the) ((void)(the))
#define xsCallFunction0(function, that) (calls++)

#include "ethernet.c"

static esp_err_t delete_mac(esp_eth_mac_t *mac)
{
	(void)mac;
	parts--;
	return ESP_OK;
}

static esp_err_t delete_phy(esp_eth_phy_t *phy)
{
	(void)phy;
	parts--;
	return ESP_OK;
}

esp_err_t ethernet_driver_make(const int8_t *wiring, esp_eth_mac_t **mac, esp_eth_phy_t **phy)
{
	(void)wiring;
	if (fails())
		return ESP_FAIL;
	static esp_eth_mac_t made_mac = { delete_mac };
	static esp_eth_phy_t made_phy = { delete_phy };
	*mac = &made_mac;
	*phy = &made_phy;
	parts += 2;
	return ESP_OK;
}

/* Tests */

static xsMachine machine;

static bool start(void)
{
	if (setjmp(thrown) != 0)
		return false;
	xs_ethernet_start(&machine);
	return true;
}

static bool has_address(void)
{
	has_result = false;
	xs_net_get(&machine);
	return has_result;
}

static void deliver_posted(void)
{
	while (posted) {
		void (*function)(void *, void *, uint8_t *, uint16_t) = posted;
		posted = NULL;
		function(&machine, NULL, NULL, 0);
	}
}

static void got_address(void)
{
	ip_event_got_ip_t event = { .ip_info.ip.addr = 7 };
	handler(NULL, IP_EVENT, IP_EVENT_ETH_GOT_IP, &event);
}

static void a_start_that_fails_at_any_call_is_repeated(void)
{
	int failures = 0;
	while (failures < 20) {
		failing = failures;
		if (start())
			break;
		failing = -1;
		EXPECT(remembered == 0 && drivers <= 1 && parts == 2 * drivers);
		EXPECT(start());
		EXPECT(drivers == 1 && parts == 2 && joints == 2 && remembered == 1);
		xs_ethernet_close(&machine);
		/* Begins without a driver again. */
		memset(&ethernet, 0, sizeof(ethernet));
		drivers = parts = joints = 0;
		failures++;
	}
	/* Driver, installation, address, netif_init, netif, glue, start. */
	EXPECT(failures == 7);
	failing = -1;
}

static void a_flapping_link_posts_one_message_and_loses_its_address_at_once(void)
{
	deliver_posted();
	posts = calls = 0;
	for (int i = 0; i < 100; i++) {
		got_address();
		handler(NULL, ETH_EVENT, ETHERNET_EVENT_DISCONNECTED, NULL);
	}
	EXPECT(posts == 1 && !has_address());
	deliver_posted();
	EXPECT(calls == 1);
	got_address();
	EXPECT(posts == 2 && has_address());
	deliver_posted();
	EXPECT(calls == 2);
}

static void a_message_after_the_end_calls_nothing(void)
{
	calls = 0;
	handler(NULL, IP_EVENT, IP_EVENT_ETH_LOST_IP, NULL);
	xs_ethernet_close(&machine);
	deliver_posted();
	EXPECT(calls == 0 && remembered == 0 && !has_address());
	EXPECT(start());
	got_address();
	deliver_posted();
	EXPECT(calls == 1);
}

int main(void)
{
	a_start_that_fails_at_any_call_is_repeated();
	a_flapping_link_posts_one_message_and_loses_its_address_at_once();
	a_message_after_the_end_calls_nothing();
	return 0;
}
