import type { IO } from "./io.js";

export interface WiFiNetwork {
  readonly ssid: string;
  readonly channel: number;
  /** dBm */
  readonly rssi: number;
  /** `none`, `wep`, `wpa_psk`, `wpa2_psk`, `wpa_wpa2_psk`, `wpa3_psk`, … */
  readonly authentication: string;
}

export type WiFiEvent =
  /** Joined; no address yet. */
  | { readonly type: "connected" }
  | { readonly type: "gotIP"; readonly address: string }
  | { readonly type: "lostIP" }
  /** The chip tells a failed handshake (`wrongPassword`) from everything else, and nothing more. */
  | { readonly type: "disconnected"; readonly wrongPassword: boolean };

export interface WiFiOptions {
  onChanged(event: WiFiEvent): void;
}

/** The station side of Wi-Fi, as the SDK's `wifi`. It does not reconnect by itself. */
export interface WiFi extends IO {
  /** The IPv4 address, while there is one. */
  readonly address: string | undefined;
  /** dBm, while joined. */
  readonly rssi: number | undefined;
  /** Throws while a scan is under way. Networks with a hidden name are not found. */
  scan(options: { onFound(network: WiFiNetwork): void; onComplete(): void }): void;
  /** Throws for an SSID that is not 1-32 bytes, and for a password that is neither empty nor 8-63 bytes. */
  connect(options: { ssid: string; password: string }): void;
  disconnect(): void;
}

export type WiFiConstructor = new (options: WiFiOptions) => WiFi;

export interface AccessPointOptions {
  /** 1-32 bytes. */
  ssid: string;
  /** 8-63 bytes; none: an open network. */
  password?: string;
  channel?: number;
}

/** The station's own network, 192.168.4.1/24 with DHCP. Up from construction to `close()`. */
export type AccessPointConstructor = new (options: AccessPointOptions) => IO;

export interface EthernetOptions {
  onChanged(event: { readonly type: "gotIP"; readonly address: string } | { readonly type: "lostIP" }): void;
}

export interface Ethernet extends IO {
  readonly address: string | undefined;
}

export type EthernetConstructor = new (options: EthernetOptions) => Ethernet;
