import type { Timer } from "../../../modules/board/index.js";
import { concatBytes } from "../../../modules/bytes/index.js";
import type { HCILog } from "./btsnoop.js";
import type { Ether, Radio, Report } from "./ether.js";
import {
  aclToHost,
  addressBytes,
  addressText,
  Command,
  commandComplete,
  commandStatus,
  Event,
  event,
  LEEvent,
  LinkType,
  type Packet,
  PacketType,
  parseACL,
  ReportType,
  Role,
  readU16,
  Status,
  u16,
} from "./hci.js";

export interface ControllerOptions {
  readonly ether: Ether;
  /** Public address of the controller. */
  readonly address: string;
  /** Signal strength at other controllers, dBm. */
  readonly rssi?: number;
  /** Maximum number of connections. */
  readonly maxConnections?: number;
  readonly log?: HCILog;
}

/** One end of a connection. */
interface Link {
  readonly handle: number;
  readonly peer: Controller;
  peerHandle: number;
  /** The contact is lost: no packet arrives any more. */
  isLost: boolean;
  /** Number of this controller's ACL buffers with undelivered packets. */
  usedBuffers: number;
}

const RSSI = -55;
const MAX_CONNECTIONS = 8;
/** HCI version of Bluetooth 5.0. */
const HCI_VERSION = 0x09;
/** Minimum size of an ACL buffer, bytes, so that hosts have to fragment (7.8.2). */
const ACL_BYTES = 27;
export const ACL_PACKETS = 4;
/** Default advertising interval, ms (7.8.5). */
const DEFAULT_ADVERTISING_INTERVAL_MS = 1280;
const INTERVAL_UNIT_MS = 0.625;
const CONNECTION_INTERVAL_UNIT_MS = 1.25;
const TIMEOUT_UNIT_MS = 10;
/** First connection handle. Some hosts treat handle 0 as no handle. */
const FIRST_HANDLE = 0x40;
const MAX_DATA_BYTES = 31;

/**
 * Bluetooth LE controller (Core 5.4 Vol 4 Part E) on the virtual air: legacy advertising, scanning,
 * connections and ACL data. It executes the commands that the hosts here use, and rejects others as unknown
 * commands.
 */
export class Controller implements Radio {
  readonly address: string;
  readonly rssi: number;
  /** Sends a packet to the host. */
  onPacket: (packet: Packet) => void = () => {};
  readonly #ether: Ether;
  readonly #log: HCILog | undefined;
  readonly #maxConnections: number;
  readonly #links = new Map<number, Link>();
  #nextHandle = FIRST_HANDLE;
  #advertisingIntervalMs = DEFAULT_ADVERTISING_INTERVAL_MS;
  #advertisingData: Packet = new Uint8Array(0);
  #scanResponse: Packet = new Uint8Array(0);
  #advertising: Timer | undefined;
  #isScanning = false;
  #isActiveScan = false;
  #filtersDuplicates = false;
  readonly #reported = new Set<string>();
  #initiating: string | undefined;

  constructor({ ether, address, rssi, maxConnections, log }: ControllerOptions) {
    this.#ether = ether;
    this.address = address;
    this.rssi = rssi ?? RSSI;
    this.#maxConnections = maxConnections ?? MAX_CONNECTIONS;
    this.#log = log;
    ether.add(this);
  }

  /** Address to which the host is connecting. */
  get initiatesTo(): string | undefined {
    return this.#initiating;
  }

  /** Receives a packet from the host. Invalid packets are ignored. */
  write(packet: Packet): void {
    this.#log?.sent(packet);
    if (packet[0] === PacketType.acl) this.#transmit(packet);
    if (packet[0] !== PacketType.command || packet.length < 4) return;
    const opcode = readU16(packet, 1);
    this.#obey(opcode, packet.slice(4, 4 + (packet[3] ?? 0)));
  }

  /** Cuts the controller's power. Peers notice after the supervision timeout. */
  close(): void {
    this.#reset();
    this.onPacket = () => {};
    this.#ether.remove(this);
  }

