import { withParts } from "../../../firmware/boards/with-parts.js";
import type {
  AccessPointConstructor,
  AccessPointOptions,
  Clock,
  Ethernet,
  EthernetConstructor,
  EthernetOptions,
  WiFi,
  WiFiConstructor,
  WiFiEvent,
  WiFiOptions,
} from "../../../modules/board/index.js";
import { encodeUTF8 } from "../../../modules/bytes/index.js";
import type { Host } from "../world/network.js";
import type { WiFiSurroundings } from "../world/wifi.js";
import type { FirmwareRun } from "./firmware-run.js";

/** Time of a scan on the chip, ms, approximately. */
const SCAN_MS = 1500;
/** Time to join a network on the chip, ms, approximately. */
const JOIN_MS = 800;
const DHCP_MS = 500;
const CHANNELS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13];
/** Address of every station's access point. */
const ACCESS_POINT_ADDRESS = "192.168.4.1";

export interface VirtualWiFiOptions {
  readonly surroundings: WiFiSurroundings;
  /** Host in the network. It has an address while the station is connected. */
  readonly host: Host;
  readonly firmware: FirmwareRun;
}

/** Makes the station side of Wi-Fi. */
export function makeWiFi(options: VirtualWiFiOptions): WiFiConstructor {
  return withParts(VirtualWiFi, options);
}

class VirtualWiFi implements WiFi {
  readonly #options: WiFiOptions;
  readonly #surroundings: WiFiSurroundings;
  readonly #host: Host;
  readonly #firmware: FirmwareRun;
  readonly #clock: Clock;
  readonly #release: () => void;
  #isClosed = false;
  #isScanning = false;
  /** Counts joins, to ignore events of an earlier one. */
  #join = 0;
  #ssid: string | undefined;

  constructor(options: WiFiOptions, { surroundings, host, firmware }: VirtualWiFiOptions) {
    this.#options = options;
    this.#surroundings = surroundings;
    this.#host = host;
    this.#firmware = firmware;
    this.#clock = firmware.clock();
    const unwatch = surroundings.watch(() => this.#checkNetwork());
    this.#release = firmware.hold(() => {
      this.#isClosed = true;
      unwatch();
      this.#leave();
    });
  }

  get address(): string | undefined {
    return this.#ssid === undefined ? undefined : this.#host.address;
  }

  get rssi(): number | undefined {
    return this.#ssid === undefined ? undefined : this.#surroundings.find(this.#ssid)?.rssi;
  }

  scan(options: Parameters<WiFi["scan"]>[0]): void {
    this.#checkOpen();
    if (this.#isScanning) throw new Error("a scan is under way");
    this.#isScanning = true;
    this.#clock.set(() => {
      this.#isScanning = false;
      if (this.#isClosed) return;
      for (const { ssid, channel, rssi, password, hidden } of this.#surroundings.networks) {
        if (!hidden) options.onFound({ ssid, channel, rssi, authentication: password ? "wpa2_psk" : "none" });
      }
      options.onComplete();
    }, SCAN_MS);
  }

  connect({ ssid, password }: { ssid: string; password: string }): void {
    this.#checkOpen();
    checkSSID(ssid);
    if (password !== "") checkPassword(password);
    this.#leave();
    const join = ++this.#join;
    this.#clock.set(() => {
      if (join !== this.#join || this.#isClosed) return;
      const network = this.#surroundings.find(ssid);
      if (network?.password !== password) {
        // Only a handshake can fail. An open network has none, and a protected network without a password
        // has none either.
        const wrongPassword = password !== "" && (network?.password ?? "") !== "";
        this.#notify({ type: "disconnected", wrongPassword });
        return;
      }
      this.#ssid = ssid;
      this.#surroundings.drag(this.#host, network.channel);
      this.#clock.set(() => this.#lease(join), DHCP_MS);
      this.#notify({ type: "connected" });
    }, JOIN_MS);
  }

  disconnect(): void {
    this.#checkOpen();
    this.#join++;
    if (this.#ssid === undefined) return;
    this.#leave();
    this.#firmware.soon(() => this.#notify({ type: "disconnected", wrongPassword: false }));
  }

  close(): void {
    this.#release();
  }

  #lease(join: number): void {
    if (join !== this.#join || this.#ssid === undefined || this.#host.address !== undefined) return;
    if (!this.#surroundings.find(this.#ssid)?.dhcp) return;
    const address = this.#surroundings.lease((taken) => this.#host.network.at(taken) !== undefined);
    this.#host.address = address;
    this.#notify({ type: "gotIP", address });
  }

  /** Checks whether the joined network still exists and gives addresses. */
  #checkNetwork(): void {
    if (this.#ssid === undefined) return;
    const network = this.#surroundings.find(this.#ssid);
    if (!network) {
      this.#leave();
      this.#firmware.soon(() => this.#notify({ type: "disconnected", wrongPassword: false }));
    } else if (!network.dhcp && this.#host.address !== undefined) {
      this.#host.address = undefined;
      this.#firmware.soon(() => this.#notify({ type: "lostIP" }));
    } else if (network.dhcp && this.#host.address === undefined) {
      const join = this.#join;
      this.#clock.set(() => this.#lease(join), DHCP_MS);
    }
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new Error("the Wi-Fi is closed");
  }

  #leave(): void {
    if (this.#ssid !== undefined) this.#host.address = undefined;
    this.#ssid = undefined;
  }

  #notify(event: WiFiEvent): void {
    if (!this.#isClosed && !this.#surroundings.isMute) this.#options.onChanged(event);
  }
}

/**
 * Makes the station's own network: a device that joins it reaches the station at 192.168.4.1. One at a time.
 */
export function makeAccessPoint({
  surroundings,
  host,
  firmware,
}: VirtualWiFiOptions): AccessPointConstructor {
  return class VirtualAccessPoint {
    readonly #release: () => void;

    constructor({ ssid, password, channel = 1 }: AccessPointOptions) {
      checkSSID(ssid);
      if (password !== undefined) checkPassword(password);
      if (!CHANNELS.includes(channel)) throw new RangeError(`invalid channel: ${channel}`);
      if (host.ownAddress !== undefined) throw new Error("the access point is up already");
      const lower = surroundings.raise(host, { ssid, password, channel });
      host.ownAddress = ACCESS_POINT_ADDRESS;
      this.#release = firmware.hold(() => {
        lower();
        host.ownAddress = undefined;
      });
    }

    close(): void {
      this.#release();
    }
  };
}

