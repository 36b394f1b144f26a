/** Fuzzes the MQTT client with the packets of a hostile broker. npm's mqtt-packet is the reference. */

import { expect, jest, test } from "@jest/globals";
import mqttPacket from "mqtt-packet";
import { concatBytes, encodeHex } from "../../../modules/bytes/index.js";
import { fuzz, inPieces, mutated } from "../../virtual/world/fuzz.js";
import { FUZZ_RUNS, type Random } from "../../virtual/world/random.js";
import { CONNACK, withPuppet } from "../units/mqtt-client.js";
import { holds, same } from "./oracle.js";

type Bytes = Uint8Array<ArrayBuffer>;

const HOUR_MS = 60 * 60_000;
const GOOD = Uint8Array.of(0x30, 0x06, 0x00, 0x04, 0x67, 0x6f, 0x6f, 0x64);
const STEP_MS = 20;
/** Time after which a client has given up a connection that was closed and tries again, ms. */
const RECONNECT_MS = 120_000;

jest.setTimeout(2 * HOUR_MS);

function packet(random: Random): mqttPacket.Packet {
  const messageId = random.int(3) + 1;
  const topic = random.pick(["a", "user/res/station-1/echo", "a/b/set", "é"]);
  const payload = Buffer.from(random.bytes(random.int(random.pick([3, 30, 400]))));
  const packets: mqttPacket.Packet[] = [
    { cmd: "publish", topic, payload, qos: 0, dup: false, retain: random.bool() },
    { cmd: "publish", topic, payload, qos: 1, messageId, dup: random.bool(), retain: false },
    { cmd: "publish", topic, payload, qos: 2, messageId, dup: false, retain: false },
    { cmd: "puback", messageId },
    { cmd: "suback", messageId, granted: [random.pick([0, 1, 128])] },
    { cmd: "unsuback", messageId, granted: [] },
    { cmd: "pingresp" },
    { cmd: "connack", returnCode: 0, sessionPresent: false },
    { cmd: "pubrel", messageId },
  ];
  return random.pick(packets);
}

function makeStream(random: Random): Bytes {
  const packets = Array.from({ length: 1 + random.int(5) }, () => {
    const bytes = Uint8Array.from(mqttPacket.generate(packet(random)));
    return random.bool(0.7) ? bytes : mutated(random, bytes);
  });
  return concatBytes(...packets);
}

/** Messages with QoS 0 and 1 in a stream, as far as it is valid MQTT. */
function messagesIn(stream: Bytes): string[] {
  const messages: string[] = [];
  const parser = mqttPacket.parser({ protocolVersion: 4 });
  let isOver = false;
  parser.on("packet", (one) => {
    if (one.cmd === "publish" && one.qos < 2 && !isOver) {
      messages.push(`${one.topic} ${Buffer.from(one.payload).toString("hex")}`);
    }
  });
  parser.on("error", () => {
    isOver = true;
  });
  try {
    parser.parse(Buffer.from(stream));
  } catch {
    // What came before is valid.
  }
  return messages;
}

test(`${FUZZ_RUNS} streams of a broker deliver only the messages in them, and the next connection works`, () => {
  const { client, puppet } = withPuppet();
  let lost = 0;
  let delivered = 0;

  function reconnect(): void {
    lost++;
    puppet.socket?.close();
    client.until("the client connects again", () => client.session.state.type === "connecting", RECONNECT_MS);
    const { connections } = puppet;
    client.until(
      "the broker has the connection",
      () => puppet.connections > connections || puppet.received.length > 0,
      RECONNECT_MS,
    );
    client.advance(STEP_MS);
    puppet.send(...CONNACK);
    client.until("the client is online", () => client.session.state.type === "online", RECONNECT_MS);
  }

  const runs = fuzz({
    seed: 111,
    make: makeStream,
    check: (stream, random) => {
      client.messages.length = 0;
      puppet.received = new Uint8Array(0);
      for (const piece of inPieces(random, stream)) puppet.send(...piece);
      client.advance(STEP_MS);
      const seen = client.messages.map(({ topic, payload }) => `${topic} ${encodeHex(payload)}`);
      const sent = messagesIn(stream);
      same(seen, sent.slice(0, seen.length));
      delivered += seen.length;
      puppet.received = new Uint8Array(0);
      reconnect();
      client.messages.length = 0;
      puppet.send(...GOOD);
      client.advance(STEP_MS);
      same(
        client.messages.map(({ topic }) => topic),
        ["good"],
      );
      holds(client.session.state.type === "online", "the client is offline after a good message");
      client.states.length = 0;
      client.events.length = 0;
      client.refused.length = 0;
    },
  });
  expect(lost).toBe(runs);
  expect(delivered).toBeGreaterThan(runs / 5);
});
