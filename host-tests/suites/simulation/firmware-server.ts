import type { Clock, TCP } from "../../../modules/board/index.js";
import { concatBytes, decodeUTF8, encodeUTF8 } from "../../../modules/bytes/index.js";
import {
  answer,
  type FirmwareRequest,
  type FirmwareResponse,
} from "../../../platform-stub/firmware/answer.js";
import { FirmwareRepository } from "../../../platform-stub/firmware/repository.js";
import type { Sockets } from "../../virtual/board/index.js";

export interface FirmwareServerOptions {
  readonly clock: Clock;
  readonly sockets: Sockets;
  readonly port: number;
  /** Enables TLS, with a certificate for this name. */
  readonly certificateName?: string;
  readonly repository?: FirmwareRepository;
}

/** Fault of one response. */
export interface ResponseFault {
  /** Number of bytes of the body after which the server closes the connection. */
  readonly breakAfterBytes?: number;
  /** Number of bytes of the body after which the server stays silent on the open connection. */
  readonly stallAfterBytes?: number;
  readonly bytesPerSecond?: number;
}

const TICK_MS = 100;

/** HTTP server of the virtual world that serves a firmware repository, with optional faults. */
export class FirmwareServer {
  readonly repository: FirmwareRepository;
  readonly requests: FirmwareRequest[] = [];
  connectionCount = 0;
  /** Whether connections stay open for further requests where the client asks for it. */
  isPersistent = true;
  /** Replaces a response. */
  intercept: ((request: FirmwareRequest, response: FirmwareResponse) => FirmwareResponse) | undefined;
  /** Returns the fault of a response. Called once for each request. */
  fault: ((request: FirmwareRequest) => ResponseFault | undefined) | undefined;
  readonly #clock: Clock;

  constructor({
    clock,
    sockets,
    port,
    certificateName,
    repository = new FirmwareRepository(),
  }: FirmwareServerOptions) {
    this.#clock = clock;
    this.repository = repository;
    const listener = new sockets.Listener({
      port,
      certificateName,
      onReadable: () => {
        for (let from = listener.read(); from; from = listener.read()) this.#serve(sockets, from);
      },
    });
  }

  #serve(sockets: Sockets, from: TCP): void {
    this.connectionCount++;
    let received: Uint8Array<ArrayBuffer> = new Uint8Array(0);
    let sender: Sender | undefined;
    const socket = new sockets.TCP({
      from,
      onReadable: () => {
        received = concatBytes(received, socket.read() ?? new ArrayBuffer(0));
        const request = sender ? undefined : parseRequest(received);
        if (!request) return;
        received = new Uint8Array(0);
        sender = this.#respond(socket, request, () => {
          sender = undefined;
          if (!this.isPersistent || request.headers.get("connection") !== "keep-alive") socket.close();
        });
      },
      onWritable: (count) => sender?.send(count),
      onError: () => {
        sender?.close();
        socket.close();
      },
    });
  }

  #respond(socket: TCP, request: FirmwareRequest, onSent: () => void): Sender {
    this.requests.push(request);
    const own = answer(this.repository, request);
    const response = this.intercept?.(request, own) ?? own;
    return new Sender(this.#clock, socket, { response, fault: this.fault?.(request) ?? {}, onSent });
  }
}

class Sender {
  readonly #clock: Clock;
  readonly #socket: TCP;
  readonly #head: Uint8Array<ArrayBuffer>;
  readonly #body: Uint8Array<ArrayBuffer>;
  readonly #fault: ResponseFault;
  readonly #onSent: () => void;
  #sentBytes = 0;
  #room = 8192;
  #isOver = false;

  constructor(
    clock: Clock,
    socket: TCP,
    options: {
      readonly response: FirmwareResponse;
      readonly fault: ResponseFault;
      readonly onSent: () => void;
    },
  ) {
    const { response, fault, onSent } = options;
    this.#clock = clock;
    this.#socket = socket;
    const lines = Object.entries(response.headers).map(([name, value]) => `${name}: ${value}\r\n`);
    this.#head = encodeUTF8(`HTTP/1.1 ${response.status} Status\r\n${lines.join("")}\r\n`);
    this.#body = response.body;
    this.#fault = fault;
    this.#onSent = onSent;
    this.#room = socket.write(this.#head);
    this.#next();
  }

  send(room: number): void {
    this.#room = room;
    if (this.#fault.bytesPerSecond === undefined) this.#next();
  }

  close(): void {
    this.#isOver = true;
  }

  #next(): void {
    if (this.#isOver) return;
    const { breakAfterBytes, stallAfterBytes, bytesPerSecond } = this.#fault;
    const end = Math.min(this.#body.length, breakAfterBytes ?? Infinity, stallAfterBytes ?? Infinity);
    const pace = bytesPerSecond === undefined ? Infinity : Math.ceil((bytesPerSecond * TICK_MS) / 1000);
    while (this.#sentBytes < end && this.#room > 0) {
      const piece = this.#body.slice(
        this.#sentBytes,
        Math.min(end, this.#sentBytes + Math.min(this.#room, pace)),
      );
      this.#sentBytes += piece.length;
      this.#room = this.#socket.write(piece);
      if (bytesPerSecond !== undefined) break;
    }
    if (this.#sentBytes < end) {
      if (bytesPerSecond !== undefined) this.#clock.set(() => this.#next(), TICK_MS);
    } else if (this.#sentBytes !== stallAfterBytes) {
      this.#isOver = true;
      if (this.#sentBytes === this.#body.length) this.#clock.set(() => this.#onSent(), 0);
      else this.#socket.close();
    }
  }
}

function parseRequest(bytes: Uint8Array<ArrayBuffer>): FirmwareRequest | undefined {
  const head = decodeUTF8(bytes);
  if (!head?.endsWith("\r\n\r\n")) return undefined;
  const [requestLine = "", ...lines] = head.trimEnd().split("\r\n");
  const [method = "", path = ""] = requestLine.split(" ");
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  return { method, path, headers };
}
