import type {
  AccessPointConstructor,
  AccessPointOptions,
  EthernetConstructor,
  EthernetOptions,
  WiFi,
  WiFiConstructor,
  WiFiEvent,
  WiFiOptions,
} from "../../modules/board/index.js";
import { encodeUTF8 } from "../../modules/bytes/index.js";
import type { Host } from "../world/network.js";
import type { WiFiSurroundings } from "../world/wifi.js";
import type { Life } from "./life.js";

const SCAN_MS = 1500;
const JOIN_MS = 800;
const DHCP_MS = 500;
/** The address that every access point of ours has. */
const ACCESS_POINT_ADDRESS = "192.168.4.1";

export interface VirtualWiFiOptions {
  readonly surroundings: WiFiSurroundings;
  /** The station's place in the network: it has an address while it is joined. */
  readonly host: Host;
  readonly life: Life;
}

/** The station side of Wi-Fi. */
export function makeWiFi({ surroundings, host, life }: VirtualWiFiOptions): WiFiConstructor {
  const clock = life.clock();

  return class VirtualWiFi implements WiFi {
    readonly #options: WiFiOptions;
    readonly #release: () => void;
    #isClosed = false;
    #isScanning = false;
    /** Counts joins, so that what belongs to an earlier one is told from the present. */
    #join = 0;
    #ssid: string | undefined;

    constructor(options: WiFiOptions) {
      this.#options = options;
      const unwatch = surroundings.watch(() => this.#check());
      this.#release = life.hold(() => {
        this.#isClosed = true;
        unwatch();
        this.#leave();
      });
    }

    get address(): string | undefined {
      return this.#ssid === undefined ? undefined : host.address;
    }

    get rssi(): number | undefined {
      return this.#ssid === undefined ? undefined : surroundings.find(this.#ssid)?.rssi;
    }

    scan(options: Parameters<WiFi["scan"]>[0]): void {
      if (this.#isScanning) throw new Error("a scan is under way");
      this.#isScanning = true;
      clock.set(() => {
        this.#isScanning = false;
        if (this.#isClosed) return;
        for (const { ssid, channel, rssi, password, hidden } of surroundings.networks) {
          if (!hidden)
            options.onFound({ ssid, channel, rssi, authentication: password ? "wpa2_psk" : "none" });
        }
        options.onComplete();
      }, SCAN_MS);
    }

    connect({ ssid, password }: { ssid: string; password: string }): void {
      checkSSID(ssid);
      if (password !== "") checkPassword(password);
      this.#leave();
      const join = ++this.#join;
      clock.set(() => {
        if (join !== this.#join || this.#isClosed) return;
        const network = surroundings.find(ssid);
        if (network?.password !== password) {
          this.#tell({ type: "disconnected", wrongPassword: network !== undefined });
          return;
        }
        this.#ssid = ssid;
        this.#tell({ type: "connected" });
        clock.set(() => this.#lease(join), DHCP_MS);
      }, JOIN_MS);
    }

    disconnect(): void {
      this.#join++;
      if (this.#ssid === undefined) return;
      this.#leave();
      life.soon(() => this.#tell({ type: "disconnected", wrongPassword: false }));
    }

    close(): void {
      this.#release();
    }

    #lease(join: number): void {
      if (join !== this.#join || this.#ssid === undefined) return;
      if (!surroundings.find(this.#ssid)?.dhcp) return;
      const address = surroundings.lease();
      host.address = address;
      this.#tell({ type: "gotIP", address });
    }

    /** The network that was joined may be gone. */
    #check(): void {
      if (this.#ssid === undefined || surroundings.find(this.#ssid)) return;
      this.#leave();
      life.soon(() => this.#tell({ type: "disconnected", wrongPassword: false }));
    }

    #leave(): void {
      if (this.#ssid !== undefined) host.address = undefined;
      this.#ssid = undefined;
    }

    #tell(event: WiFiEvent): void {
      if (!this.#isClosed) this.#options.onChanged(event);
    }
  };
}

/** The station's own network: a device that joins it reaches the station at 192.168.4.1. */
export function makeAccessPoint({ surroundings, host, life }: VirtualWiFiOptions): AccessPointConstructor {
  return class VirtualAccessPoint {
    readonly #release: () => void;

    constructor({ ssid, password, channel = 1 }: AccessPointOptions) {
      checkSSID(ssid);
      if (password !== undefined) checkPassword(password);
      const lower = surroundings.raise({ ssid, password, channel });
      host.ownAddress = ACCESS_POINT_ADDRESS;
      this.#release = life.hold(() => {
        lower();
        host.ownAddress = undefined;
      });
    }

    close(): void {
      this.#release();
    }
  };
}

/** A cable: `plugged` may change at any time. */
export interface Cable {
  isPlugged: boolean;
  onChanged: (() => void) | undefined;
}

export function makeEthernet(options: {
  cable: Cable;
  address: string;
  host: Host;
  life: Life;
}): EthernetConstructor {
  const { cable, address, host, life } = options;
  return class VirtualEthernet {
    readonly #options: EthernetOptions;
    readonly #release: () => void;

    constructor(ethernet: EthernetOptions) {
      this.#options = ethernet;
      this.#release = life.hold(() => {
        cable.onChanged = undefined;
        host.address = undefined;
      });
      cable.onChanged = () => this.#follow();
      this.#follow();
    }

    get address(): string | undefined {
      return host.address;
    }

    close(): void {
      this.#release();
    }

    #follow(): void {
      host.address = cable.isPlugged ? address : undefined;
      const isUp = cable.isPlugged;
      life.soon(() => {
        if (cable.onChanged) this.#options.onChanged(isUp ? { type: "gotIP", address } : { type: "lostIP" });
      });
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
