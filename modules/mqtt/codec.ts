import { encodeUTF8 } from "../bytes/index.js";
import { messageOf } from "../errors/index.js";
import { OversizedPublish, type SkippedPublish } from "./oversized.js";
import { makeParser, type PacketParser, type ParsedPacket, writeToStream } from "./packet/mqtt-packet.js";

/** A packet to send, in mqtt-packet's representation. */
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

/** The will of a CONNECT packet. */
export interface OutgoingWill {
  readonly topic: string;
  readonly payload: string;
  readonly qos: 0 | 1;
  readonly retain: boolean;
}

/** A received packet that MQTT 3.1.1 allows for a client. */
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
  | { readonly cmd: "pingresp" }
  /** A too long PUBLISH whose body was skipped. */
  | ({ readonly cmd: "skipped" } & SkippedPublish);

/** Encodes a packet. Throws for a packet that MQTT does not allow, which is a bug of the caller. */
export function encodePacket(packet: OutgoingPacket): Uint8Array<ArrayBuffer> {
  if (packet.cmd === "publish") return encodePublish(packet);
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

/**
 * Encodes a PUBLISH (MQTT 3.1.1 section 3.3). Nearly all packets of a station are one. mqtt-packet would write it in
 * pieces, at several times the bytecodes.
 */
function encodePublish(packet: OutgoingPacket & { readonly cmd: "publish" }): Uint8Array<ArrayBuffer> {
  const { payload, qos, messageId = 0 } = packet;
  const topic = encodeUTF8(packet.topic);
  const idBytes = qos > 0 ? 2 : 0;
  const length = 2 + topic.length + idBytes + payload.length;
  const bytes = new Uint8Array(1 + lengthBytes(length) + length);
  bytes[0] = 0x30 | (packet.dup ? 8 : 0) | (qos << 1) | (packet.retain ? 1 : 0);
  let at = 1;
  for (let rest = length; at === 1 || rest > 0; rest >>= 7) bytes[at++] = rest > 127 ? rest | 128 : rest;
  bytes[at] = topic.length >> 8;
  bytes[at + 1] = topic.length;
  bytes.set(topic, at + 2);
  at += 2 + topic.length;
  if (idBytes > 0) {
    bytes[at] = messageId >> 8;
    bytes[at + 1] = messageId;
  }
  bytes.set(payload, at + idBytes);
  return bytes;
}

/** Number of bytes of a remaining length (MQTT 3.1.1 section 2.2.3). */
function lengthBytes(length: number): number {
  return length < 128 ? 1 : length < 16_384 ? 2 : length < 2_097_152 ? 3 : 4;
}

const NO_BYTES = new Uint8Array(0);
const PARSER_OPTIONS = { protocolVersion: 4 } as const;

/**
 * Assembles packets from the pieces that the network delivers. Skips a too long PUBLISH as it arrives. A reader must be
 * discarded after its first error.
 */
export class PacketReader {
  private readonly _maxPacketBytes: number;
  private _parser: PacketParser;
  private _packets: IncomingPacket[] = [];
  private _error: string | undefined;
  private _oversized: OversizedPublish | undefined;

  /**
   * @param options.maxPacketBytes highest length after the fixed header. A longer PUBLISH is skipped; any other longer
   *   packet is an error as soon as its length is known
   */
  constructor(options: { maxPacketBytes: number }) {
    this._maxPacketBytes = options.maxPacketBytes;
    this._parser = this._newParser();
  }

  /** Whether a too long PUBLISH is arriving. */
  get isSkipping(): boolean {
    return this._oversized !== undefined;
  }

  /** Parses bytes. Returns the packets that they complete, and an error text for malformed input. Never throws. */
  push(bytes: Uint8Array<ArrayBuffer>): { packets: readonly IncomingPacket[]; error: string | undefined } {
    this._packets = [];
    for (let rest = bytes; rest.length > 0 && this._error === undefined; ) {
      rest = this._oversized ? this._skip(this._oversized, rest) : this._parse(rest);
    }
    return { packets: this._packets, error: this._error };
  }

  private _newParser(): PacketParser {
    const parser = makeParser(PARSER_OPTIONS);
    parser.target = this;
    return parser;
  }

  /** Handles an event of the parser. */
  handleEvent(event: "packet" | "error", argument: ParsedPacket | Error): void {
    if (event === "packet") this._handlePacket(argument as ParsedPacket);
    else this._error ??= (argument as Error).message;
  }

  /** Parses bytes. Returns those of a too long PUBLISH and all that follow. */
  private _parse(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    let waitingBytes = 0;
    try {
      waitingBytes = this._parser.parse(bytes);
    } catch (error) {
      this._error ??= messageOf(error);
    }
    const { packet } = this._parser;
    this._error ??= this._lengthError(packet);
    if (this._error !== undefined || packet.length <= this._maxPacketBytes) return NO_BYTES;
    if (packet.qos === 2) {
      this._error = unexpectedQoS(packet.qos);
      return NO_BYTES;
    }
    this._oversized = new OversizedPublish({ byteLength: packet.length, qos: packet.qos === 1 ? 1 : 0 });
    this._parser = this._newParser();
    // The parser has consumed the fixed header, whose last byte is among `bytes`.
    return bytes.subarray(bytes.length - waitingBytes);
  }

  /** Discards bytes of a too long PUBLISH. Returns those that follow it. */
  private _skip(oversized: OversizedPublish, bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    const own = bytes.subarray(0, oversized.missingBytes);
    this._error = oversized.push(own);
    if (this._error === undefined && oversized.missingBytes === 0) {
      this._oversized = undefined;
      this._packets.push({ cmd: "skipped", ...oversized.skipped });
    }
    return bytes.subarray(own.length);
  }

  /** Checks the length of a packet. mqtt-packet itself would stall on a short packet or read into the next one. */
  private _lengthError({ cmd, length }: ParsedPacket): string | undefined {
    if (length > this._maxPacketBytes && cmd !== "publish") {
      return `a packet of ${length} bytes is longer than the ${this._maxPacketBytes} allowed`;
    }
    const expected = LENGTHS[cmd];
    const isRight = length === expected || (cmd === "suback" && length > SUBACK_BYTES);
    return length === -1 || expected === undefined || isRight ? undefined : `a ${cmd} of ${length} bytes`;
  }

  private _handlePacket(packet: ParsedPacket): void {
    this._error ??= this._lengthError(packet);
    if (this._error !== undefined) return;
    const incoming = incomingPacket(packet);
    if (typeof incoming === "string") this._error = incoming;
    else if (incoming.cmd === "publish" && packet.length > this._maxPacketBytes) {
      const { qos, messageId } = incoming;
      this._packets.push({ cmd: "skipped", byteLength: packet.length, qos, messageId });
    } else this._packets.push(incoming);
  }
}

/** Lowest length of a SUBACK after its fixed header, bytes. */
const SUBACK_BYTES = 3;
/** Length after the fixed header of each packet type with a fixed length, bytes (MQTT 3.1.1 section 3). */
const LENGTHS: Readonly<Record<string, number>> = {
  connack: 2,
  puback: 2,
  suback: SUBACK_BYTES,
  unsuback: 2,
  pingresp: 0,
};

/** Error text for a QoS above 1. The station requests at most QoS 1, and a broker grants no more [MQTT-3.8.4-6]. */
function unexpectedQoS(qos: unknown): string {
  return `a publish with QoS ${qos}; the station subscribes with QoS 0 and 1`;
}

/** Converts a parsed packet. Returns an error text when MQTT does not allow it for a client. */
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
  if (qos !== 0 && qos !== 1) return unexpectedQoS(qos);
  if (typeof topic !== "string" || topic === "" || /[+#\0]/.test(topic))
    return "a publish with a malformed topic";
  if (qos === 1 && !messageId) return "a publish with QoS 1 and packet identifier 0"; // [MQTT-2.3.1-1]
  const payload = packet.payload as Uint8Array<ArrayBuffer>;
  // When a packet is too short for its identifier, mqtt-packet reads the identifier from the next packet, or -1.
  const isShort = payload.length === 0 && packet.length !== encodeUTF8(topic).length + 4;
  if (qos === 1 && (isShort || messageId === -1))
    return "a publish with QoS 1 and no room for its packet identifier";
  return {
    cmd: "publish",
    topic,
    payload,
    qos,
    retain: retain === true,
    dup: dup === true,
    messageId: qos === 1 ? Number(messageId) : 0,
  };
}
