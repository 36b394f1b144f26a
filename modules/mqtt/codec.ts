import { encodeUTF8 } from "../bytes/index.js";
import { makeParser, type PacketParser, type ParsedPacket, writeToStream } from "./packet/mqtt-packet.js";

/** A packet to send, in the words of mqtt-packet. */
export type OutgoingPacket =
  | {
      readonly cmd: "connect";
      readonly clientId: string;
      readonly clean: boolean;
      readonly keepalive: number;
      readonly username: string;
      readonly password: string;
      readonly will: OutgoingWill | undefined;
    }
  | {
      readonly cmd: "publish";
      readonly topic: string;
      readonly payload: Uint8Array<ArrayBuffer>;
      readonly qos: 0 | 1;
      readonly retain: boolean;
      readonly dup: boolean;
      readonly messageId: number | undefined;
    }
  | { readonly cmd: "puback"; readonly messageId: number }
  | {
      readonly cmd: "subscribe";
      readonly messageId: number;
      readonly subscriptions: readonly { readonly topic: string; readonly qos: 0 | 1 }[];
    }
  | { readonly cmd: "unsubscribe"; readonly messageId: number; readonly unsubscriptions: readonly string[] }
  | { readonly cmd: "pingreq" }
  | { readonly cmd: "disconnect" };

export interface OutgoingWill {
  readonly topic: string;
  readonly payload: string;
  readonly qos: 0 | 1;
  readonly retain: boolean;
}

/** A packet that came, as far as a client of MQTT 3.1.1 takes one. */
export type IncomingPacket =
  | { readonly cmd: "connack"; readonly returnCode: number; readonly sessionPresent: boolean }
  | {
      readonly cmd: "publish";
      readonly topic: string;
      readonly payload: Uint8Array<ArrayBuffer>;
      readonly qos: 0 | 1;
      readonly retain: boolean;
      readonly dup: boolean;
      readonly messageId: number;
    }
  | { readonly cmd: "puback" | "unsuback"; readonly messageId: number }
  | { readonly cmd: "suback"; readonly messageId: number; readonly granted: readonly number[] }
  | { readonly cmd: "pingresp" };

/** The bytes of a packet. Throws for one that MQTT does not allow: a mistake of the caller's. */
export function encodePacket(packet: OutgoingPacket): Uint8Array<ArrayBuffer> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let byteLength = 0;
  writeToStream(packet, {
    write(chunk) {
      const bytes = typeof chunk === "string" ? encodeUTF8(chunk) : chunk;
      chunks.push(bytes);
      byteLength += bytes.length;
      return true;
    },
    destroy(error) {
      throw error;
    },
  });
  const whole = new Uint8Array(byteLength);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return whole;
}

/** Puts packets together from whatever pieces the network gives. After an error it is of no more use. */
export class PacketReader {
  private _maxPacketBytes: number;
  private _parser: PacketParser;
  private _packets: IncomingPacket[] = [];
  private _error: string | undefined;

  /** @param options.maxPacketBytes a longer packet is an error as soon as its length is known */
  constructor(options: { maxPacketBytes: number }) {
    this._maxPacketBytes = options.maxPacketBytes;
    this._parser = makeParser({ protocolVersion: 4 });
    this._parser.on("packet", (packet) => this._take(packet));
    this._parser.on("error", (error) => {
      this._error ??= error.message;
    });
  }

  /** The packets that `bytes` complete, and what is wrong with what came, if anything is. Never throws. */
  push(bytes: Uint8Array<ArrayBuffer>): { packets: readonly IncomingPacket[]; error: string | undefined } {
    this._packets = [];
    try {
      this._parser.parse(bytes);
    } catch (error) {
      this._error ??= error instanceof Error ? error.message : "the packet cannot be parsed";
    }
    this._error ??= this._lengthError(this._parser.packet);
    return { packets: this._packets, error: this._error };
  }

  /** mqtt-packet would wait for ever on a packet that is too short, or read on into the next one. */
  private _lengthError({ cmd, length }: ParsedPacket): string | undefined {
    if (length > this._maxPacketBytes) {
      return `a packet of ${length} bytes is longer than the ${this._maxPacketBytes} allowed`;
    }
    const expected = LENGTHS[cmd];
    const isRight = length === expected || (cmd === "suback" && length > SUBACK_BYTES);
    return length === -1 || expected === undefined || isRight ? undefined : `a ${cmd} of ${length} bytes`;
  }

  private _take(packet: ParsedPacket): void {
    this._error ??= this._lengthError(packet);
    if (this._error !== undefined) return;
    const incoming = incomingPacket(packet);
    if (typeof incoming === "string") this._error = incoming;
    else this._packets.push(incoming);
  }
}

/** Of what follows the fixed header, where the type says it (MQTT 3.1.1 section 3); at least that much of a SUBACK. */
const SUBACK_BYTES = 3;
const LENGTHS: Readonly<Record<string, number>> = {
  connack: 2,
  puback: 2,
  suback: SUBACK_BYTES,
  unsuback: 2,
  pingresp: 0,
};

/** The packet as a client sees it, or what is wrong with it. */
function incomingPacket(packet: ParsedPacket): IncomingPacket | string {
  const { cmd, messageId } = packet;
  switch (cmd) {
    case "connack":
      return { cmd, returnCode: Number(packet.returnCode), sessionPresent: packet.sessionPresent === true };
    case "publish":
      return incomingPublish(packet);
    case "puback":
    case "unsuback":
      return typeof messageId === "number" ? { cmd, messageId } : `a ${cmd} without a packet identifier`;
    case "suback":
      if (typeof messageId !== "number") return "a suback without a packet identifier";
      return { cmd, messageId, granted: packet.granted as number[] };
    case "pingresp":
      return { cmd };
    default:
      return `a ${cmd} is not for a client`;
  }
}

function incomingPublish(packet: ParsedPacket): IncomingPacket | string {
  const { topic, qos, retain, dup, messageId } = packet;
  // We never ask for more than QoS 1, and a broker grants no more than was asked [MQTT-3.8.4-6].
  if (qos !== 0 && qos !== 1) return `a publish with QoS ${qos}, which nobody subscribed to`;
  if (typeof topic !== "string" || topic === "" || /[+#\0]/.test(topic))
    return "a publish with a malformed topic";
  if (qos === 1 && !messageId) return "a publish with QoS 1 and packet identifier 0"; // [MQTT-2.3.1-1]
  return {
    cmd: "publish",
    topic,
    payload: packet.payload as Uint8Array<ArrayBuffer>,
    qos,
    retain: retain === true,
    dup: dup === true,
    messageId: qos === 1 ? Number(messageId) : 0,
  };
}
