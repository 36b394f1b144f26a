import type { IO } from "./io.js";

/** A Wi-Fi network that a scan has found. */
export interface WiFiNetwork {
  readonly ssid: string;
  readonly channel: number;
  /** Signal strength, dBm. */
  readonly rssi: number;
  /** One of `none`, `wep`, `wpa_psk`, `wpa2_psk`, `wpa_wpa2_psk`, `wpa3_psk`, … */
  readonly authentication: string;
}

/** Change of the Wi-Fi connection. */
export type WiFiEvent =
  /** The station has joined and has no address yet. */
  | { readonly type: "connected" }
  | { readonly type: "gotIP"; readonly address: string }
  | { readonly type: "lostIP" }
  /** Disconnected. The only reason that the chip distinguishes is a failed handshake (`wrongPassword`). */
  | { readonly type: "disconnected"; readonly wrongPassword: boolean };

export interface WiFiOptions {
  onChanged(event: WiFiEvent): void;
}

/** Wi-Fi in station mode, as the SDK's `wifi`. It does not reconnect by itself. */
export interface WiFi extends IO {
  /** IPv4 address; `undefined` without one. */
  readonly address: string | undefined;
  /** Signal strength, dBm; `undefined` while not joined. */
  readonly rssi: number | undefined;
  /** Starts a scan. Throws while another scan is in progress. Hidden networks are not found. */
  scan(options: { onFound(network: WiFiNetwork): void; onComplete(): void }): void;
  /** Joins a network. Throws for an SSID that is not 1-32 bytes, or a password that is neither empty nor 8-63 bytes. */
  connect(options: { ssid: string; password: string }): void;
  disconnect(): void;
}

export type WiFiConstructor = new (options: WiFiOptions) => WiFi;

export interface AccessPointOptions {
  /** 1-32 bytes. */
  readonly ssid: string;
  /** 8-63 bytes; an open network without it. */
  readonly password?: string;
  readonly channel?: number;
}

/** Makes the station's access point, 192.168.4.1/24 with DHCP. It is up until `close()`. */
export type AccessPointConstructor = new (options: AccessPointOptions) => IO;

export interface EthernetOptions {
  onChanged(event: { readonly type: "gotIP"; readonly address: string } | { readonly type: "lostIP" }): void;
}

/** A wired network interface. */
export interface Ethernet extends IO {
  /** IPv4 address; `undefined` without one. */
  readonly address: string | undefined;
}

export type EthernetConstructor = new (options: EthernetOptions) => Ethernet;
