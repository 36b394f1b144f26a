import type { Clock } from "../../../modules/board/index.js";

export interface SocketAddress {
  readonly address: string;
  readonly port: number;
}

/** Properties of a network that its connections depend on. */
export interface Medium {
  readonly clock: Clock;
  /** Delay of a packet in one direction, ms. */
  readonly latencyMs: number;
  /** Maximum length of a segment, bytes. */
  readonly segmentBytes: number;
  /** Called once for each packet. `true` loses the packet. */
  loses(): boolean;
}

/** User of an endpoint. Calls come from timers, never from inside a call of the user. */
export interface EndpointUser {
  opened(): void;
  readable(): void;
  writable(): void;
  /** The connection was refused or reset, or has ended and everything is read. */
  over(): void;
  handshakeFailed(): void;
}

interface EndpointOptions {
  readonly network: Medium;
  /** Whether packets are transmitted, in both directions. */
  readonly isPathUp: () => boolean;
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  /** Maximum number of outstanding bytes. */
  readonly bufferBytes: number;
}

/** Maximum number of received bytes that wait to be read (lwIP: TCP_WND). */
const RECEIVE_WINDOW_BYTES = 5760;
/** First retransmission timeout, ms. It doubles up to the maximum (RFC 6298 5). */
const FIRST_RETRANSMISSION_MS = 1000;
const MAX_RETRANSMISSION_MS = 60_000;
/**
 * Time after which a sender gives up on an unreachable peer, ms (RFC 9293 3.8.3: R2; as in lwIP and Linux).
 */
const GIVE_UP_MS = 900_000;

/**
 * One end of a TCP connection in the virtual network: a send buffer that empties as the peer accepts bytes,
 * and a receive buffer that the sender must not overrun. Lost packets are retransmitted in order.
 */
export class Endpoint {
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  user: EndpointUser | undefined;
  isOpen = false;
  isClosed = false;
  /** The connection is over, and the user was notified or will be. */
  isOver = false;
  readonly #network: Medium;
  readonly #isPathUp: () => boolean;
  readonly #bufferBytes: number;
  #peer: Endpoint | undefined;
  #unsent: Uint8Array<ArrayBuffer>[] = [];
  /** Number of written and unacknowledged bytes. */
  #outstandingBytes = 0;
  #inFlightBytes = 0;
  readonly #received: Uint8Array<ArrayBuffer>[] = [];
  #receivedBytes = 0;
  /** The peer has ended or reset the connection. */
  #hasEnded = false;
  #endSent = false;
  /** Packets on their way to the peer, oldest first. */
  #packets: (() => void)[] = [];
  /** Number of those packets that were lost and wait for retransmission. */
  #lostPackets = 0;

  constructor(options: EndpointOptions) {
    this.#network = options.network;
    this.#isPathUp = options.isPathUp;
    this.#bufferBytes = options.bufferBytes;
    this.local = options.local;
    this.remote = { address: options.remote.address, port: options.remote.port };
  }

  get readableBytes(): number {
    return this.#receivedBytes;
  }

  get writableBytes(): number {
    return this.isOpen ? this.#bufferBytes - this.#outstandingBytes : 0;
  }

  /** The connection has ended in both directions, though received bytes may wait to be read. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Makes the peer's end, which is open when the peer accepts. */
  makePeer(local: SocketAddress): Endpoint {
    const { address, port } = this.local;
    const peer = new Endpoint({
      network: this.#network,
      isPathUp: this.#isPathUp,
      local,
      remote: { address, port },
      bufferBytes: this.#bufferBytes,
    });
    peer.#peer = this;
    peer.isOpen = true;
    this.#peer = peer;
    return peer;
  }

  open(): void {
    if (this.isClosed || this.isOver) return;
    this.isOpen = true;
    this.user?.opened();
    this.#pump();
  }

  /** Ends both ends: TCP is connected, but the TLS handshake failed. */
  failHandshake(): void {
    if (this.isClosed || this.isOver) return;
    this.user?.handshakeFailed();
    this.#peer?.fail();
    this.fail();
  }

