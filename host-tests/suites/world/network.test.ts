import { beforeEach, describe, expect, test } from "@jest/globals";
import type { Listener, TCP } from "../../../modules/board/index.js";
import { asUint8Array, concatBytes, encodeUTF8 } from "../../../modules/bytes/index.js";
import { FirmwareRun, makeSockets, type Sockets } from "../../virtual/board/index.js";
import { VirtualClock } from "../../virtual/world/clock.js";
import { type Host, Network } from "../../virtual/world/network.js";
import { Random } from "../../virtual/world/random.js";
import { throwCrash } from "../board/harness.js";

const SERVER_ADDRESS = "10.0.0.1";
const PORT = 1883;
const HELLO = encodeUTF8("hello");
const HOUR_MS = 3_600_000;

/** A user of a socket that records its callbacks and reads everything. */
class Peer {
  readonly calls: string[] = [];
  received: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #socket: TCP | undefined;

  open(sockets: Sockets, options: { from: TCP } | { address: string; host?: string }): this {
    const handlers = {
      onWritable: () => this.calls.push("writable"),
      onReadable: () => {
        this.received = concatBytes(this.received, this.#socket?.read() ?? new ArrayBuffer(0));
      },
      onError: () => this.calls.push("error"),
      onHandshakeFailed: () => this.calls.push("handshake failed"),
    };
    if ("from" in options) this.#socket = new sockets.TCP({ ...options, ...handlers });
    else if (options.host === undefined)
      this.#socket = new sockets.TCP({ ...options, port: PORT, ...handlers });
    else
      this.#socket = new sockets.TLS({
        address: options.address,
        host: options.host,
        port: PORT,
        ...handlers,
      });
    return this;
  }

  get socket(): TCP {
    if (!this.#socket) throw new Error("there is no socket");
    return this.#socket;
  }
}

