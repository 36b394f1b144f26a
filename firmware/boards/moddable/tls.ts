import Resource from "Resource";
import Session, { type SSLSocket } from "ssl/session";
import type {
  Bytes,
  Clock,
  TCP,
  TCPConstructor,
  TLSConnectOptions,
  TLSConstructor,
} from "../../../modules/board/index.js";
import type { Guard } from "../guard.js";

/** A maker's own certificate authority, in DER, beside those that the manifests take from the SDK. */
const OWN_AUTHORITY = "authority.der";
/** TLS 1.2. */
const PROTOCOL_VERSION = 0x303;
/** What a record adds to its data, at most: header, iv, tag (RFC 5246 6.2.3). */
const RECORD_OVERHEAD_BYTES = 96;
/** A certificate cannot be checked before the time is known: SNTP gets this long. */
const CLOCK_WAIT_MS = 10_000;
const CLOCK_POLL_MS = 250;
/** For what has happened before the engine is busy to reach it. */
const SETTLE_MS = 50;

export interface TLSParts {
  readonly TCP: TCPConstructor;
  readonly clock: Clock;
  readonly guard: Guard;
  /** Called before a handshake, in which the engine is busy for seconds. Returns what is called after it. */
  readonly onBusy?: () => () => void;
}

/**
 * TLS over the SDK's `ssl/session`. What that throws, on a certificate or a record that is wrong, ends the
 * connection and not the firmware.
 */
export function makeTLS({ TCP, clock, guard, onBusy }: TLSParts): TLSConstructor {
  return class ModdableTLS implements TCP {
    readonly remoteAddress: string;
    readonly remotePort: number;
    readonly #options: TLSConnectOptions;
    readonly #session: Session;
    readonly #carrier: SSLSocket;
    readonly #startedMs = clock.monotonicMs();
    #socket: TCP;
    #isTCPUp = false;
    #isReady = false;
    #isClosed = false;
    /** Set from the beginning of the handshake on. */
    #onHandshakeOver: (() => void) | undefined;
    #received: Uint8Array<ArrayBuffer> = new Uint8Array(0);

    constructor(options: TLSConnectOptions) {
      this.#options = options;
      this.remoteAddress = options.address;
      this.remotePort = options.port;
      this.#session = new Session({
        serverName: options.host,
        protocolVersion: PROTOCOL_VERSION,
        ...(Resource.exists(OWN_AUTHORITY) && { certificate: new Resource(OWN_AUTHORITY) }),
      });
      this.#session.initiateHandshake();
      this.#carrier = this.#makeCarrier();
      this.#socket = new TCP({
        address: options.address,
        port: options.port,
        noDelay: options.noDelay,
        onReadable: (count) => {
          this.#carrier.readable = count;
          this.#advance();
        },
        onWritable: (count) => {
          this.#carrier.writable = count;
          this.#isTCPUp = true;
          if (this.#isReady) this.#tellWritable();
          else this.#advance();
        },
        onError: () => this.#fail(),
      });
    }

    read(byteLength = this.#received.length): ArrayBuffer | undefined {
      if (this.#received.length === 0) return undefined;
      if (!(byteLength > 0 && byteLength <= this.#received.length)) throw new Error("invalid");
      const piece = this.#received.slice(0, byteLength);
      this.#received = this.#received.slice(byteLength);
      // More may wait in the records below.
      if (this.#received.length === 0) guard.soon(() => this.#advance());
      return piece.buffer;
    }

    write(data: Bytes): number {
      if (this.#isClosed) throw new Error("the socket is closed");
      if (!this.#isReady) throw new Error("not ready");
      if (data.byteLength > this.#writableBytes) throw new Error("would block");
      if (data.byteLength > 0) this.#session.write(this.#carrier, data);
      return this.#writableBytes;
    }

    close(): void {
      this.#isClosed = true;
      this.#onHandshakeOver?.();
      this.#socket.close();
    }

    get #writableBytes(): number {
      return Math.max(0, this.#carrier.writable - RECORD_OVERHEAD_BYTES);
    }

    #makeCarrier(): SSLSocket {
      const carrier: SSLSocket = {
        readable: 0,
        writable: 0,
        read: (into) => {
          into.set(new Uint8Array(this.#socket.read(into.length) ?? new ArrayBuffer(0)));
        },
        write: (data) => this.#socket.write(data),
      };
      return carrier;
    }

    #advance(): void {
      if (this.#isClosed || !this.#isTCPUp) return;
      if (clock.epochMs() === undefined && clock.monotonicMs() - this.#startedMs < CLOCK_WAIT_MS) {
        clock.set(() => this.#advance(), CLOCK_POLL_MS);
        return;
      }
      if (onBusy && !this.#onHandshakeOver) {
        this.#onHandshakeOver = onBusy();
        clock.set(() => this.#advance(), SETTLE_MS);
        return;
      }
      try {
        if (!this.#isReady) this.#shakeHands();
        if (this.#isReady) this.#receive();
      } catch {
        this.#fail();
      }
    }

    #shakeHands(): void {
      // A step takes one message or sends what follows from the last one.
      for (let isMore = true; isMore; ) {
        const hadInput = this.#carrier.readable > 0;
        if (this.#session.handshake(this.#carrier)) {
          if (this.#session.alert) throw new Error("the handshake failed");
          this.#isReady = true;
          this.#onHandshakeOver?.();
          this.#tellWritable();
          return;
        }
        isMore = hadInput;
      }
    }

    #receive(): void {
      if (this.#received.length > 0) return;
      const data = this.#session.read(this.#carrier);
      if (data === null) this.#fail();
      else if (data && data.length > 0) {
        this.#received = data.slice();
        this.#options.onReadable?.(this.#received.length);
      }
    }

    #tellWritable(): void {
      if (this.#writableBytes > 0) this.#options.onWritable?.(this.#writableBytes);
    }

    #fail(): void {
      if (this.#isClosed) return;
      this.close();
      if (this.#isTCPUp && !this.#isReady) this.#options.onHandshakeFailed?.();
      this.#options.onError?.();
    }
  };
}
