import { describe, expect, test } from "@jest/globals";
import { FirmwareRun, makeSockets } from "../../host-tests/virtual/board/index.js";
import { WorldBroker } from "../../host-tests/virtual/world/broker.js";
import { FUZZ_RUNS, Random } from "../../host-tests/virtual/world/random.js";
import { virtualWorld } from "../../host-tests/virtual/world/world.js";
import type { TCP } from "../board/index.js";
import { asUint8Array, concatBytes, decodeUTF8 } from "../bytes/index.js";
import {
  type IncomingMessage,
  MQTTClient,
  type MQTTFailure,
  type MQTTSessionOptions,
  type MQTTState,
} from "./index.js";

const BROKER = { name: "broker.example", address: "10.0.0.1", port: 1883 };

interface ClientOptions extends Partial<MQTTSessionOptions> {
  readonly sendBufferBytes?: number;
  readonly segmentBytes?: number;
  /** Starts no broker. */
  readonly hasNoBroker?: boolean;
  readonly isTLS?: boolean;
  readonly certificateName?: string;
}

/** A client in a network with a broker. */
class Client {
  readonly world;
  readonly host;
  readonly brokerHost;
  readonly brokerSockets;
  readonly broker: WorldBroker | undefined;
  readonly session: MQTTClient;
  readonly states: MQTTState[] = [];
  readonly messages: IncomingMessage[] = [];
  readonly refused: string[] = [];
  readonly events: string[] = [];

  constructor(options: ClientOptions = {}) {
    const { sendBufferBytes, segmentBytes, hasNoBroker, isTLS, certificateName, ...session } = options;
    this.world = virtualWorld({ segmentBytes });
    const { clock, network } = this.world;
    const firmware = () =>
      new FirmwareRun({
        clock,
        onEnd: (end) => {
          if (end.type === "crash") throw end.error;
        },
      });
    this.host = network.host({ address: "10.0.0.2" });
    this.brokerHost = network.host({ address: BROKER.address, names: [BROKER.name] });
    this.brokerSockets = makeSockets(this.brokerHost, firmware(), { maxSockets: 100 });
    const { port } = BROKER;
    if (!hasNoBroker)
      this.broker = new WorldBroker({ clock, sockets: this.brokerSockets, port, certificateName });
    const { TCP, TLS } = makeSockets(this.host, firmware(), { sendBufferBytes });
    this.session = new MQTTClient({
      clock,
      crypto: { random: (byteLength) => this.world.random.bytes(byteLength).buffer },
      resolve: (host, done) => this.host.resolve(host, done),
      connect: (socket) => (isTLS ? new TLS(socket) : new TCP(socket)),
      host: BROKER.name,
      port,
      clientId: "client-1",
      username: "user",
      password: "secret",
      clean: false,
      reconnect: true,
      trace: { add: (event, detail) => this.events.push(`${event} ${detail ?? ""}`.trim()) },
      onState: (state) => this.states.push(state),
      onMessage: (message) => this.messages.push(message),
      onRefusedSubscription: (filter) => this.refused.push(filter),
      ...session,
    });
  }

  advance(durationMs: number): void {
    this.world.clock.advance(durationMs);
  }

  until(what: string, condition: () => boolean, limitMs = 120_000): void {
    if (!this.world.clock.runUntil(condition, limitMs)) throw new Error(`not reached: ${what}`);
  }

  goOnline(): this {
    this.until("online", () => this.session.state.type === "online");
    return this;
  }

  /** Failure of the last connection. */
  get failure(): MQTTFailure | undefined {
    const last = this.states.findLast((state) => state.type === "offline");
    return last?.type === "offline" ? last.reason : undefined;
  }

  get good(): WorldBroker {
    if (!this.broker) throw new Error("there is no broker");
    return this.broker;
  }
}

/** A server that accepts connections; the test writes its packets. */
class Puppet {
  received: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  connections = 0;
  socket: TCP | undefined;