describe("the virtual network", () => {
  let clock: VirtualClock;
  let network: Network;
  let serverHost: Host;
  let clientHost: Host;
  let servers: Sockets;
  let clients: Sockets;
  let accepted: Peer[];

  beforeEach(() => {
    clock = new VirtualClock();
    network = new Network({ clock, segmentBytes: 100 });
    serverHost = network.host({ address: SERVER_ADDRESS, names: ["server.example"] });
    clientHost = network.host({ address: "10.0.0.2" });
    servers = socketsOf(serverHost);
    clients = socketsOf(clientHost);
    accepted = [];
  });

  function socketsOf(host: Host, firmware = new FirmwareRun({ clock, onEnd: throwCrash })): Sockets {
    return makeSockets(host, firmware);
  }

  function listen(certificateName?: string): Listener {
    const listener: Listener = new servers.Listener({
      port: PORT,
      certificateName,
      onReadable: () => {
        const from = listener.read();
        if (from) accepted.push(new Peer().open(servers, { from }));
      },
    });
    return listener;
  }

  function connect(host?: string): Peer {
    return new Peer().open(clients, { address: SERVER_ADDRESS, host });
  }

  function connectPair(): { client: Peer; server: Peer } {
    listen();
    const client = connect();
    clock.advance(1000);
    const [server] = accepted;
    if (!server || client.calls[0] !== "writable") throw new Error("there is no connection");
    return { client, server };
  }

  test("needs one round trip for a connection", () => {
    listen();
    const client = connect();
    clock.advance(2 * network.latencyMs - 1);
    expect(client.calls).toEqual([]);
    clock.advance(1);
    expect(client.calls).toEqual(["writable"]);
  });

  test("refuses a connection to a port without a listener at once", () => {
    const client = connect();
    clock.advance(2 * network.latencyMs);
    expect(client.calls).toEqual(["error"]);
  });

  test("reports a connection to a missing host as failed after 18 s", () => {
    const client = new Peer().open(clients, { address: "10.9.9.9" });
    clock.advance(17_999);
    expect(client.calls).toEqual([]);
    clock.advance(1);
    expect(client.calls).toEqual(["error"]);
  });

  test("allows a host without an address to connect to itself only", () => {
    clientHost.address = undefined;
    expect(connect).toThrow("connect error");
    expect(() => new Peer().open(clients, { address: "127.0.0.1" })).not.toThrow();
  });

  test("makes a connection that was requested during a short cut afterwards", () => {
    listen();
    clientHost.isCut = true;
    const client = connect();
    clock.advance(4000);
    expect(client.calls).toEqual([]);
    clientHost.isCut = false;
    clock.advance(3000);
    expect(client.calls).toEqual(["writable"]);
    expect(accepted).toHaveLength(1);
  });

  test("keeps connections beyond a full backlog waiting", () => {
    const listener = new servers.Listener({ port: PORT });
    const callers = Array.from({ length: 6 }, () => connect());
    clock.advance(1000);
    expect(callers.filter(({ calls }) => calls.includes("writable"))).toHaveLength(5);
    listener.read();
    clock.advance(1000);
    expect(callers.filter(({ calls }) => calls.includes("writable"))).toHaveLength(6);
  });

  test("delivers bytes that were sent during a cut afterwards, in order and once", () => {
    const seed = 20_261;
    const random = new Random(seed);
    const { client, server } = connectPair();
    let sent: Uint8Array<ArrayBuffer> = new Uint8Array(0);
    for (let i = 0; i < 300; i++) {
      const bytes = random.bytes(1 + random.int(400));
      if (bytes.length <= client.socket.write(new Uint8Array(0))) {
        client.socket.write(bytes);
        sent = concatBytes(sent, bytes);
      }
      clientHost.isCut = random.bool(0.3);
      clock.advance(random.int(2000));
    }
    clientHost.isCut = false;
    clock.advance(120_000);
    expect(sent.length).toBeGreaterThan(20_000);
    expect({ seed, isSame: sent.toString() === server.received.toString() }).toEqual({ seed, isSame: true });
    expect([client.calls, server.calls].flat()).not.toContain("error");
  });

  test("ends a connection that sends into a cut after 15 minutes, and never one that only receives", () => {
    const { client, server } = connectPair();
    serverHost.isCut = true;
    client.socket.write(HELLO);
    clock.advance(14 * 60_000);
    expect(client.calls).not.toContain("error");
    clock.advance(HOUR_MS);
    expect(client.calls).toContain("error");
    expect(server.calls).not.toContain("error");
  });

  test("resets a connection whose peer has already ended it", () => {
    const { client, server } = connectPair();
    serverHost.isCut = true;
    client.socket.write(HELLO);
    clock.advance(HOUR_MS);
    serverHost.isCut = false;
    server.socket.write(HELLO);
    clock.advance(1000);
    expect(server.calls).toContain("error");
  });

  test("does not deliver old connections to a host whose address has changed", () => {
    const { client, server } = connectPair();
    clientHost.address = "10.0.0.3";
    server.socket.write(HELLO);
    clock.advance(HOUR_MS);
    expect(client.received).toHaveLength(0);
    expect(server.calls).toContain("error");
  });

  test("delivers bytes before a reset, and then the error", () => {
    const { client, server } = connectPair();
    const calls: string[] = [];
    const late = new clients.TCP({ from: client.socket, onError: () => calls.push("error") });
    const hasty = new servers.TCP({ from: server.socket });
    hasty.write(HELLO);
    late.write(HELLO);
    clock.advance(1000);
    // It has not read the received bytes.
    hasty.close();
    clock.advance(1000);
    expect(calls).toEqual([]);
    expect(late.write(HELLO)).toBe(0);
    expect(asUint8Array(late.read() ?? new ArrayBuffer(0))).toEqual(HELLO);
    clock.advance(1000);
    expect(calls).toEqual(["error"]);
  });

  test("gives no notice of a host that loses power, which resets old connections when it is back", () => {
    listen();
    const firmware = new FirmwareRun({ clock, onEnd: throwCrash });
    new Peer().open(socketsOf(clientHost, firmware), { address: SERVER_ADDRESS });
    clock.advance(1000);
    firmware.end({ type: "power-cut" });
    clock.advance(HOUR_MS);
    expect(accepted[0]?.calls).not.toContain("error");
    accepted[0]?.socket.write(HELLO);
    clock.advance(1000);
    expect(accepted[0]?.calls).toContain("error");
  });

  describe("TLS", () => {
    test("opens with a certificate for the name", () => {
      listen("server.example");
      const client = connect("server.example");
      clock.advance(1000);
      expect(client.calls).toEqual(["writable"]);
    });

    test.each([
      ["a certificate for another name", "other.example"],
      ["a server without TLS", undefined],
    ])("reports a failed handshake before the error with %s", (_name, certificateName) => {
      listen(certificateName);
      const client = connect("server.example");
      clock.advance(1000);
      expect(client.calls).toEqual(["handshake failed", "error"]);
      expect(accepted.flatMap(({ calls }) => calls)).toContain("error");
    });

    test("reports a refused connection without a failed handshake", () => {
      const client = connect("server.example");
      clock.advance(1000);
      expect(client.calls).toEqual(["error"]);
    });

    test("closes a connection without TLS at its first bytes", () => {
      listen("server.example");
      const client = connect();
      clock.advance(1000);
      expect(client.calls).toEqual(["writable"]);
      client.socket.write(HELLO);
      clock.advance(1000);
      expect(client.calls).toContain("error");
      expect(accepted).toHaveLength(0);
    });
  });

  describe("names", () => {
    function resolve(name: string): { address: string | undefined; atMs: number } | undefined {
      let result: { address: string | undefined; atMs: number } | undefined;
      const startMs = clock.monotonicMs();
      clientHost.resolve(name, (address) => {
        result = { address, atMs: clock.monotonicMs() - startMs };
      });
      expect(result).toBeUndefined();
      clock.advance(60_000);
      return result;
    }

    test("resolve to addresses, and addresses to themselves", () => {
      expect(resolve("server.example")?.address).toBe(SERVER_ADDRESS);
      expect(resolve("10.9.8.7")).toEqual({ address: "10.9.8.7", atMs: 0 });
    });

    test("that are unknown resolve to nothing", () => {
      expect(resolve("nobody.example")).toEqual({ address: undefined, atMs: 4 });
    });

    test("resolve to nothing without a network, and after 7 s during a cut", () => {
      clientHost.isCut = true;
      expect(resolve("server.example")).toEqual({ address: undefined, atMs: 7000 });
      clientHost.address = undefined;
      expect(resolve("server.example")?.address).toBeUndefined();
    });
  });

  describe("an access point", () => {
    test("is reached only by hosts that have joined it", () => {
      listen();
      serverHost.address = undefined;
      serverHost.ownAddress = "192.168.4.1";
      clientHost.joined = serverHost;
      const joined = new Peer().open(clients, { address: "192.168.4.1" });
      const stranger = network.host({ address: "10.0.0.9" });
      const outside = new Peer().open(socketsOf(stranger), { address: "192.168.4.1" });
      clock.advance(1000);
      expect(joined.calls).toEqual(["writable"]);
      expect(outside.calls).toEqual([]);
    });

    test("that closes ends its connections", () => {
      listen();
      serverHost.ownAddress = "192.168.4.1";
      clientHost.joined = serverHost;
      const client = new Peer().open(clients, { address: "192.168.4.1" });
      clock.advance(1000);
      serverHost.ownAddress = undefined;
      client.socket.write(HELLO);
      clock.advance(1000);
      expect(accepted[0]?.received).toHaveLength(0);
    });
  });
});
