/** The chip's sockets over a fake lwIP, which is as strict as the chip's. */

import { beforeEach, describe, expect, jest, test } from "@jest/globals";
import { LwIP, listenerModule, type Peer, tcpModule } from "../../../host-tests/virtual/sdk-fakes/lwip.js";
import { VirtualClock } from "../../../host-tests/virtual/world/clock.js";
import type { HTTPConnection, Listener, TCP } from "../../../modules/board/index.js";

let lwip = new LwIP();
let clock = new VirtualClock();

/** The modules are loaded once, and each test uses its own lwIP. */
jest.unstable_mockModule("embedded:io/socket/tcp", () => tcpModule(() => lwip), { virtual: true });
jest.unstable_mockModule("embedded:io/socket/listener", () => listenerModule(() => lwip), { virtual: true });

const { makeSockets } = await import("./sockets.js");
const { makeHTTPServer } = await import("../http-server/index.js");

const PORT = 80;
const RETRY_MS = 1000;

function makeIO(maxSockets?: number) {
  const guard = {
    run: (callback: () => void) => callback(),
    soon: (callback: () => void) => {
      clock.set(callback, 0);
    },
    hold: (release: () => void) => release,
  };
  const sockets = makeSockets({
    clock,
    guard,
    lwip: lwip.task,
    ...(maxSockets !== undefined && { maxSockets }),
  });
  return { ...sockets, HTTPServer: makeHTTPServer({ ...sockets, clock, guard }) };
}

function connect(): Peer {
  const peer = lwip.connect(PORT);
  if (!peer) throw new Error("no listener is open");
  return peer;
}

beforeEach(() => {
  lwip = new LwIP();
  clock = new VirtualClock();
});

describe("Listener without a network", () => {
  test("accepts connections as soon as a network is up", () => {
    const { Listener } = makeIO();
    let waiting = 0;
    const listener = new Listener({ port: PORT, onReadable: (count) => (waiting = count) });
    expect(listener.port).toBe(PORT);
    clock.advance(10 * RETRY_MS);
    expect(lwip.connect(PORT)).toBeUndefined();
    lwip.isUp = true;
    clock.advance(RETRY_MS);
    connect();
    lwip.deliver(clock);
    expect(waiting).toBe(1);
    expect(listener.read()).toBeDefined();
  });

  test("can be closed before a network is up", () => {
    const { Listener } = makeIO();
    new Listener({ port: PORT }).close();
    lwip.isUp = true;
    clock.advance(RETRY_MS);
    expect(lwip.connect(PORT)).toBeUndefined();
  });
});

