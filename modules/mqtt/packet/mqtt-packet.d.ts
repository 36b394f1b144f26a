/** Types of the bundle that scripts/bundle-mqtt-packet.js builds from npm's mqtt-packet. */

export interface WritableTarget {
  write(chunk: Uint8Array<ArrayBuffer> | string): boolean;
  destroy(error: Error): void;
}

export interface ParsedPacket {
  readonly cmd: string;
  /** Length after the fixed header, bytes; -1 until it is known. */
  readonly length: number;
  readonly [field: string]: unknown;
}

export interface PacketTarget {
  handleEvent(event: "packet" | "error", argument: ParsedPacket | Error): void;
}

export interface PacketParser {
  /** The packet that is being parsed. */
  readonly packet: ParsedPacket;
  /** Receives the events. */
  target: PacketTarget | undefined;
  /** Parses bytes. Returns the number of bytes that belong to an incomplete packet. */
  parse(bytes: Uint8Array<ArrayBuffer>): number;
}

export function makeParser(options: { protocolVersion: 4 }): PacketParser;

/** Writes a packet. Returns `false` when the target requests a pause, or after `destroy` for an invalid packet. */
export function writeToStream(packet: object, target: WritableTarget): boolean;
