/** The access point over a fake SDK, which behaves as modules/network/wifi/esp32/xs6wifi.c and socket/lwip/modSocket.c. */

import { beforeEach, expect, jest, test } from "@jest/globals";
import { VirtualClock } from "../../../host-tests/virtual/world/clock.js";

const RETRY_MS = 1000;
const STATION_MODE = 1;
const STATION_AND_ACCESS_POINT_MODE = 3;

/** State of the chip, which a test may change. */
let chip: {
  mode: number;
  /** The network interface is up. This takes some time after the start of the access point. */
  isUp: boolean;
  refusesAccessPoint: boolean;
  /** Advertised names, in order; `undefined` is ESP-IDF's default name. */
  names: (string | undefined)[];
  sockets: FakeSocket[];
};

const fakeWiFi = {
  get mode(): number {
    return chip.mode;
  },

  set mode(mode: number) {
    if (mode === STATION_AND_ACCESS_POINT_MODE && chip.mode !== mode) chip.names.push(undefined);
    chip.mode = mode;
  },

  accessPoint({ ssid, station }: { ssid: string; station: boolean }): void {
    if (chip.refusesAccessPoint) throw new Error("esp_wifi_set_config failed");
    if (chip.mode !== STATION_AND_ACCESS_POINT_MODE) chip.mode = station ? STATION_AND_ACCESS_POINT_MODE : 2;
    chip.names.push(ssid);
  },
};

class FakeSocket {
  static readonly readable = 2;
  isOpen = true;
  waiting: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  readonly sent: Uint8Array[] = [];
  refusesToSend = false;

  constructor() {
    if (!chip.isUp) throw new Error("no network");
    chip.sockets.push(this);
  }

  callback(_message: number, _byteLength: number, _address: string, _port: number): void {}

  receive(bytes: Uint8Array<ArrayBuffer>): void {
    this.waiting = bytes;
    this.callback(FakeSocket.readable, bytes.length, "192.168.4.2", 50_000);
  }

  read(): ArrayBuffer {
    if (this.waiting.length === 0) throw new Error("nothing to read");
    const { buffer } = this.waiting;
    this.waiting = new Uint8Array(0);
    return buffer;
  }

  write(_address: string, _port: number, data: ArrayBuffer): void {
    if (this.refusesToSend) throw new Error("UDP send failed");
    this.sent.push(new Uint8Array(data));
  }

  close(): void {
    this.isOpen = false;
  }
}

jest.unstable_mockModule("wifi", () => ({ default: fakeWiFi }), { virtual: true });
jest.unstable_mockModule("net", () => ({ default: {} }));
jest.unstable_mockModule("socket", () => ({ Socket: FakeSocket }), { virtual: true });

const { makeAccessPoint } = await import("./wifi.js");

const QUERY = Uint8Array.of(0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0x61, 0, 0, 1, 0, 1);
const OWN = { ssid: "PlugPass AP", password: "twelve words" };

let clock: VirtualClock;

beforeEach(() => {
  clock = new VirtualClock();
  chip = { mode: STATION_MODE, isUp: false, refusesAccessPoint: false, names: [], sockets: [] };
});

test("the access point advertises only its own name, and the Wi-Fi client stays on", () => {
  const AccessPoint = makeAccessPoint(clock);
  new AccessPoint(OWN).close();
  expect(chip.mode).toBe(STATION_MODE);
  new AccessPoint(OWN);
  expect(chip.mode).toBe(STATION_AND_ACCESS_POINT_MODE);
  expect(chip.names).toEqual(["PlugPass AP", "PlugPass AP"]);
});

test("the captive DNS responds as soon as the network interface is up", () => {
  new (makeAccessPoint(clock))(OWN);
  clock.advance(RETRY_MS);
  expect(chip.sockets).toEqual([]);
  chip.isUp = true;
  clock.advance(RETRY_MS);
  chip.sockets[0]?.receive(QUERY.slice());
  expect(chip.sockets[0]?.sent[0]?.slice(-4)).toEqual(Uint8Array.of(192, 168, 4, 1));
});

test("the captive DNS survives an empty datagram, an invalid query, and a response that cannot be sent", () => {
  chip.isUp = true;
  new (makeAccessPoint(clock))(OWN);
  const [socket] = chip.sockets;
  if (!socket) throw new Error("the DNS server was not opened");
  socket.receive(new Uint8Array(0));
  socket.receive(Uint8Array.of(1, 2, 3));
  // The SDK reports no further datagram before this one is read.
  expect(socket.waiting).toHaveLength(0);
  socket.refusesToSend = true;
  socket.receive(QUERY.slice());
  socket.refusesToSend = false;
  socket.receive(QUERY.slice());
  expect(socket.sent).toHaveLength(1);
});

test("`close` closes the captive DNS, also before it could be opened", () => {
  const AccessPoint = makeAccessPoint(clock);
  new AccessPoint(OWN).close();
  chip.isUp = true;
  clock.advance(RETRY_MS);
  expect(chip.sockets).toEqual([]);
  new AccessPoint(OWN).close();
  expect(chip.sockets[0]?.isOpen).toBe(false);
});

test("an access point that the SDK refuses does not prevent the next one", () => {
  const AccessPoint = makeAccessPoint(clock);
  chip.refusesAccessPoint = true;
  expect(() => new AccessPoint(OWN)).toThrow("esp_wifi_set_config failed");
  chip.refusesAccessPoint = false;
  const accessPoint = new AccessPoint(OWN);
  expect(() => new AccessPoint(OWN)).toThrow("the access point is up already");
  accessPoint.close();
});