describe("sockets on a network", () => {
  let io: ReturnType<typeof makeIO>;
  let listener: Listener;

  beforeEach(() => {
    lwip.isUp = true;
    io = makeIO();
    listener = new io.Listener({ port: PORT });
  });

  /** Reads a connection from the listener after all events have arrived. Returns the events that it reports. */
  function takeOver(listener: Listener): { events: string[]; socket: TCP } {
    const events: string[] = [];
    const from = listener.read();
    if (!from) throw new Error("no connection waits");
    const socket = new io.TCP({
      from,
      onReadable: (count) => events.push(`readable ${count}`),
      onWritable: () => events.push("writable"),
      onError: () => events.push("error"),
    });
    lwip.deliver(clock);
    return { events, socket };
  }

  test("a listener on a port in use throws", () => {
    expect(() => new io.Listener({ port: PORT })).toThrow("socket bind");
  });

  test("bytes that arrived while a connection waited are reported to the one who takes it over", () => {
    connect().send(1, 2, 3);
    lwip.deliver(clock);
    const { events, socket } = takeOver(listener);
    expect(events).toEqual(["writable", "readable 3"]);
    expect(new Uint8Array(socket.read() ?? new ArrayBuffer(0))).toEqual(new Uint8Array([1, 2, 3]));
  });

  test("a reset of a waiting connection is reported once, as its last event", () => {
    const peer = connect();
    lwip.deliver(clock);
    peer.reset();
    lwip.deliver(clock);
    const { events, socket } = takeOver(listener);
    expect(events.at(-1)).toBe("error");
    expect(events.filter((event) => event === "error")).toHaveLength(1);
    socket.close();
  });

  test("a reset during the take-over is reported once", () => {
    const peer = connect();
    lwip.deliver(clock);
    peer.reset();
    const { events } = takeOver(listener);
    expect(events.filter((event) => event === "error")).toHaveLength(1);
    expect(events.at(-1)).toBe("error");
  });

  test("a connection that is reset while it is accepted is dropped", () => {
    lwip.onAccepted = (peer) => peer.reset();
    connect();
    expect(() => lwip.deliver(clock)).not.toThrow();
    expect(listener.read()).toBeUndefined();
  });

  test("a connection that arrives as the network is lost is dropped, and its socket is free again", () => {
    io = makeIO(1);
    const other = new io.Listener({ port: 81 });
    lwip.onAccepted = () => {
      lwip.isUp = false;
    };
    lwip.connect(81);
    lwip.deliver(clock);
    expect(other.read()).toBeUndefined();
    lwip.isUp = true;
    expect(() => new io.TCP({ address: "192.0.2.1", port: 1883 })).not.toThrow();
  });

  test("no connection stays in the SDK's listener; those over the limit are closed", () => {
    const peers = Array.from({ length: 20 }, connect);
    lwip.deliver(clock);
    const held = peers.filter(({ isClosed }) => !isClosed);
    expect(held.length).toBeLessThan(5);
    for (const peer of peers) peer.reset();
    lwip.deliver(clock);
    expect(() => {
      while (listener.read()) lwip.deliver(clock);
    }).not.toThrow();
  });

  test("connections that arrive together are all accepted when each is read at once", () => {
    const sockets: (TCP | undefined)[] = [];
    const other = new io.Listener({ port: 81, onReadable: () => sockets.push(other.read()) });
    const peers = Array.from({ length: 4 }, () => lwip.connect(81));
    lwip.deliver(clock);
    expect(sockets).toHaveLength(4);
    expect(peers.some((peer) => peer?.isClosed)).toBe(false);
  });

  test("closing the listener closes waiting connections and frees their sockets", () => {
    io = makeIO(1);
    const other = new io.Listener({ port: 81 });
    const peer = lwip.connect(81);
    lwip.deliver(clock);
    expect(() => new io.TCP({ address: "192.0.2.1", port: 1883 })).toThrow("no socket");
    other.close();
    expect(peer?.isClosed).toBe(true);
    expect(() => new io.TCP({ address: "192.0.2.1", port: 1883 })).not.toThrow();
  });

  test("lwIP's task is held exactly while a connection is taken over, read or written", () => {
    const calls: string[] = [];
    lwip.onCall = (name) => calls.push(`${name} ${lwip.isHeld}`);
    connect().send(1, 2, 3);
    lwip.deliver(clock);
    const { socket } = takeOver(listener);
    expect(lwip.isHeld).toBe(false);
    socket.read();
    socket.write(new ArrayBuffer(2));
    expect(calls).toEqual(["take over true", "read true", "write true"]);
    expect(lwip.isHeld).toBe(false);
  });

  test("lwIP's task continues when the SDK throws while it takes over, reads or writes", () => {
    connect().send(1, 2, 3);
    lwip.deliver(clock);
    const { socket } = takeOver(listener);
    lwip.onCall = () => {
      throw new Error("no memory");
    };
    expect(() => socket.read()).toThrow("no memory");
    expect(lwip.isHeld).toBe(false);
    expect(socket.write(new ArrayBuffer(2))).toBe(0);
    expect(lwip.isHeld).toBe(false);
    connect();
    lwip.deliver(clock);
    expect(listener.read()).toBeUndefined();
    expect(lwip.isHeld).toBe(false);
  });

  test("an accepted connection has the address of its peer, also when it is over", () => {
    const peer = lwip.connect(PORT, "192.168.4.7");
    lwip.deliver(clock);
    const accepted = listener.read();
    peer?.reset();
    lwip.deliver(clock);
    expect(accepted?.remoteAddress).toBe("192.168.4.7");
    if (accepted) expect(new io.TCP({ from: accepted }).remoteAddress).toBe("192.168.4.7");
  });

  test("an HTTP server serves two connections of an address; further ones give way to other addresses", () => {
    listener.close();
    const served: HTTPConnection[] = [];
    new io.HTTPServer({
      port: PORT,
      maxHeadBytes: 1024,
      maxConnections: 4,
      maxConnectionsPerAddress: 2,
      requestTimeoutMs: 10_000,
      onConnect: (connection) => {
        served.push(connection);
        connection.accept({});
      },
    });
    const connectFrom = (address: string) => {
      const peer = lwip.connect(PORT, address);
      lwip.deliver(clock);
      return peer;
    };
    const addresses = () => served.map(({ remoteAddress }) => remoteAddress);
    const greedy = ["a", "a", "a", "a"].map(connectFrom);
    expect(addresses()).toEqual(["a", "a"]);
    connectFrom("b");
    expect(addresses()).toEqual(["a", "a", "b"]);
    expect(greedy.map((peer) => peer?.isClosed)).toEqual([false, false, false, true]);
    served[0]?.close();
    lwip.deliver(clock);
    expect(addresses()).toEqual(["a", "a", "b", "a"]);
  });

  test("an HTTP server survives resets at any time", () => {
    listener.close();
    const served: HTTPConnection[] = [];
    new io.HTTPServer({
      port: PORT,
      maxHeadBytes: 1024,
      maxConnections: 2,
      maxConnectionsPerAddress: 2,
      requestTimeoutMs: 10_000,
      onConnect: (connection) => {
        served.push(connection);
        connection.accept({});
      },
    });
    const whileAccepted = (peer: Peer) => {
      lwip.onAccepted = () => peer.reset();
      lwip.deliver(clock);
      lwip.onAccepted = () => {};
    };
    const whileWaitingOrServed = (peer: Peer) => {
      lwip.deliver(clock);
      peer.reset();
    };
    for (const reset of [whileAccepted, whileWaitingOrServed]) {
      for (let i = 0; i < 10; i++) {
        reset(connect());
        lwip.deliver(clock);
      }
    }
    served.length = 0;
    connect();
    lwip.deliver(clock);
    expect(served).toHaveLength(1);
  });
});
