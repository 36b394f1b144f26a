import { concatBytes } from "../../../modules/bytes/index.js";
import { ACL_PACKETS, Controller } from "../../virtual/radio/controller.js";
import type { Ether } from "../../virtual/radio/ether.js";
import {
  addressBytes,
  Command,
  Event,
  LEEvent,
  type Packet,
  PacketType,
  parseACL,
  readU16,
  u16,
} from "../../virtual/radio/hci.js";

export const ATT_CHANNEL = 0x0004;

const FRAGMENT_BYTES = 27;
const CONTINUING = 0x1000;
const CONNECTION_PARAMETERS = new Uint8Array(12);
const PUBLIC_ADDRESS = Uint8Array.of(0);
const REMOTE_USER_ENDED = Uint8Array.of(0x13);

/** A host that sends any bytes, valid or not, and records the ATT PDUs that it receives. */
export class RawPhone {
  readonly answers: Packet[] = [];
  isConnected = false;
  readonly #controller: Controller;
  #handle = 0;
  #expected = 0;
  #partial: Packet = new Uint8Array(0);
  #outgoing: Packet[] = [];
  #freeBuffers = ACL_PACKETS;

  constructor(ether: Ether, address: string) {
    this.#controller = new Controller({ ether, address });
    this.#controller.onPacket = (packet) => this.#receive(packet);
  }

  connect(address: string): void {
    const scanning = concatBytes(u16(0x60), u16(0x30), Uint8Array.of(0));
    const peer = concatBytes(PUBLIC_ADDRESS, addressBytes(address), PUBLIC_ADDRESS);
    this.#command(Command.leCreateConnection, concatBytes(scanning, peer, CONNECTION_PARAMETERS));
  }

  disconnect(): void {
    this.#command(Command.disconnect, concatBytes(u16(this.#handle), REMOTE_USER_ENDED));
  }

  /** Sends an ATT PDU in a valid L2CAP frame. */
  send(...bytes: number[]): void {
    this.sendL2CAP(ATT_CHANNEL, Uint8Array.from(bytes));
  }

  /** Sends an L2CAP frame. `length` is the length in its header, which is correct by default. */
  sendL2CAP(channel: number, payload: Packet, length = payload.length): void {
    const pdu = concatBytes(u16(length), u16(channel), payload);
    for (let at = 0; at < pdu.length; at += FRAGMENT_BYTES) {
      this.sendFragment(pdu.slice(at, at + FRAGMENT_BYTES), at > 0);
    }
  }

  sendFragment(fragment: Packet, isContinuing: boolean): void {
    const flags = this.#handle | (isContinuing ? CONTINUING : 0);
    this.#outgoing.push(
      concatBytes(Uint8Array.of(PacketType.acl), u16(flags), u16(fragment.length), fragment),
    );
    this.#flush();
  }

  #flush(): void {
    for (const packet of this.#outgoing.splice(0, this.#freeBuffers)) {
      this.#freeBuffers--;
      this.#controller.write(packet);
    }
  }

  #command(opcode: number, parameters: Packet): void {
    const head = concatBytes(
      Uint8Array.of(PacketType.command),
      u16(opcode),
      Uint8Array.of(parameters.length),
    );
    this.#controller.write(concatBytes(head, parameters));
  }

  #receive(packet: Packet): void {
    if (packet[0] === PacketType.acl) this.#gather(packet);
    if (packet[0] !== PacketType.event) return;
    if (packet[1] === Event.leMeta && packet[3] === LEEvent.connectionComplete && packet[4] === 0) {
      this.#handle = readU16(packet, 5);
      this.isConnected = true;
    }
    if (packet[1] === Event.disconnectionComplete) {
      this.isConnected = false;
      this.#outgoing = [];
      this.#freeBuffers = ACL_PACKETS;
    }
    if (packet[1] === Event.numberOfCompletedPackets) {
      this.#freeBuffers += readU16(packet, 6);
      this.#flush();
    }
  }

  #gather(packet: Packet): void {
    const acl = parseACL(packet);
    if (!acl) return;
    if (!acl.isContinuing) {
      this.#expected = readU16(acl.data, 0);
      this.#partial = new Uint8Array(0);
    }
    this.#partial = concatBytes(this.#partial, acl.isContinuing ? acl.data : acl.data.slice(4));
    if (this.#partial.length === this.#expected) this.answers.push(this.#partial);
  }
}
