import { beforeEach, expect, jest, test } from "@jest/globals";
import { VirtualClock } from "../../../host-tests/virtual/world/clock.js";
import {
  type GATTCharacteristic,
  type GATTConnection,
  GATTProperties,
} from "../../../modules/board/index.js";
import { encodeHex, encodeUTF8 } from "../../../modules/bytes/index.js";

/** `enum gatt_event_type` (gatt/gatt-table.h). */
const [READY, CONNECTED, DISCONNECTED, SUBSCRIBED, UNSUBSCRIBED, WRITTEN] = [0, 1, 2, 3, 4, 5];
const ENOTCONN = 7;

/** Calls of native functions, except of those that only return a value. */
let calls: string[];
let send: (type?: number, connection?: number, characteristic?: number, value?: ArrayBuffer) => void;
let notifyResult: number;

function record(name: string) {
  return (...items: unknown[]) => {
    const words = items.map((item) =>
      item instanceof Uint8Array ? encodeHex(item as Uint8Array<ArrayBuffer>) : String(item),
    );
    calls.push([name, ...words].join(" "));
  };
}

jest.unstable_mockModule("./gatt/native.js", () => ({
  addService: record("service"),
  addCharacteristic: record("characteristic"),
  addDescriptor: record("descriptor"),
  start: (mtu: number, onEvent: typeof send) => {
    calls.push(`start ${mtu}`);
    send = onEvent;
  },
  advertise: record("advertise"),
  stopAdvertising: record("stop"),
  setValue: record("value"),
  notify: (...items: unknown[]) => {
    record("notify")(...items);
    return notifyResult;
  },
  mtu: () => 23,
  address: (connection: number) => `c0000000000${connection}`,
  disconnect: record("disconnect"),
  close: record("close"),
}));

const { makeGATTServer } = await import("./gatt-server.js");

const GUARD = { run: (callback: () => void) => callback(), soon: () => {}, hold: () => () => {} };

let clock: VirtualClock;
let events: string[];
let connections: GATTConnection[];
let value: Uint8Array<ArrayBuffer>;
let result: GATTCharacteristic;

function makeServer() {
  const tag: GATTCharacteristic = {
    uuid: "aaab",
    properties: GATTProperties.read | GATTProperties.write,
    descriptors: [{ uuid: "2901", value: encodeUTF8("Tag") }],
    onRead: () => value,
    onWrite: (bytes) => {
      events.push("write");
      value = new Uint8Array(bytes);
    },
  };
  result = {
    uuid: "aaac",
    properties: GATTProperties.notify,
    onSubscribe: () => events.push("subscribe"),
    onUnsubscribe: () => events.push("unsubscribe"),
  };
  const GATTServer = makeGATTServer({ clock, guard: GUARD });
  return new GATTServer({
    mtu: 600,
    services: [{ uuid: "aaaa", characteristics: [tag, result] }],
    onReady: () => events.push("ready"),
    onConnect: (connection) => {
      events.push("connect");
      connections.push(connection);
    },
    onDisconnect: (connection) => events.push(`disconnect ${connections.indexOf(connection)}`),
  });
}

/** Returns the calls since the last call of this function. */
function newCalls(): string[] {
  return calls.splice(0);
}

beforeEach(() => {
  clock = new VirtualClock();
  [calls, events, connections, value, notifyResult] = [[], [], [], new Uint8Array([1]), 0];
});

test("the attributes are added in order, and the MTU is limited", () => {
  makeServer();
  const attributes = [
    "service aaaa",
    "characteristic aaab 10",
    "descriptor 2901 546167",
    "characteristic aaac 16",
  ];
  expect(newCalls()).toEqual([...attributes, "start 517"]);
});

test("events arrive at the callbacks with the connection's object", () => {
  makeServer();
  send(READY);
  send(CONNECTED, 2);
  send(SUBSCRIBED, 2, 1);
  send(UNSUBSCRIBED, 2, 1);
  send(DISCONNECTED, 2);
  send(CONNECTED, 2);
  send(DISCONNECTED, 2);
  const visit = ["connect", "subscribe", "unsubscribe", "disconnect 0"];
  expect(events).toEqual(["ready", ...visit, "connect", "disconnect 1"]);
});

test("the value for reads is stored when a central connects, after its write, and with an advertisement", () => {
  const server = makeServer();
  newCalls();
  send(CONNECTED, 2);
  expect(newCalls()).toEqual(["value 2 0 01"]);
  send(WRITTEN, 2, 0, new Uint8Array([7]).buffer);
  expect(newCalls()).toEqual(["value 2 0 07"]);
  value = new Uint8Array([8]);
  server.startAdvertising({ flags: 6 });
  expect(newCalls()).toEqual(["advertise 020106  ", "value 2 0 08"]);
});

test("a notification stores the values again and reports the outcome in a later turn", () => {
  makeServer();
  send(CONNECTED, 2);
  newCalls();
  const errors: unknown[] = [];
  connections[0]?.notify(result, new Uint8Array([5]), (error) => errors.push(error?.message));
  notifyResult = ENOTCONN;
  connections[0]?.notify(result, new Uint8Array([6]), (error) => errors.push(error?.message));
  expect(newCalls()).toEqual(["notify 2 1 05", "value 2 0 01", "notify 2 1 06", "value 2 0 01"]);
  expect(errors).toEqual([]);
  clock.advance(1);
  expect(errors).toEqual([undefined, "not notified: 7"]);
});

test("a connection that is over makes no native call: another one has its number", () => {
  makeServer();
  send(CONNECTED, 2);
  send(DISCONNECTED, 2);
  newCalls();
  const errors: unknown[] = [];
  connections[0]?.notify(result, new Uint8Array(100), (error) => errors.push(error?.message));
  connections[0]?.close();
  clock.advance(1);
  expect(newCalls()).toEqual([]);
  expect(errors).toEqual(["not notified: disconnected"]);
});

test("one connection is closed while others go on", () => {
  makeServer();
  send(CONNECTED, 0);
  send(CONNECTED, 1);
  newCalls();
  connections[0]?.close();
  expect(newCalls()).toEqual(["disconnect 0"]);
  send(WRITTEN, 1, 0, new ArrayBuffer(1));
  expect(events.at(-1)).toBe("write");
});

test("a connection has the address of its central, also after its end", () => {
  makeServer();
  send(CONNECTED, 2);
  send(DISCONNECTED, 2);
  expect(connections[0]?.address).toBe("c00000000002");
});

test("the device name is the advertised name", () => {
  makeServer().startAdvertising({ flags: 6 }, { name: "Cafe" });
  expect(calls.at(-1)).toBe("advertise 020106 050943616665 Cafe");
});

test("no callback runs after close", () => {
  const server = makeServer();
  send(CONNECTED, 0);
  server.close();
  server.close();
  send(WRITTEN, 0, 0, new ArrayBuffer(1));
  send(DISCONNECTED, 0);
  expect(events).toEqual(["connect"]);
  expect(calls.filter((call) => call === "close")).toHaveLength(1);
  expect(() => server.startAdvertising({ flags: 6 })).toThrow("not ready");
});

test.each([
  ["a readable characteristic without onRead", { properties: GATTProperties.read }],
  ["a callback that the properties do not allow", { properties: 0, onWrite: () => {} }],
])("throws on %s", (_name, characteristic) => {
  const GATTServer = makeGATTServer({ clock, guard: GUARD });
  const services = [{ uuid: "aaaa", characteristics: [{ uuid: "aaab", ...characteristic }] }];
  expect(() => new GATTServer({ services })).toThrow("inconsistent");
});
