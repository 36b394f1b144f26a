import { describe, expect, test } from "@jest/globals";
import { Client, CONNACK, Puppet } from "../../host-tests/suites/units/mqtt-client.js";
import type { WorldBroker } from "../../host-tests/virtual/world/broker.js";
import { Random } from "../../host-tests/virtual/world/random.js";
import { decodeUTF8 } from "../bytes/index.js";

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
