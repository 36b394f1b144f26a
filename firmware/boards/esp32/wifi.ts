import Net from "net";
import { Socket } from "socket";
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
import { Pending } from "../moddable/pending.js";
import { withParts } from "../with-parts.js";
import { dnsAnswer } from "./dns-answer.js";

const STATION_MODE = 1;
const STATION_AND_ACCESS_POINT_MODE = 3;
/** Value of a `disconnected` message after a failed handshake (modules/network/wifi/esp32/xs6wifi.c). */
const WRONG_PASSWORD = -1;
/** Timeout of the `disconnected` message after a disconnect, ms. */
const LEAVE_TIMEOUT_MS = 500;
const OWN_ADDRESS = [192, 168, 4, 1];
const DNS_PORT = 53;
/** Maximum number of phones on the access point. Each needs memory. */
const MAX_STATIONS = 4;

interface Parts {
  readonly clock: Clock;
  readonly guard: Guard;
  /** Called when the station gets an address: SNTP is reachable from then on. */
  readonly onAddress: () => void;
}

/**
 * Returns the Wi-Fi client over the SDK's `wifi`. The SDK's `connect` drops a present association, whose `disconnected`
 * message comes after the start of the new attempt. Here an attempt starts only after the previous association has ended.
 */
export function makeWiFi(parts: Parts): WiFiConstructor {
  return withParts(ChipWiFi, parts);
}

class ChipWiFi implements WiFi {
  private readonly _parts: Parts;
  private readonly _onChanged: (event: WiFiEvent) => void;
  private readonly _native: SDKWiFi;
  /** An association or an attempt is present. It ends with a `disconnected` message. */
  private _isBusy = false;
  private _isJoined = false;
  private _next: { ssid: string; password: string } | undefined;
  private _timer: Timer | undefined;
  private _isClosed = false;

  constructor({ onChanged }: WiFiOptions, parts: Parts) {
    this._parts = parts;
    this._onChanged = onChanged;
    if (SDKWiFi.mode !== STATION_AND_ACCESS_POINT_MODE) SDKWiFi.mode = STATION_MODE;
    this._native = new SDKWiFi(undefined, (message, value) =>
      parts.guard.run(() => this._handleMessage(message, value)),
    );
  }

  get address(): string | undefined {
    return this._isJoined ? Net.get("IP", "station") : undefined;
  }

  get rssi(): number | undefined {
    return this._isJoined ? Net.get("RSSI") : undefined;
  }

  scan({ onFound, onComplete }: Parameters<WiFi["scan"]>[0]): void {
    SDKWiFi.scan({}, (item) => {
      if (this._isClosed) return;
      this._parts.guard.run(() => {
        if (item === null) onComplete();
        else onFound({ ...item, authentication: item.authentication ?? "wpa3_psk" });
      });
    });
  }

  connect({ ssid, password }: { ssid: string; password: string }): void {
    checkSSID(ssid);
    if (password !== "") checkPassword(password);
    this._next = { ssid, password };
    if (this._isBusy) this._leave();
    else this._begin();
  }

  disconnect(): void {
    this._next = undefined;
    if (this._isBusy) this._leave();
  }

  close(): void {
    this._isClosed = true;
    this._parts.clock.clear(this._timer);
    this._native.close();
    SDKWiFi.disconnect();
  }

  private _leave(): void {
    SDKWiFi.disconnect();
    this._parts.clock.clear(this._timer);
    this._timer = this._parts.clock.set(() => this._ended(), LEAVE_TIMEOUT_MS);
  }

  private _begin(): void {
    const next = this._next;
    this._next = undefined;
    if (!next) return;
    this._isBusy = true;
    SDKWiFi.connect(next.password === "" ? { ssid: next.ssid } : next);
  }

  private _ended(): void {
    this._parts.clock.clear(this._timer);
    this._isBusy = false;
    this._isJoined = false;
    this._begin();
  }

  private _handleMessage(message: string, value: number | undefined): void {
    if (this._isClosed) return;
    switch (message) {
      case SDKWiFi.connected:
        this._isJoined = true;
        if (!this._next) this._onChanged({ type: "connected" });
        break;
      case SDKWiFi.gotIP: {
        const address = Net.get("IP", "station");
        if (address === undefined || this._next) break;
        this._parts.onAddress();
        this._onChanged({ type: "gotIP", address });
        break;
      }
      case SDKWiFi.lostIP:
        this._onChanged({ type: "lostIP" });
        break;
      case SDKWiFi.disconnected: {
        const isReplaced = this._next !== undefined;
        const wasBusy = this._isBusy;
        this._ended();
        if (wasBusy && !isReplaced) {
          this._onChanged({ type: "disconnected", wrongPassword: value === WRONG_PASSWORD });
        }
        break;
      }
    }
  }
}

/** DNS server of the captive portal: every name has the station's address. */
class CaptiveDNS extends Socket {
  constructor() {
    super({ kind: "UDP", port: DNS_PORT });
  }

  override callback(message: number, byteLength: number, address: string, port: number): void {
    if (message !== Socket.readable) return;
    try {
      const answer = dnsAnswer(new Uint8Array(this.read(ArrayBuffer, byteLength)), OWN_ADDRESS);
      if (answer) this.write(address, port, answer.buffer);
    } catch {
      // An empty datagram, or no room to send now: the phone repeats its query.
    }
  }
}

/** Returns the access point, which works beside the Wi-Fi client: 192.168.4.1/24, DHCP by ESP-IDF, captive DNS. */
export function makeAccessPoint(clock: Clock): AccessPointConstructor {
  return withParts(ChipAccessPoint, { clock, isUp: false });
}

interface AccessPointParts {
  readonly clock: Clock;
  isUp: boolean;
}

class ChipAccessPoint implements IO {
  private readonly _parts: AccessPointParts;
  private readonly _dns: Pending<CaptiveDNS>;
  private _isClosed = false;

  constructor({ ssid, password, channel = 1 }: AccessPointOptions, parts: AccessPointParts) {
    this._parts = parts;
    checkSSID(ssid);
    if (password !== undefined) checkPassword(password);
    if (parts.isUp) throw new Error("the access point is up already");
    // In station mode, `accessPoint` itself adds the access point after it has registered the start of DHCP. In the
    // combined mode, ESP-IDF would advertise its default name, and `accessPoint` would not change that.
    SDKWiFi.mode = STATION_MODE;
    SDKWiFi.accessPoint({ ssid, channel, max: MAX_STATIONS, station: true, ...(password && { password }) });
    parts.isUp = true;
    this._dns = new Pending(parts.clock, openDNS);
  }

  close(): void {
    if (this._isClosed) return;
    this._isClosed = true;
    this._dns.close();
    this._parts.isUp = false;
    SDKWiFi.mode = STATION_MODE;
  }
}

/** Opens the DNS server; `undefined` while no network or no socket is available. */
function openDNS(): CaptiveDNS | undefined {
  try {
    return new CaptiveDNS();
  } catch {
    return undefined;
  }
}

function checkSSID(ssid: string): void {
  const { length } = encodeUTF8(ssid);
  if (length < 1 || length > 32) throw new RangeError(`an SSID has 1-32 bytes, not ${length}`);
}

function checkPassword(password: string): void {
  const { length } = encodeUTF8(password);
  if (length < 8 || length > 63) throw new RangeError(`a Wi-Fi password has 8-63 bytes, not ${length}`);
}
