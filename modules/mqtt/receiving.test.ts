import { describe, expect, test } from "@jest/globals";
import { Client, CONNACK, withPuppet } from "../../host-tests/suites/units/mqtt-client.js";
import { FUZZ_RUNS, Random } from "../../host-tests/virtual/world/random.js";
import { decodeUTF8 } from "../bytes/index.js";

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
      listener: { handleSkipped: (byteLength) => skipped.push(byteLength) },
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
      listener: {
        handleMessage() {
          throw new Error("of the user");
        },
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
