import type { Socket } from "node:net";
import { MAX_READ_BYTES } from "../../../modules/board/index.js";

/** Current user of a stream. */
export interface StreamUser {
  /** Calls the firmware and handles its exceptions. */
  run(callback: () => void): void;
  onReadable(count: number): void;
  onWritable(count: number): void;
  onError(): void;
  onHandshakeFailed(): void;
}

export interface NodeStreamOptions {
  /** Maximum number of unsent bytes: the size of the chip's send buffer. */
  readonly bufferBytes: number;
  /** Event after which the connection can be used; undefined if it can be used at once. */
  readonly opensWith: "connect" | "secureConnect" | undefined;
}

/** Maximum number of received bytes that wait to be read. Beyond it, the kernel stops the sender. */
const RECEIVE_BYTES = 5760;

/**
 * A Node socket that behaves as on the chip: limited in both directions, and without callbacks from inside a
 * call.
 */
export class NodeStream {
  readonly #socket: Socket;
  readonly #bufferBytes: number;
  #nextUser: StreamUser | undefined;
  #user: StreamUser | undefined;
  #received: Buffer[] = [];
  #receivedBytes = 0;
  #outstandingBytes = 0;
  #isOpen: boolean;
  #isConnected: boolean;
  #hasEnded = false;
  #isOver = false;

  constructor(socket: Socket, { bufferBytes, opensWith }: NodeStreamOptions) {
    this.#socket = socket;
    this.#bufferBytes = bufferBytes;
    this.#isOpen = opensWith === undefined;
    this.#isConnected = this.#isOpen;
    socket.setNoDelay(true);
    if (opensWith) socket.once("connect", () => this.#connected());
    if (opensWith) socket.once(opensWith, () => this.#open());
    socket.on("data", (bytes) => this.#receive(bytes));
    socket.on("end", () => this.#end());
    // Connections carry no reason for errors, as on the chip: a failed certificate check is a failed
    // handshake.
    socket.on("error", () => this.#fail());
    socket.on("close", () => this.#fail());
  }

  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress;
  }

  get remotePort(): number | undefined {
    return this.#socket.remotePort;
  }

  /** Sets the user. Events that occurred before are reported from a timer, with those until then. */
  use(user: StreamUser): void {
    this.#nextUser = user;
    setImmediate(() => {
      if (this.#nextUser !== user) return;
      this.#user = user;
      if (this.#isOpen) this.#notify(() => user.onWritable(this.#writableBytes));
      if (this.#receivedBytes > 0) this.#notify(() => user.onReadable(this.#receivedBytes));
      if (this.#isOver) this.#notify(() => user.onError());
      if (this.#isOpen) this.#socket.resume();
    });
  }

  read(byteLength?: number): ArrayBuffer | undefined {
    if (this.#receivedBytes === 0) return undefined;
    const count = byteLength ?? Math.min(this.#receivedBytes, MAX_READ_BYTES);
    if (!(count > 0 && count <= this.#receivedBytes)) throw new Error("invalid");
    const all = this.#received.length === 1 ? (this.#received[0] as Buffer) : Buffer.concat(this.#received);
    this.#received = count < all.length ? [all.subarray(count)] : [];
    this.#receivedBytes -= count;
    if (this.#receivedBytes < RECEIVE_BYTES && this.#isOpen) this.#socket.resume();
    if (this.#hasEnded && this.#receivedBytes === 0) setImmediate(() => this.#finish());
    if (byteLength === undefined && this.#receivedBytes > 0) setImmediate(() => this.#announce());
    return Uint8Array.from(all.subarray(0, count)).buffer;
  }

  write(bytes: Uint8Array<ArrayBuffer>): number {
    if (this.#isOver || this.#hasEnded) return 0;
    if (!this.#isOpen) throw new Error("not ready");
    if (bytes.length > this.#writableBytes) throw new Error("would block");
    if (bytes.length > 0) {
      this.#outstandingBytes += bytes.length;
      this.#socket.write(Uint8Array.from(bytes), () => this.#sent(bytes.length));
    }
    return this.#writableBytes;
  }

  /** Closes the connection: written bytes are still sent; unread bytes reset the connection. */
  close(): void {
    this.#nextUser = undefined;
    this.#user = undefined;
    if (this.#isOver || !this.#isOpen) this.#socket.destroy();
    else if (this.#receivedBytes > 0) this.#socket.resetAndDestroy();
    else this.#socket.destroySoon();
    this.#isOpen = false;
  }

  get #writableBytes(): number {
    return this.#bufferBytes - this.#outstandingBytes;
  }

  #connected(): void {
    this.#isConnected = true;
  }

  #open(): void {
    this.#isOpen = true;
    this.#notify((user) => user.onWritable(this.#writableBytes));
  }

  #receive(bytes: Buffer): void {
    this.#received.push(bytes);
    this.#receivedBytes += bytes.length;
    if (this.#receivedBytes >= RECEIVE_BYTES) this.#socket.pause();
    this.#notify((user) => user.onReadable(this.#receivedBytes));
  }

  /** Reports the bytes that a read has left. */
  #announce(): void {
    if (this.#receivedBytes > 0) this.#notify((user) => user.onReadable(this.#receivedBytes));
  }

  #sent(byteLength: number): void {
    this.#outstandingBytes -= byteLength;
    if (this.#isOpen) this.#notify((user) => user.onWritable(this.#writableBytes));
  }

  #end(): void {
    if (!this.#isOpen) {
      this.#fail();
      return;
    }
    this.#hasEnded = true;
    if (this.#receivedBytes === 0) this.#finish();
  }

  #fail(): void {
    if (this.#hasEnded && this.#receivedBytes > 0) return;
    if (this.#isConnected && !this.#isOpen && !this.#isOver) this.#notify((user) => user.onHandshakeFailed());
    this.#finish();
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#isOpen = false;
    this.#notify((user) => user.onError());
    this.#socket.destroy();
  }

  #notify(callback: (user: StreamUser) => void): void {
    const user = this.#user;
    if (user) user.run(() => callback(user));
  }
}