  constructor(client: Client, options: { onReadable?: (puppet: Puppet) => void; reads?: boolean } = {}) {
    const { TCP, Listener } = client.brokerSockets;
    const listener = new Listener({
      port: BROKER.port,
      onReadable: () => {
        const from = listener.read();
        if (!from) return;
        this.connections++;
        const socket = new TCP({
          from,
          onReadable: () => {
            if (options.reads === false) return;
            this.received = concatBytes(this.received, asUint8Array(socket.read() ?? new ArrayBuffer(0)));
            options.onReadable?.(this);
          },
          onError: () => socket.close(),
        });
        this.socket = socket;
      },
    });
  }

  send(...bytes: number[]): void {
    this.socket?.write(Uint8Array.from(bytes));
  }
}

const CONNACK = [0x20, 0x02, 0x00, 0x00];

/** A client that is online at a puppet broker. */
function withPuppet(options: ClientOptions = {}): { client: Client; puppet: Puppet } {
  const client = new Client({ ...options, hasNoBroker: true });
  let isAccepted = false;
  const puppet = new Puppet(client, {
    onReadable: (one) => {
      if (!isAccepted) one.send(...CONNACK);
      isAccepted = true;
    },
  });
  client.goOnline();
  puppet.received = new Uint8Array(0);
  return { client, puppet };
}

describe("connecting", () => {
  test("CONNECT carries client id, user, password, keep-alive and will", () => {
    const client = new Client({
      hasNoBroker: true,
      keepAliveS: 77,
      will: { topic: "a/will", payload: "lost", qos: 1, retain: true },
    });
    const puppet = new Puppet(client);
    client.until("CONNECT", () => puppet.received.length > 0);
    const text = decodeUTF8(puppet.received.slice(12)) ?? "";
    // Flags: user, password, will retained with QoS 1; keep-alive 77 s.
    expect([...puppet.received.slice(9, 12)]).toEqual([0b1110_1100, 0, 77]);
    for (const part of ["client-1", "a/will", "lost", "user", "secret"]) expect(text).toContain(part);
  });

  test("goes from connecting to online", () => {
    const client = new Client().goOnline();
    expect(client.states.map(({ type }) => type)).toEqual(["online"]);
    expect(client.session.state).toEqual({ type: "online", sessionPresent: false });
  });

  test.each([1, 2, 3, 4, 5])("CONNACK code %d is reported", (code) => {
    const client = new Client({ hasNoBroker: true });
    new Puppet(client, { onReadable: (puppet) => puppet.send(0x20, 0x02, 0x00, code) });
    client.until("refused", () => client.failure !== undefined);
    expect(client.failure).toMatchObject({ code: "broker-refused", connackCode: code });
  });

  test("a name without an address fails with host-not-found", () => {
    const client = new Client({ host: "nowhere.example" });
    client.until("failed", () => client.failure !== undefined);
    expect(client.failure?.code).toBe("host-not-found");
  });

  test("a port without a listener fails with broker-unreachable", () => {
    const client = new Client({ hasNoBroker: true });
    client.until("failed", () => client.failure !== undefined);
    expect(client.failure?.code).toBe("broker-unreachable");
  });

  test("a host that does not answer is detected within 10 s", () => {
    const client = new Client();
    client.brokerHost.isCut = true;
    client.advance(10_100);
    expect(client.failure?.code).toBe("broker-unreachable");
  });

  test("a broker that accepts TCP and never sends CONNACK is detected within 10 s", () => {
    const client = new Client();
    client.good.faults.isSilent = true;
    client.advance(10_100);
    expect(client.failure?.code).toBe("broker-no-answer");
  });

  test("a certificate for another name fails with tls-failed", () => {
    const client = new Client({ isTLS: true, certificateName: "other.example" });
    client.until("failed", () => client.failure !== undefined);
    expect(client.failure).toMatchObject({
      code: "tls-failed",
      message:
        "the TLS handshake with broker.example failed: check the name, the dates and the authority of its certificate",
    });
  });

  test("an exception of the board's socket fails the attempt, and its text is not reported", () => {
    const client = new Client({
      connect: () => {
        throw new Error("text of the engine");
      },
    });
    client.until("failed", () => client.failure !== undefined);
    expect(client.failure).toEqual({
      code: "no-socket",
      message: "the station has no free connection for broker.example port 1883; try again",
    });
  });

  test("a client connects over TLS with a matching certificate", () => {
    new Client({ isTLS: true, certificateName: BROKER.name }).goOnline();
  });

  test("a client without reconnection tries once", () => {
    const client = new Client({ hasNoBroker: true, reconnect: false });
    client.advance(120_000);
    expect(client.states.map(({ type }) => type)).toEqual(["offline"]);
    expect(client.states[0]).toMatchObject({ retryInMs: undefined });
  });

  test("a present session after a clean CONNECT is an error [MQTT-3.2.2-1]", () => {
    const client = new Client({ hasNoBroker: true, clean: true });
    new Puppet(client, { onReadable: (puppet) => puppet.send(0x20, 0x02, 0x01, 0x00) });
    client.until("failed", () => client.failure !== undefined);
    expect(client.failure?.code).toBe("protocol-error");
  });

  test("another packet before CONNACK is an error [MQTT-3.2.0-1]", () => {
    const client = new Client({ hasNoBroker: true });
    new Puppet(client, { onReadable: (puppet) => puppet.send(0xd0, 0x00) });
    client.until("failed", () => client.failure !== undefined);
    expect(client.failure?.code).toBe("protocol-error");
  });
});