  /** Receives an advertising event of another controller. */
  receiveReport({ address, rssi, data, scanResponse }: Report): void {
    if (!this.#isScanning) return;
    this.#report(ReportType.advertisement, address, rssi, data);
    if (this.#isActiveScan) this.#report(ReportType.scanResponse, address, rssi, scanResponse);
  }

  /** Loses the contact of all connections. Each end notices after the supervision timeout. */
  lose(): void {
    for (const link of [...this.#links.values()]) this.#loseLink(link);
  }

  #toHost(packet: Packet): void {
    this.#log?.received(packet);
    this.#ether.clock.set(() => this.onPacket(packet), 0);
  }

  #complete(opcode: number, ...returned: Packet[]): void {
    this.#toHost(commandComplete(opcode, ...returned));
  }

  #succeed(opcode: number, ...returned: Packet[]): void {
    this.#complete(opcode, Uint8Array.of(Status.success), ...returned);
  }

  #obey(opcode: number, parameters: Packet): void {
    switch (opcode) {
      case Command.reset:
        this.#reset();
        this.#succeed(opcode);
        break;
      case Command.setEventMask:
      case Command.leSetEventMask:
      case Command.writeLEHostSupport:
        this.#succeed(opcode);
        break;
      case Command.readLEHostSupport:
        this.#succeed(opcode, Uint8Array.of(1, 0));
        break;
      case Command.readLocalVersion:
        this.#succeed(
          opcode,
          Uint8Array.of(HCI_VERSION),
          u16(0),
          Uint8Array.of(HCI_VERSION),
          u16(0xffff),
          u16(0),
        );
        break;
      case Command.readAddress:
        this.#succeed(opcode, addressBytes(this.address));
        break;
      case Command.leReadBufferSize:
        this.#succeed(opcode, u16(ACL_BYTES), Uint8Array.of(ACL_PACKETS));
        break;
      case Command.leReadLocalFeatures:
        this.#succeed(opcode, new Uint8Array(8));
        break;
      case Command.readRSSI:
        this.#readRSSI(opcode, readU16(parameters, 0));
        break;
      default:
        this.#obeyRadio(opcode, parameters);
    }
  }

  #obeyRadio(opcode: number, parameters: Packet): void {
    switch (opcode) {
      case Command.leSetAdvertisingParameters:
        this.#unless(this.#advertising !== undefined, opcode, () => {
          this.#advertisingIntervalMs = Math.max(1, readU16(parameters, 0) * INTERVAL_UNIT_MS);
        });
        break;
      case Command.leSetAdvertisingData:
        this.#setData(opcode, parameters, (data) => {
          this.#advertisingData = data;
        });
        break;
      case Command.leSetScanResponseData:
        this.#setData(opcode, parameters, (data) => {
          this.#scanResponse = data;
        });
        break;
      case Command.leSetAdvertiseEnable:
        this.#enableAdvertising(opcode, parameters[0] === 1);
        break;
      case Command.leSetScanParameters:
        this.#unless(this.#isScanning, opcode, () => {
          this.#isActiveScan = parameters[0] === 1;
        });
        break;
      case Command.leSetScanEnable:
        this.#isScanning = parameters[0] === 1;
        this.#filtersDuplicates = parameters[1] === 1;
        this.#reported.clear();
        this.#succeed(opcode);
        break;
      default:
        this.#obeyLink(opcode, parameters);
    }
  }

  #obeyLink(opcode: number, parameters: Packet): void {
    switch (opcode) {
      case Command.leCreateConnection:
        this.#initiate(opcode, addressText(parameters.slice(6, 12)));
        break;
      case Command.leCreateConnectionCancel:
        this.#cancelInitiating(opcode);
        break;
      case Command.leConnectionUpdate:
        this.#updateConnection(opcode, parameters);
        break;
      case Command.disconnect:
        this.#disconnect(opcode, readU16(parameters, 0), parameters[2] ?? Status.remoteUserEnded);
        break;
      default:
        this.#complete(opcode, Uint8Array.of(Status.unknownCommand));
    }
  }

  /** Rejects a change of parameters that are in use (7.8.5, 7.8.10). */
  #unless(isInUse: boolean, opcode: number, change: () => void): void {
    if (isInUse) {
      this.#complete(opcode, Uint8Array.of(Status.disallowed));
      return;
    }
    change();
    this.#succeed(opcode);
  }

  /** Handles data with its length: 31 bytes, the rest of which is padding (7.8.7). */
  #setData(opcode: number, parameters: Packet, set: (data: Packet) => void): void {
    const [length = 0] = parameters;
    if (length > MAX_DATA_BYTES) {
      this.#complete(opcode, Uint8Array.of(Status.invalidParameters));
      return;
    }
    set(parameters.slice(1, 1 + length));
    this.#succeed(opcode);
  }

  #reset(): void {
    this.#stopAdvertising();
    this.#advertisingIntervalMs = DEFAULT_ADVERTISING_INTERVAL_MS;
    this.#advertisingData = new Uint8Array(0);
    this.#scanResponse = new Uint8Array(0);
    this.#isScanning = false;
    this.#isActiveScan = false;
    this.#initiating = undefined;
    for (const link of [...this.#links.values()]) this.#loseLink(link);
    this.#links.clear();
  }

  #readRSSI(opcode: number, handle: number): void {
    const link = this.#links.get(handle);
    const status = link ? Status.success : Status.unknownConnection;
    const rssi = (link?.peer.rssi ?? 0) & 0xff;
    this.#complete(opcode, Uint8Array.of(status), u16(handle), Uint8Array.of(rssi));
  }

  #enableAdvertising(opcode: number, isOn: boolean): void {
    if (isOn && this.#links.size >= this.#maxConnections) {
      this.#complete(opcode, Uint8Array.of(Status.connectionLimit));
      return;
    }
    if (!isOn) this.#stopAdvertising();
    else if (!this.#advertising) this.#advertise(0);
    this.#succeed(opcode);
  }

  #stopAdvertising(): void {
    this.#ether.clock.clear(this.#advertising);
    this.#advertising = undefined;
  }

  /** Sends advertising events until a connection ends them (Vol 6 Part B 4.4.2.3.1). */
  #advertise(delayMs: number): void {
    this.#advertising = this.#ether.clock.set(() => {
      this.#advertising = undefined;
      const initiator = this.#ether.initiatorFor(this);
      if (initiator instanceof Controller) {
        this.#connectTo(initiator);
        return;
      }
      this.#ether.advertise(this, this.#advertisingData, this.#scanResponse);
      this.#advertise(this.#advertisingIntervalMs);
    }, delayMs);
  }

  #report(type: number, address: string, rssi: number, data: Packet): void {
    const key = `${type} ${address}`;
    if (this.#filtersDuplicates && this.#reported.has(key)) return;
    this.#reported.add(key);
    const head = Uint8Array.of(LEEvent.advertisingReport, 1, type, 0);
    const length = Uint8Array.of(data.length);
    this.#toHost(event(Event.leMeta, head, addressBytes(address), length, data, Uint8Array.of(rssi & 0xff)));
  }

  #initiate(opcode: number, address: string): void {
    const isConnected = [...this.#links.values()].some(({ peer }) => peer.address === address);
    if (this.#initiating !== undefined || isConnected) {
      this.#toHost(commandStatus(opcode, isConnected ? Status.connectionExists : Status.disallowed));
      return;
    }
    this.#initiating = address;
    this.#toHost(commandStatus(opcode, Status.success));
  }

  #cancelInitiating(opcode: number): void {
    const address = this.#initiating;
    if (address === undefined) {
      this.#complete(opcode, Uint8Array.of(Status.disallowed));
      return;
    }
    this.#initiating = undefined;
    this.#succeed(opcode);
    this.#toHost(
      event(
        Event.leMeta,
        Uint8Array.of(LEEvent.connectionComplete, Status.unknownConnection),
        new Uint8Array(17),
      ),
    );
  }

  /** Accepts a connection as the advertiser: both ends get a handle and an event. */
  #connectTo(initiator: Controller): void {
    const own = this.#newLink(initiator);
    const other = initiator.#newLink(this);
    own.peerHandle = other.handle;
    other.peerHandle = own.handle;
    initiator.#initiating = undefined;
    this.#reportConnected(own, Role.peripheral);
    initiator.#reportConnected(other, Role.central);
  }

  #newLink(peer: Controller): Link {
    const link: Link = { handle: this.#nextHandle++, peer, peerHandle: 0, isLost: false, usedBuffers: 0 };
    this.#links.set(link.handle, link);
    return link;
  }

  #reportConnected({ handle, peer }: Link, role: number): void {
    const { intervalMs, supervisionTimeoutMs } = this.#ether;
    const head = Uint8Array.of(LEEvent.connectionComplete, Status.success);
    const times = concatBytes(
      u16(Math.round(intervalMs / CONNECTION_INTERVAL_UNIT_MS)),
      u16(0),
      u16(Math.round(supervisionTimeoutMs / TIMEOUT_UNIT_MS)),
    );
    const who = concatBytes(Uint8Array.of(role, 0), addressBytes(peer.address));
    this.#toHost(event(Event.leMeta, head, u16(handle), who, times, Uint8Array.of(0)));
  }

  #updateConnection(opcode: number, parameters: Packet): void {
    const link = this.#links.get(readU16(parameters, 0));
    if (!link) {
      this.#toHost(commandStatus(opcode, Status.unknownConnection));
      return;
    }
    this.#toHost(commandStatus(opcode, Status.success));
    // Reports the requested maximum interval, latency and timeout to both hosts; the air's own interval
    // stays.
    const times = parameters.slice(4, 10);
    this.#reportUpdate(link.handle, times);
    if (!link.isLost) link.peer.#reportUpdate(link.peerHandle, times);
  }

  #reportUpdate(handle: number, times: Packet): void {
    const head = Uint8Array.of(LEEvent.connectionUpdateComplete, Status.success);
    this.#toHost(event(Event.leMeta, head, u16(handle), times));
  }

  #disconnect(opcode: number, handle: number, reason: number): void {
    const link = this.#links.get(handle);
    if (!link) {
      this.#toHost(commandStatus(opcode, Status.unknownConnection));
      return;
    }
    this.#toHost(commandStatus(opcode, Status.success));
    this.#endLink(handle, Status.localHostEnded);
    if (!link.isLost) link.peer.#endLink(link.peerHandle, reason);
  }

  #loseLink(link: Link): void {
    if (link.isLost) return;
    const { peer, peerHandle, handle } = link;
    link.isLost = true;
    const other = peer.#links.get(peerHandle);
    if (other) other.isLost = true;
    this.#ether.clock.set(() => {
      this.#endLink(handle, Status.connectionTimeout);
      peer.#endLink(peerHandle, Status.connectionTimeout);
    }, this.#ether.supervisionTimeoutMs);
  }

  #endLink(handle: number, reason: number): void {
    if (!this.#links.delete(handle)) return;
    this.#toHost(
      event(Event.disconnectionComplete, Uint8Array.of(Status.success), u16(handle), Uint8Array.of(reason)),
    );
  }

  /** Transmits data to the other end. The sender gets its buffer back on arrival. */
  #transmit(packet: Packet): void {
    const acl = parseACL(packet);
    const link = acl && this.#links.get(acl.handle);
    if (!acl || !link || acl.data.length > ACL_BYTES) return;
    const used = [...this.#links.values()].reduce((sum, { usedBuffers }) => sum + usedBuffers, 0);
    if (used >= ACL_PACKETS) {
      this.#toHost(event(Event.dataBufferOverflow, Uint8Array.of(LinkType.acl)));
      return;
    }
    link.usedBuffers++;
    this.#ether.clock.set(() => {
      if (link.isLost || !this.#links.has(link.handle)) return;
      link.usedBuffers--;
      const { peer, peerHandle } = link;
      if (peer.#links.has(peerHandle)) peer.#toHost(aclToHost({ ...acl, handle: peerHandle }));
      this.#toHost(event(Event.numberOfCompletedPackets, Uint8Array.of(1), u16(link.handle), u16(1)));
    }, this.#ether.intervalMs);
  }
}
