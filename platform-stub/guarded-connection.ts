/** A client's connection to the embedded broker, with a limit of the size of each packet. */

import type { Socket } from "node:net";
import { Duplex } from "node:stream";

/** Maximum remaining length of a packet before login, bytes: a CONNECT with a will. */
export const MAX_BYTES_BEFORE_LOGIN = 4 * 1024;
/** Maximum remaining length of a packet after login, bytes. */
export const MAX_BYTES_AFTER_LOGIN = 64 * 1024;
/** Maximum number of bytes that wait for a station to read them. */
const MAX_UNREAD_BYTES = 512 * 1024;
/** Maximum number of bytes of a remaining length (MQTT 3.1.1 2.2.3). */
const MAX_LENGTH_BYTES = 4;

/** Follows the packets of a byte stream by their fixed headers (MQTT 3.1.1 2.2), and refuses one that is too long. */
export class PacketGuard {
  maxBytes = MAX_BYTES_BEFORE_LOGIN;
  /** Bytes of the present packet that have not arrived. */
  #left = 0;
  /** Bytes of the present packet's remaining length so far; `undefined` before the packet's first byte. */
  #lengthBytes: number | undefined;
  #length = 0;

  /** Whether the bytes are within the limits. After a refusal the stream cannot continue. */
  accepts(bytes: Uint8Array): boolean {
    for (let at = 0; at < bytes.length; ) {
      if (this.#left > 0) {
        const passed = Math.min(this.#left, bytes.length - at);
        this.#left -= passed;
        at += passed;
        continue;
      }
      if (!this.#acceptsHeaderByte(bytes[at++] ?? 0)) return false;
    }
    return true;
  }

  #acceptsHeaderByte(byte: number): boolean {
    if (this.#lengthBytes === undefined) {
      this.#lengthBytes = 0;
      this.#length = 0;
      return true;
    }
    this.#length += (byte & 0x7f) * 128 ** this.#lengthBytes;
    this.#lengthBytes++;
    if (this.#length > this.maxBytes) return false;
    if ((byte & 0x80) !== 0) return this.#lengthBytes < MAX_LENGTH_BYTES;
    this.#lengthBytes = undefined;
    this.#left = this.#length;
    return true;
  }
}

export interface GuardedConnectionOptions {
  readonly onLogin: () => void;
  /** The client sends a packet that is too long. */
  readonly onTooLong: () => void;
  /** The station does not read what it receives. */
  readonly onUnread: () => void;
}

/**
 * A socket whose packets are limited. The broker receives no byte of the data that contain the beginning of a longer packet,
 * and never waits for a station that does not read: the client whose message it delivers, which may be the platform, would
 * wait as well.
 */
export class GuardedConnection extends Duplex {
  readonly #socket: Socket;
  readonly #guard = new PacketGuard();
  readonly #options: GuardedConnectionOptions;
  #isStation = false;

  constructor(socket: Socket, options: GuardedConnectionOptions) {
    super();
    this.#socket = socket;
    this.#options = options;
    socket.on("data", (bytes) => {
      if (!this.#guard.accepts(bytes)) {
        options.onTooLong();
        this.destroy();
      } else if (!this.push(bytes)) socket.pause();
    });
    socket.on("end", () => this.push(null));
    socket.on("error", (error) => this.destroy(error));
    socket.on("close", () => this.destroy());
  }

  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress;
  }

  /** Allows packets of the length after a login. */
  handleLogin({ isStation }: { readonly isStation: boolean }): void {
    this.#guard.maxBytes = MAX_BYTES_AFTER_LOGIN;
    this.#isStation = isStation;
    this.#options.onLogin();
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(bytes: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    if (!this.#isStation) {
      this.#socket.write(bytes, done);
      return;
    }
    this.#socket.write(bytes);
    if (this.#socket.writableLength > MAX_UNREAD_BYTES) {
      this.#options.onUnread();
      this.destroy();
    }
    done();
  }

  override _writev(parts: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this._write(Buffer.concat(parts.map(({ chunk }) => chunk)), "", done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}
