/** Types of the bundle that scripts/bundle-mqtt-packet.js makes of npm's mqtt-packet. */

export interface WritableTarget {
  write(chunk: Uint8Array<ArrayBuffer> | string): boolean;
  destroy(error: Error): void;
}

export interface ParsedPacket {
  readonly cmd: string;
  /** Of what follows the fixed header; -1 until it is known. */
  readonly length: number;
  readonly [field: string]: unknown;
}

export interface PacketParser {
  /** The packet that is being parsed. */
  readonly packet: ParsedPacket;
  on(event: "packet", listener: (packet: ParsedPacket) => void): PacketParser;
  on(event: "error", listener: (error: Error) => void): PacketParser;
  /** Returns how many bytes wait for more. */
  parse(bytes: Uint8Array<ArrayBuffer>): number;
}

export function makeParser(options: { protocolVersion: 4 }): PacketParser;

/** `false` where the target asks for a pause, or the packet is no packet: then `destroy` was called. */
export function writeToStream(packet: object, target: WritableTarget): boolean;
