import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";
import mqttPacket from "mqtt-packet";
import { FUZZ_RUNS, Random } from "../../host-tests/virtual/world/random.js";
import { encodeUTF8 } from "../bytes/index.js";
import { encodePacket, type IncomingPacket, type OutgoingPacket, PacketReader } from "./codec.js";

const MAX_PACKET_BYTES = 16_384;
const FOLDER = dirname(fileURLToPath(import.meta.url));

function reader(): PacketReader {
  return new PacketReader({ maxPacketBytes: MAX_PACKET_BYTES });
}

/** Reads bytes in pieces of `size`. */
function read(bytes: Uint8Array, size: number): { packets: IncomingPacket[]; error: string | undefined } {
  const parser = reader();
  const packets: IncomingPacket[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    const pushed = parser.push(Uint8Array.from(bytes.subarray(at, at + size)));
    packets.push(...pushed.packets);
    if (pushed.error !== undefined) return { packets, error: pushed.error };
  }
  return { packets, error: undefined };
}

function randomText(random: Random): string {
  return Array.from({ length: 1 + random.int(40) }, () => random.pick([..."abc/é€🚗 01"])).join("");
}

function randomOutgoing(random: Random): OutgoingPacket {
  const messageId = 1 + random.int(65_535);
  const qos = random.bool() ? 1 : 0;
  const packets: OutgoingPacket[] = [
    {
      cmd: "connect",
      clientId: randomText(random),
      clean: random.bool(),
      keepalive: random.int(65_536),
      username: randomText(random),
      password: randomText(random),
      will: random.bool()
        ? { topic: randomText(random), payload: randomText(random), qos, retain: random.bool() }
        : undefined,
    },
    {
      cmd: "publish",
      topic: randomText(random),
      payload: random.bytes(random.int(400)),
      qos,
      retain: random.bool(),
      dup: qos === 1 && random.bool(),
      messageId: qos === 1 ? messageId : undefined,
    },
    { cmd: "puback", messageId },
    { cmd: "subscribe", messageId, subscriptions: [{ topic: randomText(random), qos }] },
    { cmd: "unsubscribe", messageId, unsubscriptions: [randomText(random)] },
    { cmd: "pingreq" },
    { cmd: "disconnect" },
  ];
  return random.pick(packets);
}

/** Returns a random packet from a broker, in the representation of npm's mqtt-packet. */
function randomIncoming(random: Random): object {
  const messageId = 1 + random.int(65_535);
  const qos = random.bool() ? 1 : 0;
  return random.pick<object>([
    { cmd: "connack", returnCode: random.int(6), sessionPresent: random.bool() },
    {
      cmd: "publish",
      topic: randomText(random),
      payload: Buffer.from(random.bytes(random.int(400))),
      qos,
      retain: random.bool(),
      dup: qos === 1 && random.bool(),
      messageId: qos === 1 ? messageId : undefined,
    },
    { cmd: "puback", messageId },
    { cmd: "suback", messageId, granted: [random.pick([0, 1, 128])] },
    { cmd: "unsuback", messageId },
    { cmd: "pingresp" },
  ]);
}