/** Network cable between a device and a switch. */
export class Cable {
  #isPlugged = true;
  readonly #watchers = new Set<() => void>();

  get isPlugged(): boolean {
    return this.#isPlugged;
  }

  plug(): void {
    this.#set(true);
  }

  unplug(): void {
    this.#set(false);
  }

  /** Calls back when the cable is plugged or unplugged. Returns a function that stops that. */
  watch(onChanged: () => void): () => void {
    this.#watchers.add(onChanged);
    return () => this.#watchers.delete(onChanged);
  }

  #set(isPlugged: boolean): void {
    if (isPlugged === this.#isPlugged) return;
    this.#isPlugged = isPlugged;
    for (const onChanged of [...this.#watchers]) onChanged();
  }
}

export interface VirtualEthernetOptions {
  readonly cable: Cable;
  readonly surroundings: WiFiSurroundings;
  readonly host: Host;
  readonly firmware: FirmwareRun;
}

/** Makes the wired connection to the local router, which gives addresses as its Wi-Fi does. */
export function makeEthernet({
  cable,
  surroundings,
  host,
  firmware,
}: VirtualEthernetOptions): EthernetConstructor {
  const clock = firmware.clock();

  return class VirtualEthernet implements Ethernet {
    readonly #options: EthernetOptions;
    readonly #release: () => void;
    #isClosed = false;

    constructor(options: EthernetOptions) {
      this.#options = options;
      const unwatch = cable.watch(() => this.#handleCableChange());
      this.#release = firmware.hold(() => {
        this.#isClosed = true;
        unwatch();
        host.address = undefined;
      });
      this.#handleCableChange();
    }

    get address(): string | undefined {
      return this.#isClosed ? undefined : host.address;
    }

    close(): void {
      this.#release();
    }

    #handleCableChange(): void {
      if (cable.isPlugged) {
        clock.set(() => this.#lease(), DHCP_MS);
      } else if (host.address !== undefined) {
        host.address = undefined;
        firmware.soon(() => this.#notify({ type: "lostIP" }));
      }
    }

    #lease(): void {
      if (this.#isClosed || !cable.isPlugged || host.address !== undefined) return;
      const address = surroundings.lease((taken) => host.network.at(taken) !== undefined);
      host.address = address;
      this.#notify({ type: "gotIP", address });
    }

    #notify(event: Parameters<EthernetOptions["onChanged"]>[0]): void {
      if (!this.#isClosed) this.#options.onChanged(event);
    }
  };
}

function checkSSID(ssid: string): void {
  const byteLength = encodeUTF8(ssid).length;
  if (byteLength < 1 || byteLength > 32) throw new RangeError(`ssid: ${byteLength} bytes, not 1-32`);
}

function checkPassword(password: string): void {
  const byteLength = encodeUTF8(password).length;
  if (byteLength < 8 || byteLength > 63) throw new RangeError(`password: ${byteLength} bytes, not 8-63`);
}
