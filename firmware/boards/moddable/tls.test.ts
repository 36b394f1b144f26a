/** TLS of the SDK, which the simulator uses. */

import { beforeEach, expect, jest, test } from "@jest/globals";
import type { TCPConnectOptions } from "../../../modules/board/index.js";

/** Behavior of the session with the server, which a test may change. */
let server: { steps: number; alert?: number; isRefused?: boolean };
let tcp: TCPConnectOptions;
let events: string[];

class FakeSession {
  get alert(): number | undefined {
    return server.alert;
  }

  initiateHandshake(): void {}

  handshake(): boolean {
    events.push("step");
    if (server.isRefused) throw new Error("message of the SDK");
    return --server.steps <= 0;
  }

  read(): undefined {}
}

jest.unstable_mockModule("ssl/session", () => ({ default: FakeSession }), { virtual: true });
jest.unstable_mockModule("Resource", () => ({ default: { exists: () => false } }), { virtual: true });

const { makeTLS } = await import("./tls.js");

class FakeTCP {
  readonly remoteAddress = "10.0.0.1";
  readonly remotePort = 8883;

  constructor(options: TCPConnectOptions) {
    tcp = options;
  }

  read(): undefined {}

  write(): number {
    return 0;
  }

  close(): void {}
}

function connect() {
  const TLS = makeTLS({
    TCP: FakeTCP as unknown as Parameters<typeof makeTLS>[0]["TCP"],
    guard: { run: (callback) => callback(), soon: () => {}, hold: () => () => {} },
  });
  return new TLS({
    host: "broker.example",
    address: "10.0.0.1",
    port: 8883,
    onWritable: () => events.push("writable"),
    onHandshakeFailed: () => events.push("handshake failed"),
    onError: (error) => events.push(error ? error.message : "error"),
  });
}

beforeEach(() => {
  events = [];
  server = { steps: 2 };
});

test("TLS becomes writable at the end of the handshake", () => {
  connect();
  tcp.onWritable?.(1000);
  expect(events).toEqual(["step"]);
  tcp.onReadable?.(100);
  expect(events).toEqual(["step", "step", "writable"]);
});

test.each([
  ["a refusal by the server", () => tcp.onReadable?.(100)],
  ["a lost connection", () => tcp.onError?.()],
])("%s fails the handshake", (_, end) => {
  connect();
  tcp.onWritable?.(1000);
  server.alert = 40;
  end();
  expect(events.filter((event) => event !== "step")).toEqual(["handshake failed", "error"]);
});

test("an invalid certificate fails the handshake, and the SDK's message is not passed on", () => {
  server.isRefused = true;
  connect();
  tcp.onWritable?.(1000);
  expect(events).toEqual(["step", "handshake failed", "error"]);
});

test("TLS reports nothing after `close`", () => {
  const socket = connect();
  tcp.onWritable?.(1000);
  socket.close();
  tcp.onReadable?.(100);
  expect(events).toEqual(["step"]);
});
