import { describe, expect, test } from "@jest/globals";
import { BROKER, Client, Puppet, withPuppet } from "../../host-tests/suites/units/mqtt-client.js";
import { decodeUTF8 } from "../bytes/index.js";

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

  test("a client with TLS waits for the time before it connects, and its time limits start then", () => {
    const client = new Client({ isTLS: true, certificateName: BROKER.name, hasNoTime: true });
    client.advance(15_000);
    expect(client.states).toEqual([]);
    client.world.clock.setEpochMs(1_800_000_000_000);
    client.goOnline();
    expect(client.states.map(({ type }) => type)).toEqual(["online"]);
  });

  test("a client with TLS fails with clock-unknown when the time stays unknown", () => {
    const client = new Client({ isTLS: true, certificateName: BROKER.name, hasNoTime: true });
    client.advance(20_500);
    expect(client.failure).toMatchObject({
      code: "clock-unknown",
      message: expect.stringContaining("time server"),
    });
  });

  test("a client without TLS needs no time", () => {
    new Client({ hasNoTime: true }).goOnline();
  });

  test("a client that is closed during the wait for the time connects no more", () => {
    const client = new Client({ isTLS: true, certificateName: BROKER.name, hasNoTime: true });
    client.advance(1000);
    client.session.close();
    client.world.clock.setEpochMs(1_800_000_000_000);
    client.advance(60_000);
    expect(client.states.some(({ type }) => type === "online")).toBe(false);
  });

  test("an exception of the board's socket fails the attempt, and its text is not reported", () => {
    const client = new Client({ hasNoSocket: true });
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
      listener: {
        handleState(state) {
          if (state.type === type) client.session.close();
        },
      },
    });
    client.advance(200_000);
    expect(client.session.state.type).toBe("closed");
  });

  test("is possible during the callback of a message", () => {
    const client: Client = new Client({ listener: { handleMessage: () => client.session.close() } });
    client.session.subscribe("t", 1);
    client.goOnline().advance(100);
    client.good.publish("t", "1");
    client.good.publish("t", "2");
    client.advance(1000);
    expect(client.session.state.type).toBe("closed");
  });
});
