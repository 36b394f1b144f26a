import type { Clock } from "../../../modules/board/index.js";
import { concatBytes, encodeUTF8 } from "../../../modules/bytes/index.js";
import { addressBytes, type Packet, PacketType } from "./hci.js";

const VERSION = 1;
/** The Linux monitor's, which tells several controllers apart. */
const DATALINK = 2001;
/** Of time stamps: microseconds since year 0. */
const EPOCH_US = 0x00dcddb30f2f8000n;

const Opcode = Object.freeze({ newController: 0, command: 2, event: 3, aclSent: 4, aclReceived: 5 });
/** LE, on a virtual bus. */
const CONTROLLER_TYPE = Uint8Array.of(0x00, 0x00);
const NAME_BYTES = 8;

/** What passes between one host and its controller. */
export interface HCILog {
  /** From the host. */
  sent(packet: Packet): void;
  /** From the controller. */
  received(packet: Packet): void;
}

/**
 * Writes what passes between hosts and controllers in the btsnoop format (that of RFC 1761 with another magic) as the
 * Linux monitor does; Wireshark and btmon read it.
 */
export class BtsnoopLog {
  #clock: Clock;
  #write: (bytes: Packet) => void;
  #count = 0;

  constructor({ clock, write }: { clock: Clock; write: (bytes: Packet) => void }) {
    this.#clock = clock;
    this.#write = write;
    write(concatBytes(encodeUTF8("btsnoop\0"), u32(VERSION), u32(DATALINK)));
  }

  /** A further controller. */
  controller(address: string): HCILog {
    const index = this.#count++;
    const name = new Uint8Array(NAME_BYTES);
    name.set(encodeUTF8(`hci${index}`).slice(0, NAME_BYTES));
    this.#record(index, Opcode.newController, concatBytes(CONTROLLER_TYPE, addressBytes(address), name));
    return {
      sent: (packet) => {
        const isACL = packet[0] === PacketType.acl;
        this.#record(index, isACL ? Opcode.aclSent : Opcode.command, packet.slice(1));
      },
      received: (packet) => {
        const isACL = packet[0] === PacketType.acl;
        this.#record(index, isACL ? Opcode.aclReceived : Opcode.event, packet.slice(1));
      },
    };
  }

  #record(index: number, opcode: number, data: Packet): void {
    const ms = this.#clock.epochMs() ?? this.#clock.monotonicMs();
    const stamp = EPOCH_US + BigInt(Math.round(ms * 1000));
    const time = concatBytes(u32(Number(stamp >> 32n)), u32(Number(stamp & 0xffffffffn)));
    this.#write(
      concatBytes(u32(data.length), u32(data.length), u32((index << 16) | opcode), u32(0), time, data),
    );
  }
}

/** Big endian. */
function u32(value: number): Packet {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}
