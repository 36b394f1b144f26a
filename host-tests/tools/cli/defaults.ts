/** Default addresses by which the commands find each other, all on loopback. */

export const RADIO_PORT = 4190;
export const HTTP_PORT = 8080;
export const WEB_PHONE_PORT = 8091;
export const BROKER_PORT = 1883;
/**
 * SSID of the virtual station's Wi-Fi network. The network is open, because its password would not be a
 * secret.
 */
export const WIFI_SSID = "Café";
/** Environment variable with the password of the Wi-Fi network. */
export const PSK_VARIABLE = "PLUGPASS_PSK";
