/** Where the three terminals find each other unless flags say otherwise. All of it is on loopback. */

export const RADIO_PORT = 4190;
export const HTTP_PORT = 8080;
export const WEB_PHONE_PORT = 8090;
export const BROKER_PORT = 1883;
/** The network that the virtual station hears. It is open: its password would be no secret. */
export const WIFI_SSID = "Café";

/** Prints an error as a sentence and ends with 1, once nothing is open any more. */
export function fail(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? error.message : "something failed"}\n`);
  process.exitCode = 1;
}
