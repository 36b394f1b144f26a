import DNSServer from "dns/server";
import Net from "net";
import SDKWiFi from "wifi";
import type {
  AccessPointConstructor,
  AccessPointOptions,
  Clock,
  IO,
  Timer,
  WiFi,
  WiFiConstructor,
  WiFiEvent,
  WiFiOptions,
} from "../../../modules/board/index.js";
import { encodeUTF8 } from "../../../modules/bytes/index.js";
import type { Guard } from "../guard.js";

const STATION_MODE = 1;
const STATION_AND_ACCESS_POINT_MODE = 3;
/** `disconnect` came because of a handshake (modules/network/wifi/esp32/xs6wifi.c). */
const WRONG_PASSWORD = -1;
/** An association that is left says so within this. */
const LEAVE_TIMEOUT_MS = 500;
const OWN_ADDRESS = "192.168.4.1";
/** Phones at a time on the station's own network; each holds memory. */
const MAX_STATIONS = 4;

interface Parts {
  readonly clock: Clock;
  readonly guard: Guard;
  /** The station has an address: the wall clock can be asked for. */
  readonly onAddress: () => void;
}

/**
 * The station side of the SDK's `wifi`. Its connect drops the association that is there, and the event of that comes
 * after the new attempt has begun: here the new one begins when the old one has ended.
 */
export function makeWiFi({ clock, guard, onAddress }: Parts): WiFiConstructor {
  return class ChipWiFi implements WiFi {
    readonly #onChanged: (event: WiFiEvent) => void;
    readonly #native: SDKWiFi;
    /** An association, or an attempt at one, that will end with an event. */
    #isBusy = false;
    #isJoined = false;
    #next: { ssid: string; password: string } | undefined;
    #timer: Timer | undefined;
    #isClosed = false;

    constructor({ onChanged }: WiFiOptions) {
      this.#onChanged = onChanged;
      if (SDKWiFi.mode !== STATION_AND_ACCESS_POINT_MODE) SDKWiFi.mode = STATION_MODE;
      this.#native = new SDKWiFi(undefined, (message, value) =>
        guard.run(() => this.#follow(message, value)),
      );
    }

    get address(): string | undefined {
      return this.#isJoined ? Net.get("IP", "station") : undefined;
    }

    get rssi(): number | undefined {
      return this.#isJoined ? Net.get("RSSI") : undefined;
    }

    scan({ onFound, onComplete }: Parameters<WiFi["scan"]>[0]): void {
      SDKWiFi.scan({}, (item) => {
        if (this.#isClosed) return;
        guard.run(() => {
          if (item === null) onComplete();
          else onFound({ ...item, authentication: item.authentication ?? "wpa3_psk" });
        });
      });
    }

    connect({ ssid, password }: { ssid: string; password: string }): void {
      checkSSID(ssid);
      if (password !== "") checkPassword(password);
      this.#next = { ssid, password };
      if (this.#isBusy) this.#leave();
      else this.#begin();
    }

    disconnect(): void {
      this.#next = undefined;
      if (this.#isBusy) this.#leave();
    }

    close(): void {
      this.#isClosed = true;
      clock.clear(this.#timer);
      this.#native.close();
      SDKWiFi.disconnect();
    }

    #leave(): void {
      SDKWiFi.disconnect();
      clock.clear(this.#timer);
      this.#timer = clock.set(() => this.#ended(), LEAVE_TIMEOUT_MS);
    }

    #begin(): void {
      const next = this.#next;
      this.#next = undefined;
      if (!next) return;
      this.#isBusy = true;
      SDKWiFi.connect(next.password === "" ? { ssid: next.ssid } : next);
    }

    #ended(): void {
      clock.clear(this.#timer);
      this.#isBusy = false;
      this.#isJoined = false;
      this.#begin();
    }

    #follow(message: string, value: number | undefined): void {
      if (this.#isClosed) return;
      switch (message) {
        case SDKWiFi.connected:
          this.#isJoined = true;
          if (!this.#next) this.#onChanged({ type: "connected" });
          break;
        case SDKWiFi.gotIP: {
          const address = Net.get("IP", "station");
          if (address === undefined || this.#next) break;
          onAddress();
          this.#onChanged({ type: "gotIP", address });
          break;
        }
        case SDKWiFi.lostIP:
          this.#onChanged({ type: "lostIP" });
          break;
        case SDKWiFi.disconnected: {
          const isReplaced = this.#next !== undefined;
          const wasBusy = this.#isBusy;
          this.#ended();
          if (wasBusy && !isReplaced) {
            this.#onChanged({ type: "disconnected", wrongPassword: value === WRONG_PASSWORD });
          }
          break;
        }
      }
    }
  };
}

/** The SDK's captive DNS, its callback guarded. */
class CaptiveDNS extends DNSServer {
  readonly #guard: Guard;

  constructor(guard: Guard) {
    super(() => OWN_ADDRESS);
    this.#guard = guard;
  }

  override callback(message: number, value: number, address: string, port: number): void {
    this.#guard.run(() => super.callback(message, value, address, port));
  }
}

/** The station's own network beside its place in another: 192.168.4.1/24, DHCP by ESP-IDF, a DNS for every name. */
export function makeAccessPoint(guard: Guard): AccessPointConstructor {
  let isUp = false;

  return class ChipAccessPoint implements IO {
    #dns: CaptiveDNS | undefined;

    constructor({ ssid, password, channel = 1 }: AccessPointOptions) {
      checkSSID(ssid);
      if (password !== undefined) checkPassword(password);
      if (isUp) throw new Error("the access point is up already");
      isUp = true;
      // First the mode: the SDK keeps a mode that has an access point already, and that of its own start has no station.
      SDKWiFi.mode = STATION_AND_ACCESS_POINT_MODE;
      SDKWiFi.accessPoint({ ssid, channel, max: MAX_STATIONS, station: true, ...(password && { password }) });
      this.#dns = new CaptiveDNS(guard);
    }

    close(): void {
      if (!this.#dns) return;
      this.#dns.close();
      this.#dns = undefined;
      isUp = false;
      SDKWiFi.mode = STATION_MODE;
    }
  };
}

function checkSSID(ssid: string): void {
  const { length } = encodeUTF8(ssid);
  if (length < 1 || length > 32) throw new RangeError(`an SSID has 1-32 bytes, not ${length}`);
}

function checkPassword(password: string): void {
  const { length } = encodeUTF8(password);
  if (length < 8 || length > 63) throw new RangeError(`a Wi-Fi password has 8-63 bytes, not ${length}`);
}