describe("reconnecting", () => {
  test("waits for increasing, varying delays between 1 and 60 s", () => {
    const client = new Client({ hasNoBroker: true });
    client.advance(600_000);
    const delays = client.states.flatMap((state) => (state.type === "offline" ? [state.retryInMs ?? 0] : []));
    expect(delays.length).toBeGreaterThan(8);
    expect(delays[0]).toBeLessThan(2000);
    expect(Math.max(...delays)).toBeGreaterThan(30_000);
    for (const delay of delays) expect(delay).toBeGreaterThanOrEqual(1000);
    for (const delay of delays) expect(delay).toBeLessThanOrEqual(60_000);
    expect(new Set(delays.slice(-5)).size).toBeGreaterThan(1);
  });

  test("a stable connection resets the delay to the shortest", () => {
    const client = new Client();
    client.good.stop();
    client.advance(300_000);
    client.good.start();
    client.goOnline();
    client.advance(31_000);
    client.states.length = 0;
    client.good.stop();
    client.until("offline", () => client.failure !== undefined);
    expect(client.states[0]).toMatchObject({ type: "offline" });
    expect((client.states[0] as { retryInMs: number }).retryInMs).toBeLessThan(2000);
  });

  test("subscribes again when the broker has lost the session", () => {
    const client = new Client({ clean: true });
    client.session.subscribe("news/+", 1);
    client.goOnline();
    client.good.stop();
    client.good.start();
    client.until("offline", () => client.failure !== undefined);
    client.goOnline();
    client.advance(100);
    client.good.publish("news/today", "hello");
    client.advance(100);
    expect(client.messages.map(({ topic }) => topic)).toEqual(["news/today"]);
  });

  test("does not subscribe again when the broker has kept the session", () => {
    const client = new Client();
    client.session.subscribe("news/+", 1);
    client.goOnline().advance(100);
    client.good.stop();
    client.good.start();
    client.until("offline", () => client.failure !== undefined);
    client.goOnline();
    expect(client.session.state).toEqual({ type: "online", sessionPresent: true });
    client.good.publish("news/today", "hello");
    client.advance(100);
    expect(client.messages).toHaveLength(1);
  });

  test("sends unacknowledged messages again, in order, with DUP", () => {
    const { client, puppet } = withPuppet();
    for (const payload of ["one", "two"])
      client.session.publish({ topic: "t", payload, qos: 1, retain: false });
    client.advance(100);
    const first = puppet.received;
    expect(first[0]).toBe(0x32);
    puppet.received = new Uint8Array(0);
    puppet.socket?.close();
    client.until("offline", () => client.failure !== undefined);
    client.until("reconnected", () => puppet.connections === 2 && puppet.received.length > 0);
    puppet.received = new Uint8Array(0);
    puppet.send(0x20, 0x02, 0x01, 0x00);
    client.advance(100);
    // The same packets, each with the DUP bit.
    const dup = first.map((byte, i) => (i === 0 || i === first.length / 2 ? byte | 0x08 : byte));
    expect(puppet.received).toEqual(dup);
  });
});

