/**
 * HCI packets between a host and its controller (Bluetooth Core 5.4 Vol 4 Part E, with the indicator of Part
 * A).
 */

import { concatBytes } from "../../../modules/bytes/index.js";

export type Packet = Uint8Array<ArrayBuffer>;

export const PacketType = Object.freeze({ command: 0x01, acl: 0x02, event: 0x04 });

/** Opcodes: OCF with OGF in the upper six bits (5.4.1). */
export const Command = Object.freeze({
  disconnect: 0x0406,
  setEventMask: 0x0c01,
  reset: 0x0c03,
  readLEHostSupport: 0x0c6c,
  writeLEHostSupport: 0x0c6d,
  readLocalVersion: 0x1001,
  readAddress: 0x1009,
  readRSSI: 0x1405,
  leSetEventMask: 0x2001,
  leReadBufferSize: 0x2002,
  leReadLocalFeatures: 0x2003,
  leSetAdvertisingParameters: 0x2006,
  leSetAdvertisingData: 0x2008,
  leSetScanResponseData: 0x2009,
  leSetAdvertiseEnable: 0x200a,
  leSetScanParameters: 0x200b,
  leSetScanEnable: 0x200c,
  leCreateConnection: 0x200d,
  leCreateConnectionCancel: 0x200e,
  leConnectionUpdate: 0x2013,
});

export const Event = Object.freeze({
  disconnectionComplete: 0x05,
  commandComplete: 0x0e,
  commandStatus: 0x0f,
  numberOfCompletedPackets: 0x13,
  dataBufferOverflow: 0x1a,
  leMeta: 0x3e,
});

export const LEEvent = Object.freeze({
  connectionComplete: 0x01,
  advertisingReport: 0x02,
  connectionUpdateComplete: 0x03,
});

/** Error codes (Vol 1 Part F 1.3). */
export const Status = Object.freeze({
  success: 0x00,
  unknownCommand: 0x01,
  unknownConnection: 0x02,
  connectionTimeout: 0x08,
  connectionLimit: 0x09,
  connectionExists: 0x0b,
  disallowed: 0x0c,
  invalidParameters: 0x12,
  remoteUserEnded: 0x13,
  localHostEnded: 0x16,
});

/** Advertising event types of a report (7.7.65.2). */
export const ReportType = Object.freeze({ advertisement: 0x00, scanResponse: 0x04 });

/** Link types of a data buffer overflow (7.7.26). */
export const LinkType = Object.freeze({ acl: 0x01 });

export const Role = Object.freeze({ central: 0x00, peripheral: 0x01 });

export function u16(value: number): Packet {
  return Uint8Array.of(value & 0xff, value >> 8);
}

export function readU16(bytes: Packet, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
}

/** Bytes of an address such as `a4:cf:12:00:00:01` in HCI's order: last byte first. */
export function addressBytes(address: string): Packet {
  return Uint8Array.from(address.split(":").reverse(), (part) => Number.parseInt(part, 16));
}

export function addressText(bytes: Packet): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0"))
    .reverse()
    .join(":");
}

export function event(code: number, ...parameters: Packet[]): Packet {
  const body = concatBytes(...parameters);
  return concatBytes(Uint8Array.of(PacketType.event, code, body.length), body);
}

export function commandComplete(opcode: number, ...returned: Packet[]): Packet {
  return event(Event.commandComplete, Uint8Array.of(1), u16(opcode), ...returned);
}

export function commandStatus(opcode: number, status: number): Packet {
  return event(Event.commandStatus, Uint8Array.of(status, 1), u16(opcode));
}

/** Packet boundary flags of ACL data (5.4.2). */
const CONTINUING = 0x1;
/** Boundary flag of a first fragment from a controller to its host. */
const FIRST_TO_HOST = 0x2;

export interface ACLPacket {
  readonly handle: number;
  /** The fragment continues an L2CAP PDU. */
  readonly isContinuing: boolean;
  readonly data: Packet;
}

/** Parses an ACL packet; `undefined` if its length does not match. */
export function parseACL(packet: Packet): ACLPacket | undefined {
  if (packet.length < 5 || readU16(packet, 3) !== packet.length - 5) return undefined;
  const flags = readU16(packet, 1);
  return {
    handle: flags & 0x0fff,
    isContinuing: ((flags >> 12) & 0x3) === CONTINUING,
    data: packet.slice(5),
  };
}

export function aclToHost({ handle, isContinuing, data }: ACLPacket): Packet {
  const flags = handle | ((isContinuing ? CONTINUING : FIRST_TO_HOST) << 12);
  return concatBytes(Uint8Array.of(PacketType.acl), u16(flags), u16(data.length), data);
}
