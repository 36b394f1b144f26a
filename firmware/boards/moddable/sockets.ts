import SDKListener from "embedded:io/socket/listener";
import SDKTCP from "embedded:io/socket/tcp";
import type {
  Bytes,
  Listener,
  ListenerConstructor,
  ListenerOptions,
  TCP,
  TCPConnectOptions,
  TCPConstructor,
  TCPFromOptions,
  TCPHandlers,
} from "../../../modules/board/index.js";
import type { Guard } from "../guard.js";
import { isIPv4 } from "./ipv4.js";

/** TCP connections at a time, below what lwIP has (CONFIG_LWIP_MAX_ACTIVE_TCP): closed ones linger there. */
const MAX_SOCKETS = 8;
const MAX_PORT = 65_535;

/** A connection that a listener took. */
interface AcceptedOptions extends TCPHandlers {
  readonly accepted: SDKTCP;
}

/**
 * The SDK's sockets, which are the port's own pattern, in a bounded number. Three things are mended (`modules/io/socket/lwip/tcp.c`): a
 * write after the peer's end throws or gives nothing there and 0 here; the remote address, of a connection that is
 * gone, reads freed memory there and is remembered here; what escapes a callback goes to the guard.
 */
export function makeSockets(
  guard: Guard,
  { maxSockets = MAX_SOCKETS }: { maxSockets?: number } = {},
): { TCP: TCPConstructor; Listener: ListenerConstructor } {
  let used = 0;

  class ModdableTCP implements TCP {
    readonly remoteAddress: string | undefined;
    readonly remotePort: number | undefined;
    #native: SDKTCP | undefined;
    /** How much `write` took when it was last said; `undefined` until the connection is open. */
    #writable: number | undefined;

    constructor(options: TCPConnectOptions | TCPFromOptions | AcceptedOptions) {
      const handlers = {
        onReadable: (count: number) => this.#call(() => options.onReadable?.(count)),
        onWritable: (count: number) => {
          this.#writable = count;
          this.#call(() => options.onWritable?.(count));
        },
        onError: () => this.#call(() => options.onError?.()),
      };
      if (!("from" in options) && used >= maxSockets) throw new RangeError("no socket");
      if ("accepted" in options) {
        this.#native = options.accepted;
        this.remoteAddress = options.accepted.remoteAddress;
        this.remotePort = options.accepted.remotePort;
      } else if ("from" in options) {
        const from = options.from as ModdableTCP;
        const native = from.#native;
        if (!native) throw new Error("invalid from");
        from.#native = undefined;
        used--;
        this.remoteAddress = from.remoteAddress;
        this.remotePort = from.remotePort;
        this.#native = new SDKTCP({ from: native, nodelay: true, ...handlers });
      } else {
        const { address, port, noDelay = false } = options;
        if (!isIPv4(address)) throw new Error(`invalid address: ${address}`);
        if (!Number.isInteger(port) || port < 0 || port > MAX_PORT)
          throw new RangeError(`invalid port: ${port}`);
        this.remoteAddress = address;
        this.remotePort = port;
        this.#native = new SDKTCP({ address, port, nodelay: noDelay, ...handlers });
      }
      used++;
    }

    read(byteLength?: number): ArrayBuffer | undefined {
      const native = this.#living();
      return byteLength === undefined ? native.read() : native.read(byteLength);
    }

    write(data: Bytes): number {
      const native = this.#living();
      if (this.#writable === undefined) throw new Error("not ready");
      if (data.byteLength > this.#writable) throw new Error("would block");
      if (data.byteLength === 0) return this.#writable;
      this.#writable = writeTo(native, data);
      return this.#writable;
    }

    close(): void {
      if (!this.#native) return;
      this.#native.close();
      this.#native = undefined;
      used--;
    }

    #call(callback: () => void): void {
      if (this.#native) guard.run(callback);
    }

    #living(): SDKTCP {
      if (!this.#native) throw new Error("the socket is closed");
      return this.#native;
    }
  }

  class ModdableListener implements Listener {
    #native: SDKListener | undefined;

    constructor({ port, onReadable }: ListenerOptions) {
      this.#native = new SDKListener({
        port,
        onReadable: (count) => {
          if (this.#native) guard.run(() => onReadable?.(count));
        },
      });
    }

    get port(): number {
      return this.#native?.port ?? 0;
    }

    read(): TCP | undefined {
      const accepted = this.#native?.read();
      if (!accepted) return undefined;
      if (used < maxSockets) return new ModdableTCP({ accepted });
      accepted.close();
      return undefined;
    }

    close(): void {
      this.#native?.close();
      this.#native = undefined;
    }
  }

  return { TCP: ModdableTCP, Listener: ModdableListener };
}

/** How many bytes fit now: none when there is nobody left to send to, which the SDK says in two other ways. */
function writeTo(native: SDKTCP, data: Bytes): number {
  try {
    return native.write(data) ?? 0;
  } catch {
    return 0;
  }
}