describe("publishing", () => {
  test("QoS 0 is sent once, QoS 1 until it is acknowledged", () => {
    const client = new Client().goOnline();
    expect(client.session.publish({ topic: "a", payload: "0", qos: 0, retain: false })).toBe("accepted");
    expect(client.session.publish({ topic: "b", payload: "1", qos: 1, retain: true })).toBe("accepted");
    client.advance(100);
    expect(client.good.published.map(({ topic, retain }) => [topic, retain])).toEqual([
      ["a", false],
      ["b", true],
    ]);
  });

  test("QoS 0 without a connection is refused, QoS 1 waits for one", () => {
    const client = new Client();
    expect(client.session.publish({ topic: "a", payload: "0", qos: 0, retain: false })).toBe("offline");
    expect(client.session.publish({ topic: "b", payload: "1", qos: 1, retain: false })).toBe("accepted");
    client.goOnline().advance(100);
    expect(client.good.published.map(({ topic }) => topic)).toEqual(["b"]);
  });

  test("at most maxInFlight messages are in flight", () => {
    const client = new Client({ maxInFlight: 3 }).goOnline();
    client.good.faults.ignoresPublishes = true;
    for (let i = 0; i < 10; i++)
      client.session.publish({ topic: `${i}`, payload: "", qos: 1, retain: false });
    client.advance(1000);
    expect(client.good.published).toHaveLength(3);
  });

  test("the queue has a limit, and its messages are sent in order", () => {
    const client = new Client({ maxMessages: 5 });
    const outcomes = Array.from({ length: 7 }, (_, i) =>
      client.session.publish({ topic: `${i}`, payload: "", qos: 1, retain: false }),
    );
    expect(outcomes.filter((outcome) => outcome === "queue-full")).toHaveLength(2);
    client.goOnline().advance(1000);
    expect(client.good.published.map(({ topic }) => topic)).toEqual(["0", "1", "2", "3", "4"]);
    expect(client.session.publish({ topic: "7", payload: "", qos: 1, retain: false })).toBe("accepted");
  });

  test("the queue has a limit in bytes", () => {
    const client = new Client({ maxQueuedBytes: 1000 });
    const payload = new Uint8Array(600);
    expect(client.session.publish({ topic: "a", payload, qos: 1, retain: false })).toBe("accepted");
    expect(client.session.publish({ topic: "b", payload, qos: 1, retain: false })).toBe("queue-full");
  });

  test("packet identifiers wrap around and skip those in flight", () => {
    // The long keep-alive disables the check for unacknowledged messages during the test.
    const client = new Client({ maxInFlight: 2, keepAliveS: 65_535 }).goOnline();
    // One message stays in flight, so its identifier has to be skipped at each wrap.
    client.good.faults.ignoresPublishes = true;
    client.session.publish({ topic: "stuck", payload: "", qos: 1, retain: false });
    client.advance(10);
    client.good.faults.ignoresPublishes = false;
    for (let i = 0; i < 70_000; i++) {
      client.session.publish({ topic: "t", payload: "", qos: 1, retain: false });
      client.advance(10);
    }
    expect(client.good.published).toHaveLength(70_001);
    expect(client.failure).toBeUndefined();
    client.good.stop();
    client.good.start();
    client.good.published.length = 0;
    client.until("offline", () => client.failure !== undefined);
    client.goOnline().advance(100);
    expect(client.good.published.map(({ topic }) => topic)).toEqual(["stuck"]);
  });

  test("a broker that answers pings without acknowledging is disconnected, and receives the message again", () => {
    const client = new Client().goOnline();
    client.good.faults.ignoresPublishes = true;
    client.session.publish({ topic: "a", payload: "", qos: 1, retain: false });
    client.advance(61_000);
    expect(client.failure).toMatchObject({ code: "broker-no-answer" });
    client.good.faults.ignoresPublishes = false;
    client.goOnline().advance(1000);
    expect(client.good.published.map(({ topic }) => topic)).toEqual(["a", "a"]);
    expect(client.session.queuedMessages).toBe(0);
  });

  test.each(["", "a/+", "#", "a\0b"])("%j is not a topic to publish to", (topic) => {
    const client = new Client();
    expect(() => client.session.publish({ topic, payload: "", qos: 0, retain: false })).toThrow(
      "not a topic",
    );
  });

  test("a message larger than the socket's buffer is sent in pieces", () => {
    const client = new Client({ sendBufferBytes: 64, segmentBytes: 20 }).goOnline();
    const payload = new Random(5).bytes(5000);
    client.session.publish({ topic: "large", payload, qos: 1, retain: false });
    client.advance(5000);
    expect(client.good.published[0]?.payload).toEqual(payload);
  });

  test("QoS 0 messages to a broker that does not read are dropped and traced, and memory does not grow", () => {
    const client = new Client({ hasNoBroker: true });
    const puppet = new Puppet(client, { reads: false });
    client.until("connected", () => puppet.connections === 1);
    puppet.send(...CONNACK);
    client.goOnline();
    const payload = new Uint8Array(1000);
    let dropped = 0;
    for (let i = 0; i < 100; i++) {
      if (client.session.publish({ topic: "t", payload, qos: 0, retain: false }) === "queue-full") dropped++;
      client.advance(10);
    }
    expect(dropped).toBeGreaterThan(50);
    expect(client.events.filter((event) => event === "packetDropped")).toHaveLength(dropped);
  });
});

