import type { Clock } from "../../../modules/board/index.js";
import { concatBytes, encodeUTF8 } from "../../../modules/bytes/index.js";
import { type Packet, PacketType } from "./hci.js";

const VERSION = 1;
/** HCI UART (H4): packets with their indicator. */
const DATALINK = 1002;
/** Of time stamps: microseconds since year 0. */
const EPOCH_US = 0x00dcddb30f2f8000n;

const FROM_HOST = 0;
const FROM_CONTROLLER = 1;
const IS_COMMAND_OR_EVENT = 2;

/**
 * Writes what passes between hosts and controllers in the btsnoop format, which Wireshark reads (its file format is that of
 * RFC 1761 with another magic).
 */
export class BtsnoopLog {
  #clock: Clock;
  #write: (bytes: Packet) => void;

  constructor({ clock, write }: { clock: Clock; write: (bytes: Packet) => void }) {
    this.#clock = clock;
    this.#write = write;
    write(concatBytes(encodeUTF8("btsnoop\0"), u32(VERSION), u32(DATALINK)));
  }

  /** From a host. */
  sent(packet: Packet): void {
    this.#record(packet, FROM_HOST);
  }

  /** From a controller. */
  received(packet: Packet): void {
    this.#record(packet, FROM_CONTROLLER);
  }

  #record(packet: Packet, direction: number): void {
    const flags = direction | (packet[0] === PacketType.acl ? 0 : IS_COMMAND_OR_EVENT);
    const ms = this.#clock.epochMs() ?? this.#clock.monotonicMs();
    const stamp = EPOCH_US + BigInt(Math.round(ms * 1000));
    const time = concatBytes(u32(Number(stamp >> 32n)), u32(Number(stamp & 0xffffffffn)));
    this.#write(concatBytes(u32(packet.length), u32(packet.length), u32(flags), u32(0), time, packet));
  }
}

/** Big endian. */
function u32(value: number): Packet {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}