  /**
   * Handles a refusal, a reset or the peer's end. The user is notified when it has read everything, as on the
   * chip.
   */
  fail(): void {
    if (this.isClosed || this.isOver) return;
    this.#hasEnded = true;
    this.isOpen = false;
    if (this.#receivedBytes === 0) this.#finish();
  }

  /** Copies `data` into the send buffer. It must fit `writableBytes`. */
  write(data: Uint8Array<ArrayBuffer>): void {
    this.#unsent.push(data.slice());
    this.#outstandingBytes += data.length;
    this.#pump();
  }

  read(byteLength: number): Uint8Array<ArrayBuffer> {
    const result = new Uint8Array(byteLength);
    let offset = 0;
    while (offset < byteLength) {
      const first = this.#received[0] as Uint8Array<ArrayBuffer>;
      const piece = first.subarray(0, byteLength - offset);
      result.set(piece, offset);
      offset += piece.length;
      if (piece.length === first.length) this.#received.shift();
      else this.#received[0] = first.subarray(piece.length);
    }
    this.#receivedBytes -= byteLength;
    this.transmit(() => {
      if (this.#peer) this.#peer.#pump();
    });
    if (this.#hasEnded && this.#receivedBytes === 0) this.#network.clock.set(() => this.#finish(), 0);
    return result;
  }

  /**
   * Closes the connection: written bytes are still sent; unread bytes reset the connection (RFC 9293 3.6.1).
   */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.isOpen = false;
    this.user = undefined;
    if (this.isOver) return;
    if (this.#receivedBytes > 0) this.reset();
    else this.#pump();
  }

  /**
   * Handles the power loss of its host: the peer gets no packet, and a reset for packets that it sends after
   * the host's return.
   */
  abandon(): void {
    this.isClosed = true;
    this.isOpen = false;
    this.user = undefined;
    this.#endSent = true;
    this.#unsent = [];
    this.#packets = [];
    this.#lostPackets = 0;
  }

  /** Resets the connection at once. */
  reset(): void {
    this.#endSent = true;
    this.#unsent = [];
    this.transmit(() => this.#peer?.fail());
  }

  /** Sends as much as the peer's window allows, and the end after the last byte. */
  #pump(): void {
    const peer = this.#peer;
    if (!peer || this.#endSent) return;
    for (let first = this.#unsent[0]; first; first = this.#unsent[0]) {
      const room = RECEIVE_WINDOW_BYTES - peer.#receivedBytes - this.#inFlightBytes;
      const segment = first.slice(0, Math.min(this.#network.segmentBytes, room));
      if (segment.length === 0) return;
      if (segment.length === first.length) this.#unsent.shift();
      else this.#unsent[0] = first.subarray(segment.length);
      this.#inFlightBytes += segment.length;
      this.transmit(() => this.#arrive(peer, segment));
    }
    if (this.isClosed) {
      this.#endSent = true;
      this.transmit(() => peer.fail());
    }
  }

  #arrive(peer: Endpoint, segment: Uint8Array<ArrayBuffer>): void {
    this.#inFlightBytes -= segment.length;
    if (peer.isClosed || peer.isOver) {
      peer.transmit(() => this.fail());
      return;
    }
    peer.#received.push(segment);
    peer.#receivedBytes += segment.length;
    peer.user?.readable();
    peer.transmit(() => this.#acknowledge(segment.length));
  }

  #acknowledge(byteLength: number): void {
    this.#outstandingBytes -= byteLength;
    if (this.isOpen) this.user?.writable();
    this.#pump();
  }

  #finish(): void {
    if (this.isClosed || this.isOver) return;
    this.isOver = true;
    this.user?.over();
  }

  /** Sends a packet to the peer, where `arrive` runs after the delay. */
  transmit(arrive: () => void): void {
    this.#packets.push(arrive);
    this.#network.clock.set(() => {
      if (this.#lostPackets === 0 && this.#isPathUp() && !this.#network.loses()) {
        this.#packets.shift()?.();
      } else if (this.#packets.length > 0 && this.#lostPackets++ === 0) {
        this.#retransmit(FIRST_RETRANSMISSION_MS, this.#network.clock.monotonicMs());
      }
    }, this.#network.latencyMs);
  }

  #retransmit(delayMs: number, sinceMs: number): void {
    const { clock } = this.#network;
    clock.set(() => {
      if (this.#isPathUp()) {
        const count = this.#lostPackets;
        this.#lostPackets = 0;
        for (const arrive of this.#packets.splice(0, count)) arrive();
      } else if (clock.monotonicMs() - sinceMs < GIVE_UP_MS) {
        this.#retransmit(Math.min(2 * delayMs, MAX_RETRANSMISSION_MS), sinceMs);
      } else {
        // An end with unacknowledged bytes notices the failure. An end that only receives never does (RFC
        // 9293 3.8.4).
        this.#packets = [];
        this.#lostPackets = 0;
        for (const end of [this, this.#peer]) if (end && end.#outstandingBytes > 0) end.fail();
      }
    }, delayMs);
  }
}