describe("receiving", () => {
  test("messages of QoS 0 and 1 arrive; QoS 1 is acknowledged", () => {
    const { client, puppet } = withPuppet();
    puppet.send(0x30, 0x04, 0x00, 0x01, 0x61, 0x30, 0x33, 0x06, 0x00, 0x01, 0x62, 0x12, 0x34, 0x31);
    client.advance(100);
    expect(client.messages.map(({ topic, qos, retain }) => [topic, qos, retain])).toEqual([
      ["a", 0, false],
      ["b", 1, true],
    ]);
    expect([...puppet.received]).toEqual([0x40, 0x02, 0x12, 0x34]);
  });

  test("a message that comes a byte at a time arrives once", () => {
    const { client, puppet } = withPuppet();
    for (const byte of [0x30, 0x04, 0x00, 0x01, 0x61, 0x30]) {
      puppet.send(byte);
      client.advance(20);
    }
    expect(client.messages.map(({ topic }) => topic)).toEqual(["a"]);
  });

  test("a message larger than the receive buffer arrives whole", () => {
    const client = new Client();
    client.session.subscribe("large", 1);
    client.goOnline().advance(100);
    const payload = new Random(6).bytes(15_000);
    client.good.publish("large", payload);
    client.advance(1000);
    expect(client.messages[0]?.payload).toEqual(payload);
  });

  test("a message over the limit is skipped, acknowledged and traced", () => {
    const skipped: number[] = [];
    const client = new Client({
      maxPacketBytes: 1000,
      onSkipped: (byteLength) => skipped.push(byteLength),
    });
    client.session.subscribe("large", 1);
    client.goOnline().advance(100);
    client.good.publish("large", new Uint8Array(1001));
    client.good.publish("large", "short");
    client.advance(1000);
    expect(client.messages.map(({ payload }) => decodeUTF8(payload))).toEqual(["short"]);
    expect(client.failure).toBeUndefined();
    expect(skipped).toEqual([2 + "large".length + 2 + 1001]);
    expect(client.events).toEqual(["connected", `messageSkipped ${skipped[0]}`]);
  });

  test("a message over the limit is acknowledged when all of it has arrived", () => {
    const { client, puppet } = withPuppet();
    puppet.send(0x32, 0xe8, 0x84, 0x01, 0x00, 0x01, 0x61, 0x12, 0x34); // 17,000 bytes
    for (let i = 0; i < 19; i++) {
      puppet.send(...new Uint8Array(894));
      client.advance(100);
    }
    puppet.send(...new Uint8Array(8));
    client.advance(100);
    expect([...puppet.received]).toEqual([]);
    puppet.send(0x00);
    client.advance(100);
    expect([...puppet.received]).toEqual([0x40, 0x02, 0x12, 0x34]);
    expect(client.session.state.type).toBe("online");
  });

  test("a message over the limit may take minutes, with acknowledgements and pings queued behind it", () => {
    const { client, puppet } = withPuppet();
    client.session.publish({ topic: "t", payload: "x", qos: 1, retain: false });
    puppet.send(0x32, 0xe8, 0x84, 0x01, 0x00, 0x01, 0x61, 0x12, 0x34);
    for (let i = 0; i < 300; i++) {
      puppet.send(0x00);
      client.advance(1000);
    }
    expect(client.session.state.type).toBe("online");
    client.advance(120_000);
    expect(client.states[1]).toMatchObject({ type: "offline", reason: { code: "keep-alive-missed" } });
  });

  test("a packet over the limit other than PUBLISH ends the connection with a reason", () => {
    const { client, puppet } = withPuppet();
    puppet.send(0x90, 0xe8, 0x84, 0x01);
    client.advance(100);
    expect(client.failure?.code).toBe("protocol-error");
  });

  test.each([
    ["no packet", [0xf0, 0x00]],
    ["a second CONNACK", CONNACK],
    ["a message with QoS 2", [0x34, 0x05, 0x00, 0x01, 0x61, 0x00, 0x01]],
  ])("%s ends the connection with a reason", (_name, bytes) => {
    const { client, puppet } = withPuppet();
    puppet.send(...bytes);
    client.advance(100);
    expect(client.failure?.code).toBe("protocol-error");
  });

  test("a subscription that the broker refuses is reported", () => {
    const { client, puppet } = withPuppet();
    client.session.subscribe("secret/#", 1);
    client.advance(100);
    const [, , high = 0, low = 0] = puppet.received;
    puppet.send(0x90, 0x03, high, low, 0x80);
    client.advance(100);
    expect(client.refused).toEqual(["secret/#"]);
  });

  test("an acknowledgement with an unknown identifier is ignored", () => {
    const { client, puppet } = withPuppet();
    puppet.send(0x40, 0x02, 0x12, 0x34, 0x90, 0x03, 0x12, 0x34, 0x01, 0xb0, 0x02, 0x12, 0x34);
    client.advance(100);
    expect(client.failure).toBeUndefined();
  });

  test("an exception of the user's callback propagates", () => {
    const client = new Client({
      onMessage: () => {
        throw new Error("of the user");
      },
    });
    client.session.subscribe("t", 1);
    client.goOnline().advance(100);
    client.good.publish("t", "x");
    expect(() => client.advance(100)).toThrow("of the user");
  });

  test("10,000 random byte strings end in a reason or a message, never in an exception", () => {
    const seed = 7;
    const random = new Random(seed);
    const { client, puppet } = withPuppet();
    for (let run = 0; run < FUZZ_RUNS; run++) {
      const bytes = random.bytes(1 + random.int(40));
      try {
        puppet.send(...bytes);
        client.advance(50);
        // A too long PUBLISH consumes the following inputs as its body, until the connection ends.
        if (client.session.state.type === "online" && random.bool(0.8)) continue;
        puppet.socket?.close();
        client.until(
          "it reconnects",
          () => puppet.received.at(-1) !== undefined && client.session.state.type === "connecting",
        );
        client.advance(200);
        puppet.send(...CONNACK);
        client.advance(50);
      } catch (error) {
        throw new Error(`seed ${seed}, run ${run}: ${String(error)}`);
      }
    }
    expect(puppet.connections).toBeGreaterThan(FUZZ_RUNS / 10);
  });
});

