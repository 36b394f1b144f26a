import type { Clock } from "../../../modules/board/index.js";

export interface Place {
  readonly address: string;
  readonly port: number;
}

/** The properties of a network that its connections depend on. */
export interface Medium {
  readonly clock: Clock;
  /** One way. */
  readonly latencyMs: number;
  /** The largest piece that travels at a time. */
  readonly segmentBytes: number;
  /** Called once for each packet; `true` loses it. */
  loses(): boolean;
}

/** Who uses an endpoint. Every call comes from a timer, never from inside a call of the user's. */
export interface EndpointUser {
  opened(): void;
  readable(): void;
  writable(): void;
  /** Refused, reset, or ended with everything read. */
  over(): void;
  handshakeFailed(): void;
}

interface EndpointOptions {
  readonly network: Medium;
  /** Packets get through, either way. */
  readonly isPathUp: () => boolean;
  readonly local: Place;
  readonly remote: Place;
  /** How much may be on the way from here. */
  readonly bufferBytes: number;
}

/** How much waits to be read before the sender has to wait (lwIP: TCP_WND). */
const RECEIVE_WINDOW_BYTES = 5760;
/** What got lost is sent again after this, then after twice as long each time, up to the maximum (RFC 6298 5). */
const FIRST_RETRANSMISSION_MS = 1000;
const MAX_RETRANSMISSION_MS = 60_000;
/** How long a sender waits for a peer that is cut off (RFC 9293 3.8.3: R2; lwIP and Linux: a quarter of an hour). */
const GIVE_UP_MS = 900_000;

/**
 * One end of a TCP connection in the virtual network: a send buffer that empties as the peer takes its bytes, and
 * a receive buffer that the sender may not overrun. What a cut path swallows is sent again, in its order.
 */
export class Endpoint {
  readonly local: Place;
  readonly remote: Place;
  user: EndpointUser | undefined;
  isOpen = false;
  isClosed = false;
  /** Over, and the user was told or will be. */
  isOver = false;
  #network: Medium;
  #isPathUp: () => boolean;
  #bufferBytes: number;
  #peer: Endpoint | undefined;
  #unsent: Uint8Array<ArrayBuffer>[] = [];
  /** Written here and not yet acknowledged. */
  #outstandingBytes = 0;
  #inFlightBytes = 0;
  #received: Uint8Array<ArrayBuffer>[] = [];
  #receivedBytes = 0;
  /** Nothing more comes from the peer: it has ended the connection, or reset it. */
  #hasEnded = false;
  #endSent = false;
  /** Packets under way to the peer, oldest first. */
  #packets: (() => void)[] = [];
  /** How many of them found the path cut, and wait to be sent again. */
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

  /** Nothing more comes and nothing more goes, though something may wait to be read. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** The other end, open as soon as it is there. */
  makePeer(local: Place): Endpoint {
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

  /** TCP was up and TLS was not to be: both ends are over. */
  failHandshake(): void {
    if (this.isClosed || this.isOver) return;
    this.user?.handshakeFailed();
    this.#peer?.fail();
    this.fail();
  }

  /** Refused, reset, or ended by the peer. The user is told when it has read what waits, as on the chip. */
  fail(): void {
    if (this.isClosed || this.isOver) return;
    this.#hasEnded = true;
    this.isOpen = false;
    if (this.#receivedBytes === 0) this.#finish();
  }

  /** `data` fits `writableBytes`; the bytes are copied. */
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

  /** What was written still goes out; what was not read resets the connection (RFC 9293 3.6.1). */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.isOpen = false;
    this.user = undefined;
    if (this.isOver) return;
    if (this.#receivedBytes > 0) this.reset();
    else this.#pump();
  }

  /** Its host is dead: the peer hears nothing, and a reset if it asks when the host is back. */
  abandon(): void {
    this.isClosed = true;
    this.isOpen = false;
    this.user = undefined;
    this.#endSent = true;
    this.#unsent = [];
    this.#packets = [];
    this.#lostPackets = 0;
  }

  /** Tells the peer that the connection is over, at once. */
  reset(): void {
    this.#endSent = true;
    this.#unsent = [];
    this.transmit(() => this.#peer?.fail());
  }

  /** Sends what the peer has room for, and the end after the last of it. */
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

  /** Sends a packet to the peer, where it has its effect after the time that takes. */
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
        // Who waits for an acknowledgement notices; who only listens never does (RFC 9293 3.8.4).
        this.#packets = [];
        this.#lostPackets = 0;
        for (const end of [this, this.#peer]) if (end && end.#outstandingBytes > 0) end.fail();
      }
    }, delayMs);
  }
}
