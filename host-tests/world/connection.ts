import type { Host, Network } from "./network.js";

export interface Place {
  readonly address: string;
  readonly port: number;
}

export interface LocalPlace extends Place {
  readonly host: Host;
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
  readonly network: Network;
  /** Packets get through, either way. */
  readonly isPathUp: () => boolean;
  readonly local: LocalPlace;
  readonly remote: Place;
  /** How much may be on the way from here. */
  readonly bufferBytes: number;
}

/** How much waits to be read before the sender has to wait (lwIP: TCP_WND). */
const RECEIVE_WINDOW_BYTES = 5760;

/**
 * One end of a TCP connection in the virtual network: a send buffer that empties as the peer takes its bytes, and
 * a receive buffer that the sender may not overrun.
 */
export class Endpoint {
  readonly local: LocalPlace;
  readonly remote: Place;
  user: EndpointUser | undefined;
  isOpen = false;
  isClosed = false;
  /** Over, and the user was told or will be. */
  isOver = false;
  #network: Network;
  #isPathUp: () => boolean;
  #bufferBytes: number;
  #peer: Endpoint | undefined;
  #unsent: Uint8Array<ArrayBuffer>[] = [];
  /** Written here and not yet acknowledged. */
  #outstandingBytes = 0;
  #inFlightBytes = 0;
  #received: Uint8Array<ArrayBuffer>[] = [];
  #receivedBytes = 0;
  #peerEnded = false;
  #endSent = false;

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

  /** Everything was read and nothing more will come. */
  get isAtEnd(): boolean {
    return this.#peerEnded && this.#receivedBytes === 0;
  }

  /** The other end, open as soon as it is there. */
  makePeer(local: LocalPlace): Endpoint {
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

  /** Over at once: what was not read yet is lost. */
  fail(): void {
    if (this.isClosed || this.isOver) return;
    this.isOver = true;
    this.isOpen = false;
    this.#received = [];
    this.#receivedBytes = 0;
    this.user?.over();
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
    this.#afterTransit(() => {
      if (this.#peer) this.#peer.#pump();
    });
    if (this.isAtEnd) this.#network.clock.set(() => this.#finish(), 0);
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

  /** Tells the peer that the connection is over, at once. */
  reset(): void {
    this.#endSent = true;
    this.#unsent = [];
    this.#afterTransit(() => this.#peer?.fail());
  }

  /** Sends what the peer has room for, and the end after the last of it. */
  #pump(): void {
    const peer = this.#peer;
    if (!peer || this.isOver || !(this.isOpen || this.isClosed)) return;
    for (let first = this.#unsent[0]; first; first = this.#unsent[0]) {
      const room = RECEIVE_WINDOW_BYTES - peer.#receivedBytes - this.#inFlightBytes;
      const segment = first.slice(0, Math.min(this.#network.segmentBytes, room));
      if (segment.length === 0) return;
      if (segment.length === first.length) this.#unsent.shift();
      else this.#unsent[0] = first.subarray(segment.length);
      this.#inFlightBytes += segment.length;
      this.#afterTransit(() => this.#arrive(peer, segment));
    }
    if (this.isClosed && !this.#endSent) {
      this.#endSent = true;
      this.#afterTransit(() => peer.#end());
    }
  }

  #arrive(peer: Endpoint, segment: Uint8Array<ArrayBuffer>): void {
    this.#inFlightBytes -= segment.length;
    if (peer.isClosed || peer.isOver) {
      this.#afterTransit(() => this.fail());
      return;
    }
    peer.#received.push(segment);
    peer.#receivedBytes += segment.length;
    peer.user?.readable();
    this.#afterTransit(() => this.#acknowledge(segment.length));
  }

  #acknowledge(byteLength: number): void {
    this.#outstandingBytes -= byteLength;
    if (this.isOpen) this.user?.writable();
    this.#pump();
  }

  #end(): void {
    if (this.isClosed || this.isOver) return;
    this.#peerEnded = true;
    if (this.isAtEnd) this.#finish();
  }

  #finish(): void {
    if (this.isClosed || this.isOver) return;
    this.isOver = true;
    this.isOpen = false;
    this.user?.over();
  }

  /** After the time that a packet takes, if nothing cut it off on its way. */
  #afterTransit(arrive: () => void): void {
    this.#network.clock.set(() => {
      if (this.#isPathUp()) arrive();
    }, this.#network.latencyMs);
  }
}