describe("messages while the client is away", () => {
  function away(qos: 0 | 1, send: (broker: WorldBroker) => void): Client {
    const client = new Client();
    client.session.subscribe("t", qos);
    client.goOnline().advance(100);
    client.host.isCut = true;
    client.advance(120_000);
    send(client.good);
    client.host.isCut = false;
    client.goOnline().advance(1000);
    return client;
  }

  test("arrive once and in order after the reconnection, for a subscription with QoS 1", () => {
    const texts = Array.from({ length: 50 }, (_, i) => String(i));
    const client = away(1, (broker) => {
      for (const text of texts) broker.publish("t", text);
    });
    expect(client.messages.map(({ payload }) => decodeUTF8(payload))).toEqual(texts);
  });

  test("arrive without the retain flag when they were retained during the outage", () => {
    const client = away(1, (broker) => broker.publish("t", "x", true));
    expect(client.messages.map(({ retain }) => retain)).toEqual([false]);
  });

  test("are lost for a subscription with QoS 0", () => {
    const client = away(0, (broker) => broker.publish("t", "old"));
    expect(client.messages).toEqual([]);
    client.good.publish("t", "new");
    client.advance(100);
    expect(client.messages).toMatchObject([{ qos: 0 }]);
  });
});

describe("keep-alive", () => {
  test("pings keep a quiet connection open", () => {
    const client = new Client({ keepAliveS: 20 }).goOnline();
    client.advance(600_000);
    expect(client.states.map(({ type }) => type)).toEqual(["online"]);
  });

  test("a broker that answers no ping is detected", () => {
    const client = new Client({ keepAliveS: 20 }).goOnline();
    client.good.faults.ignoresPings = true;
    client.advance(31_000);
    expect(client.failure?.code).toBe("keep-alive-missed");
  });

  test("a broker that has gone is detected while the station keeps sending", () => {
    const client = new Client({ keepAliveS: 20 }).goOnline();
    client.brokerHost.isCut = true;
    for (let i = 0; i < 45; i++) {
      client.session.publish({ topic: "heartbeat", payload: "", qos: 0, retain: false });
      client.advance(1000);
    }
    expect(client.states).toContainEqual(
      expect.objectContaining({ reason: expect.objectContaining({ code: "keep-alive-missed" }) }),
    );
  });
});

