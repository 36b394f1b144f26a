/**
 * Fakes of `embedded:io/socket/tcp` and `listener` of the chip, with the failures of
 * modules/io/socket/lwip/tcp.c of the SDK. A socket needs a network. A connection that its peer resets while
 * it waits in the listener is used after lwIP has freed it. Callbacks run when `deliver` is called, as from
 * messages.
 */

import type { VirtualClock } from "../world/clock.js";

interface Handlers {
  onReadable?: (count: number) => void;
  onWritable?: (count: number) => void;
  onError?: () => void;
}

const SEND_BUFFER_BYTES = 5744;

/** A connection in lwIP with its peer. */
export class Peer {
  /** lwIP has freed the connection. */
  isFreed = false;
  /** The station has closed the connection. */
  isClosed = false;
  /** lwIP has reset the connection: it was closed with unread bytes, or bytes arrived afterwards. */
  isReset = false;
  received: number[] = [];
  user: FakeTCP | undefined;
  readonly buffers: number[] = [];
  readonly lwip: LwIP;
  readonly address: string;

  constructor(lwip: LwIP, address: string) {
    this.lwip = lwip;
    this.address = address;
  }

  send(...bytes: number[]): void {
    this.buffers.push(...bytes);
    if (this.isClosed) this.isReset = true;
    this.lwip.post(() => this.user?.handlers.onReadable?.(this.buffers.length));
  }

  /** Resets the connection: lwIP frees it, and calls the error callback if one is set. */
  reset(): void {
    this.isFreed = true;
    if (this.user) this.user.peer = undefined;
    this.lwip.post(() => this.user?.handlers.onError?.());
  }
}

class FakeTCP {
  peer: Peer | undefined;
  handlers: Handlers = {};

  get remoteAddress(): string {
    if (!this.peer) throw new Error("the chip restarts: NULL is read");
    return this.peer.address;
  }

  get remotePort(): number {
    if (!this.peer) throw new Error("the chip restarts: NULL is read");
    return 50_000;
  }

  read(count = this.peer?.buffers.length ?? 0): ArrayBuffer | undefined {
    this.peer?.lwip.onCall("read");
    const buffers = this.peer?.buffers ?? [];
    if (buffers.length === 0) return undefined;
    if (count <= 0 || count > buffers.length) throw new Error("invalid");
    return new Uint8Array(buffers.splice(0, count)).buffer;
  }

  write(data: ArrayBuffer | Uint8Array<ArrayBuffer>): number | undefined {
    if (!this.peer) return undefined;
    this.peer.lwip.onCall("write");
    this.peer.received.push(...new Uint8Array(data));
    return SEND_BUFFER_BYTES - data.byteLength;
  }

  close(): void {
    this.handlers = {};
    if (!this.peer) return;
    this.peer.isClosed = true;
    if (this.peer.buffers.length > 0) this.peer.isReset = true;
  }
}

/** The chip's lwIP. */
export class LwIP {
  isUp = false;
  readonly #messages: (() => void)[] = [];
  readonly #listeners = new Map<number, { accept(peer: Peer): void }>();

  readonly TCP: new (
    options: Handlers & ({ from: FakeTCP } | { address: string }),
  ) => FakeTCP;
  readonly Listener: new (options: {
    port: number;
    onReadable?: (count: number) => void;
  }) => object;

  constructor() {
    const lwip = this;
    this.TCP = class extends FakeTCP {
      constructor(options: Handlers & ({ from: FakeTCP } | { address: string })) {
        super();
        lwip.checkNetwork();
        if ("from" in options) {
          const { peer } = options.from;
          if (!peer) throw new Error("invalid from");
          lwip.onCall("take over");
          options.from.peer = undefined;
          this.peer = peer;
        } else {
          this.peer = new Peer(lwip, "address" in options ? options.address : "");
        }
        this.peer.user = this;
        this.handlers = options;
        lwip.post(() => this.handlers.onWritable?.(SEND_BUFFER_BYTES));
        if (this.peer.buffers.length > 0) {
          lwip.post(() => this.handlers.onReadable?.(this.peer?.buffers.length ?? 0));
        }
      }
    };
    this.Listener = class {
      readonly port: number;
      readonly #pending: Peer[] = [];

      constructor({ port, onReadable }: { port: number; onReadable?: (count: number) => void }) {
        lwip.checkNetwork();
        if (lwip.#listeners.has(port)) throw new Error("socket bind");
        this.port = port;
        lwip.#listeners.set(port, {
          accept: (peer) => {
            this.#pending.push(peer);
            lwip.post(() => onReadable?.(this.#pending.length));
          },
        });
      }

      read(): FakeTCP | undefined {
        const peer = this.#pending.shift();
        if (!peer) return undefined;
        if (peer.isFreed) throw new Error("the chip restarts: freed memory is used");
        const accepted = new FakeTCP();
        accepted.peer = peer;
        peer.user = accepted;
        lwip.onAccepted(peer);
        return accepted;
      }

      close(): void {
        lwip.#listeners.delete(this.port);
      }
    };
  }

  /** Called between the listener's `read` and the next statement, because lwIP is a separate task. */
  onAccepted: (peer: Peer) => void = () => {};

  /** Called when the SDK's C code works on a connection. */
  onCall: (name: "read" | "write" | "take over") => void = () => {};

  isHeld = false;

  /** The functions of firmware/boards/esp32/lwip/native.ts. */
  readonly task = {
    hold: () => {
      if (this.isHeld) throw new Error("the chip hangs: lwIP's task is held already");
      this.isHeld = true;
    },
    release: () => {
      this.isHeld = false;
    },
    closeConnection: (socket: FakeTCP) => {
      if (socket.peer) socket.peer.isClosed = true;
      socket.peer = undefined;
    },
    remoteAddress: (socket: FakeTCP) => socket.peer?.address,
  };

  checkNetwork(): void {
    if (!this.isUp) throw new Error("no network");
  }

  /** Connects a peer; returns `undefined` if no listener is open. */
  connect(port: number, address = "192.168.4.2"): Peer | undefined {
    const listener = this.#listeners.get(port);
    if (!listener) return undefined;
    const peer = new Peer(this, address);
    listener.accept(peer);
    return peer;
  }

  post(message: () => void): void {
    this.#messages.push(message);
  }

  /** Delivers messages until there are no more. */
  deliver(clock: VirtualClock): void {
    do {
      for (const message of this.#messages.splice(0)) message();
      clock.advance(0);
    } while (this.#messages.length > 0);
  }
}

type TCPOptions = ConstructorParameters<LwIP["TCP"]>[0];
type ListenerOptions = ConstructorParameters<LwIP["Listener"]>[0];

/** The SDK's module embedded:io/socket/tcp over the lwIP of the test that runs. */
export function tcpModule(lwip: () => LwIP) {
  return {
    default: function SDKTCP(options: TCPOptions) {
      return new (lwip().TCP)(options);
    },
  };
}

/** The SDK's module embedded:io/socket/listener, likewise. */
export function listenerModule(lwip: () => LwIP) {
  return {
    default: function SDKListener(options: ListenerOptions) {
      return new (lwip().Listener)(options);
    },
  };
}