describe("the bundle", () => {
  test("needs no module of Node", () => {
    const source = readFileSync(join(FOLDER, "packet", "mqtt-packet.js"), "utf8");
    // esbuild's own helpers for bundled modules do not count.
    const code = source.replace(/\brequire_\w+\(/g, "").replace(/function __require\(/g, "");
    expect(code).not.toMatch(/\brequire\(/);
    expect(code.match(/^\s*import\b[^;]*;/gm)).toEqual([
      'import { decodeUTF8, encodeUTF8 } from "../../bytes/index.js";',
    ]);
    expect(code).not.toMatch(/\bprocess\./);
  });

  test("contains no caches, no code for MQTT 5 and none for a broker", () => {
    const source = readFileSync(join(FOLDER, "packet", "mqtt-packet.js"), "utf8");
    expect(source).not.toMatch(
      /[cC]ache|getProperties|function (connack|suback|unsuback|auth)\b|_parse(Connect|Subscribe)\b/,
    );
  });

  test("writes what npm's mqtt-packet writes over Node's Buffer, byte for byte", () => {
    const random = new Random(311);
    for (let run = 0; run < 2000; run++) {
      const packet = randomOutgoing(random);
      const node = "payload" in packet ? { ...packet, payload: Buffer.from(packet.payload) } : packet;
      const expected = mqttPacket.generate(node as mqttPacket.Packet);
      if (Buffer.compare(expected, encodePacket(packet)) !== 0) {
        throw new Error(`run ${run} of seed 311: ${JSON.stringify(packet)}`);
      }
    }
  });

  test.each([1, 2, 7, 100_000])("reads what npm's mqtt-packet writes, in pieces of %d bytes", (size) => {
    const random = new Random(312);
    const sent = Array.from({ length: 500 }, () => randomIncoming(random));
    const bytes = Buffer.concat(sent.map((packet) => mqttPacket.generate(packet as mqttPacket.Packet)));
    const { packets, error } = read(bytes, size);
    expect(error).toBeUndefined();
    expect(packets).toHaveLength(sent.length);
    for (const [i, packet] of packets.entries()) {
      const expected = sent[i] as Record<string, unknown>;
      for (const [name, value] of Object.entries(packet)) {
        if (ArrayBuffer.isView(value))
          expect(Buffer.compare(value as Uint8Array, expected[name] as Buffer)).toBe(0);
        else expect(value).toEqual(expected[name] ?? (name === "messageId" ? 0 : undefined));
      }
    }
  });
});

describe("malformed input", () => {
  test.each<[string, number[]]>([
    ["reserved type 0", [0x00, 0x00]],
    ["reserved type 15", [0xf0, 0x00]],
    ["both QoS bits", [0x36, 0x05, 0x00, 0x01, 0x61, 0x00, 0x01]],
    ["QoS 2, which exceeds every subscription", [0x34, 0x05, 0x00, 0x01, 0x61, 0x00, 0x01]],
    ["a remaining length of 5 bytes", [0x30, 0xff, 0xff, 0xff, 0xff, 0x01]],
    ["a topic longer than the packet", [0x30, 0x03, 0x00, 0x05, 0x61]],
    ["an empty topic", [0x30, 0x02, 0x00, 0x00]],
    ["a wildcard in the topic", [0x30, 0x03, 0x00, 0x01, 0x23]],
    ["U+0000 in the topic", [0x30, 0x03, 0x00, 0x01, 0x00]],
    ["a topic that is not UTF-8", [0x30, 0x03, 0x00, 0x01, 0xff]],
    ["QoS 1 with packet identifier 0", [0x32, 0x05, 0x00, 0x01, 0x61, 0x00, 0x00]],
    ["QoS 1 and no room for the identifier", [0x32, 0x03, 0x00, 0x01, 0x61, 0xd0, 0x00]],
    ["QoS 1 and half an identifier", [0x32, 0x04, 0x00, 0x01, 0x61, 0x07]],
    ["QoS 1 and half an identifier before another packet", [0x32, 0x04, 0x00, 0x01, 0x61, 0x07, 0xd0, 0x00]],
    ["a PUBACK without an identifier", [0x40, 0x00]],
    ["flags on a PUBACK", [0x41, 0x02, 0x00, 0x01]],
    ["a packet for a broker", [0xc0, 0x00]],
    ["a cut CONNACK", [0x20, 0x01, 0x00]],
  ])("%s is an error, not an exception", (_name, bytes) => {
    expect(read(Uint8Array.from(bytes), 100).error).toEqual(expect.any(String));
    expect(read(Uint8Array.from(bytes), 1).error).toEqual(expect.any(String));
  });

  test.each([0x00, 0x20, 0x40, 0x90, 0xb0, 0xd0, 0xf0])(
    "a packet with type and flags %i and 20,000 bytes is an error as soon as its length is known",
    (type) => {
      expect(reader().push(new Uint8Array([type, 0xa0, 0x9c, 0x01])).error).toContain("20000");
    },
  );

  test("does not prevent reading the packets that precede it", () => {
    const { packets, error } = read(Uint8Array.from([0xd0, 0x00, 0xf0, 0x00]), 100);
    expect(packets).toEqual([{ cmd: "pingresp" }]);
    expect(error).toEqual(expect.any(String));
  });
});

/**
 * Returns the start of a PUBLISH, up to its payload. `byteLength` is its length after the fixed header, and `length`
 * its whole length.
 */
function longPublish(options: { byteLength: number; topicBytes: number; qos: 0 | 1 | 2; messageId: number }) {
  const { byteLength, topicBytes, qos, messageId } = options;
  const head = [0x30 | (qos << 1)];
  for (let left = byteLength; head.length === 1 || left > 0; left = Math.floor(left / 128)) {
    head.push((left % 128) | (left >= 128 ? 0x80 : 0));
  }
  const length = head.length + byteLength;
  head.push(topicBytes >> 8, topicBytes & 0xff);
  const id = qos > 0 ? [messageId >> 8, messageId & 0xff] : [];
  const start = Uint8Array.from([...head, ...new Uint8Array(topicBytes).fill(0x61), ...id]);
  return { start, length };
}

describe("a too long PUBLISH", () => {
  const ping = { cmd: "pingresp" };

  test.each<[byteLength: number, topicBytes: number, qos: 0 | 1]>([
    [16_385, 10, 0],
    [16_385, 10, 1],
    [17_000, 16_990, 1],
    [70_000, 65_535, 1],
    [268_435_455, 65_535, 1],
  ])("of %i bytes with a topic of %i and QoS %i is skipped", (byteLength, topicBytes, qos) => {
    const { start, length } = longPublish({ byteLength, topicBytes, qos, messageId: 0x1234 });
    const piece = new Uint8Array(65_536);
    const parser = reader();
    expect(parser.push(start)).toEqual({ packets: [], error: undefined });
    let left = length - start.length;
    for (; left > piece.length; left -= piece.length) expect(parser.push(piece).packets).toHaveLength(0);
    expect(parser.isSkipping).toBe(true);
    const skipped = { cmd: "skipped", byteLength, qos, messageId: qos === 1 ? 0x1234 : 0 };
    const rest = Uint8Array.from([...piece.subarray(0, left), 0xd0, 0x00]);
    expect(parser.push(rest)).toEqual({ packets: [skipped, ping], error: undefined });
    expect(parser.isSkipping).toBe(false);
  });

  test("is skipped in two pieces of any size", () => {
    const long = longPublish({ byteLength: 16_385, topicBytes: 3, qos: 1, messageId: 0x0201 });
    const bytes = new Uint8Array(long.length + 4);
    bytes.set([0xd0, 0x00]);
    bytes.set(long.start, 2);
    bytes.set([0xd0, 0x00], long.length + 2);
    const expected = [ping, { cmd: "skipped", byteLength: 16_385, qos: 1, messageId: 0x0201 }, ping];
    for (let cut = 1; cut < 24; cut++) {
      for (const at of [cut, bytes.length - cut]) {
        const parser = reader();
        const packets = [bytes.slice(0, at), bytes.slice(at)].flatMap((piece) => parser.push(piece).packets);
        expect(packets).toEqual(expected);
      }
    }
    expect(read(bytes, 1)).toEqual({ packets: expected, error: undefined });
  });

  test.each<[string, Parameters<typeof longPublish>[0]]>([
    ["a topic longer than the packet", { byteLength: 16_385, topicBytes: 16_384, qos: 0, messageId: 0 }],
    ["no room for its identifier", { byteLength: 16_385, topicBytes: 16_382, qos: 1, messageId: 1 }],
    ["an empty topic", { byteLength: 16_385, topicBytes: 0, qos: 0, messageId: 0 }],
    ["QoS 1 and packet identifier 0", { byteLength: 16_385, topicBytes: 1, qos: 1, messageId: 0 }],
    ["QoS 2", { byteLength: 16_385, topicBytes: 1, qos: 2, messageId: 1 }],
  ])("with %s is an error", (_name, options) => {
    const { start } = longPublish(options);
    expect(read(start, start.length).error).toEqual(expect.any(String));
    expect(read(start, 1).error).toEqual(expect.any(String));
  });
});

/** Throws at the first stream of short and long packets that a reader does not read as written. */
function fuzzLengths(makeReader: () => Pick<PacketReader, "push">, seed: number): void {
  const random = new Random(seed);
  for (let run = 0; run < FUZZ_RUNS / 10; run++) {
    const expected: string[] = [];
    const written = Array.from({ length: 1 + random.int(6) }, () => {
      const packet = randomIncoming(random) as IncomingPacket & { qos?: number };
      const bytes = mqttPacket.generate(packet as mqttPacket.Packet);
      const headerBytes = bytes.length > 129 ? 3 : 2;
      const isLong = packet.cmd === "publish" && bytes.length - headerBytes > FUZZ_MAX_PACKET_BYTES;
      const messageId = "messageId" in packet ? (packet.messageId ?? 0) : 0;
      expected.push(`${isLong ? "skipped" : packet.cmd} ${messageId}`);
      return bytes;
    });
    const bytes = Uint8Array.from(Buffer.concat(written));
    const parser = makeReader();
    const seen: string[] = [];
    for (let at = 0; at < bytes.length; ) {
      const size = random.bool() ? 1 + random.int(4) : 1 + random.int(300);
      const { packets, error } = parser.push(bytes.slice(at, at + size));
      for (const packet of packets)
        seen.push(`${packet.cmd} ${"messageId" in packet ? packet.messageId : 0}`);
      if (error !== undefined) seen.push(error);
      at += size;
    }
    if (seen.join() !== expected.join()) {
      throw new Error(`seed ${seed}, run ${run}: ${seen.join()} in place of ${expected.join()}`);
    }
  }
}

const FUZZ_MAX_PACKET_BYTES = 200;

describe("streams of short and long packets in random pieces", () => {
  const makeReader = () => new PacketReader({ maxPacketBytes: FUZZ_MAX_PACKET_BYTES });

  test("are read packet by packet", () => {
    fuzzLengths(makeReader, 314);
  });

  test("detect a reader that loses a header between two pieces", () => {
    const canary = () => {
      const parser = makeReader();
      return {
        push: (bytes: Uint8Array<ArrayBuffer>) => parser.push(bytes.length === 1 ? bytes.slice(1) : bytes),
      };
    };
    expect(() => fuzzLengths(canary, 314)).toThrow("in place of");
  });
});

/** Throws at the first input that makes a reader throw, with the seed and the run to repeat it. */
function fuzz(makeReader: () => Pick<PacketReader, "push">, seed: number): void {
  const random = new Random(seed);
  for (let run = 0; run < FUZZ_RUNS; run++) {
    const bytes = random.bool(0.5) ? random.bytes(1 + random.int(60)) : mutated(random);
    const size = random.pick([1, 3, 1000]);
    const parser = makeReader();
    try {
      for (let at = 0; at < bytes.length; at += size) {
        if (parser.push(bytes.slice(at, at + size)).error !== undefined) break;
      }
    } catch (error) {
      throw new Error(`seed ${seed}, run ${run}, in pieces of ${size}: ${String(error)}`);
    }
  }
}

function mutated(random: Random): Uint8Array<ArrayBuffer> {
  const bytes = Uint8Array.from(mqttPacket.generate(randomIncoming(random) as mqttPacket.Packet));
  for (let i = 1 + random.int(3); i > 0; i--) bytes[random.int(bytes.length)] = random.int(256);
  return bytes.slice(0, 1 + random.int(bytes.length));
}

describe("10,000 random and mutated packets", () => {
  test("end in packets or an error, never in an exception", () => {
    fuzz(reader, 313);
  });

  test("detect a reader that throws", () => {
    // The canary throws at a PUBACK with an odd identifier.
    const canary = () => {
      const parser = reader();
      return {
        push(bytes: Uint8Array<ArrayBuffer>) {
          const pushed = parser.push(bytes);
          for (const packet of pushed.packets) {
            if (packet.cmd === "puback" && packet.messageId % 2 === 1) throw new Error("canary");
          }
          return pushed;
        },
      };
    };
    expect(() => fuzz(canary, 313)).toThrow("canary");
  });
});

test("a text payload and topic are encoded as UTF-8", () => {
  const bytes = encodePacket({
    cmd: "publish",
    topic: "é",
    payload: encodeUTF8("€"),
    qos: 0,
    retain: true,
    dup: false,
    messageId: undefined,
  });
  expect([...bytes]).toEqual([0x31, 0x07, 0x00, 0x02, 0xc3, 0xa9, 0xe2, 0x82, 0xac]);
});