describe("closing", () => {
  test("sends queued messages, then DISCONNECT, so that no will is published", () => {
    const client = new Client({ will: { topic: "will", payload: "lost", qos: 1, retain: false } }).goOnline();
    client.session.publish({ topic: "last", payload: "words", qos: 1, retain: false });
    client.session.close();
    client.advance(1000);
    expect(client.good.published.map(({ topic }) => topic)).toEqual(["last"]);
    expect(client.session.state.type).toBe("closed");
    expect(client.good.clientIds).toEqual([]);
  });

  test("takes at most a second when the broker does not answer", () => {
    const client = new Client().goOnline();
    client.good.faults.ignoresPublishes = true;
    client.session.publish({ topic: "last", payload: "words", qos: 1, retain: false });
    client.session.close();
    client.advance(1001);
    expect(client.session.state.type).toBe("closed");
  });

  test("prevents further publishing and callbacks", () => {
    const client = new Client();
    client.session.subscribe("t", 1);
    client.goOnline().advance(100);
    client.session.close();
    client.states.length = 0;
    expect(client.session.publish({ topic: "t", payload: "", qos: 1, retain: false })).toBe("closed");
    client.good.publish("t", "x");
    client.advance(100_000);
    expect(client.messages).toEqual([]);
    expect(client.states).toEqual([]);
  });

  test.each(["online", "offline"] as const)("is possible during the callback of the state %s", (type) => {
    const client: Client = new Client({
      hasNoBroker: type === "offline",
      onState: (state) => {
        if (state.type === type) client.session.close();
      },
    });
    client.advance(200_000);
    expect(client.session.state.type).toBe("closed");
  });

  test("is possible during the callback of a message", () => {
    const client: Client = new Client({ onMessage: () => client.session.close() });
    client.session.subscribe("t", 1);
    client.goOnline().advance(100);
    client.good.publish("t", "1");
    client.good.publish("t", "2");
    client.advance(1000);
    expect(client.session.state.type).toBe("closed");
  });
});
