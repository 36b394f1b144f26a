import type { Clock } from "../../../modules/board/index.js";
import { concatBytes, encodeUTF8 } from "../../../modules/bytes/index.js";
import { addressBytes, type Packet, PacketType } from "./hci.js";

const VERSION = 1;
/** Datalink type of the Linux monitor, which distinguishes controllers. */
const DATALINK = 2001;
/** Offset of time stamps: they count microseconds since year 0. */
const EPOCH_US = 0x00dcddb30f2f8000n;

const Opcode = Object.freeze({ newController: 0, command: 2, event: 3, aclSent: 4, aclReceived: 5 });
/** Controller type: LE, on a virtual bus. */
const CONTROLLER_TYPE = Uint8Array.of(0x00, 0x00);
const NAME_BYTES = 8;

/** Log of the packets between one host and its controller. */
export interface HCILog {
  /** Logs a packet from the host. */
  sent(packet: Packet): void;
  /** Logs a packet from the controller. */
  received(packet: Packet): void;
}

/**
 * Writes the packets between hosts and controllers in the btsnoop format (RFC 1761 with another magic
 * number), as the Linux monitor does. Wireshark and btmon can read it.
 */
export class BtsnoopLog {
  readonly #clock: Clock;
  readonly #write: (bytes: Packet) => void;
  #count = 0;

  constructor({ clock, write }: { clock: Clock; write: (bytes: Packet) => void }) {
    this.#clock = clock;
    this.#write = write;
    write(concatBytes(encodeUTF8("btsnoop\0"), u32(VERSION), u32(DATALINK)));
  }

  /** Adds a controller to the log. */
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

/** Encodes a big-endian 32-bit number. */
function u32(value: number): Packet {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}
