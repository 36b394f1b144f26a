/** Where the three terminals find each other unless flags say otherwise. All of it is on loopback. */

import { InvalidArgumentError } from "commander";

export const RADIO_PORT = 4190;
export const HTTP_PORT = 8080;
export const BROKER_PORT = 1883;
/** The network that the virtual station hears. It is open: its password would be no secret. */
export const WIFI_SSID = "Café";

export function portOption(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new InvalidArgumentError("a port is 0-65535");
  return port;
}

export function placeOption(text: string): { host: string; port: number } {
  const [, host, port] = /^([^:]+):(\d{1,5})$/.exec(text) ?? [];
  if (host === undefined || Number(port) > 65_535) throw new InvalidArgumentError("it is host:port");
  return { host, port: Number(port) };
}

/** Prints an error as a sentence and ends with 1. */
export function fail(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? error.message : "something failed"}\n`);
  process.exitCode = 1;
}
