import { connect, createServer, type Server, type Socket } from "node:net";

const HEADER_BYTES = 5;
const HANDSHAKE = 22;
/** Bytes before a handshake message's body: type and length. */
const MESSAGE_HEADER_BYTES = 4;

/** Changes handshake messages of the server's first flight, which is not encrypted. */
export type Change = (messages: readonly Buffer[]) => readonly Buffer[];

export interface ProxyOptions {
  readonly port: number;
  /** Highest content of a record that carries a part of the first flight. */
  readonly recordBytes: number;
  readonly change?: Change;
}

/** A proxy before a TLS 1.2 server. It puts the server's first flight into other records. */
export function openProxy(options: ProxyOptions): Server {
  return createServer((client) => serve(client, options));
}

function serve(client: Socket, { port, recordBytes, change = (messages) => messages }: ProxyOptions): void {
  const upstream = connect(port, "127.0.0.1");
  let received = Buffer.alloc(0);
  let isFlightOver = false;
  upstream.on("data", (bytes) => {
    if (isFlightOver) {
      client.write(bytes);
      return;
    }
    received = Buffer.concat([received, bytes]);
    const { messages, isFull, isResumption } = parseFlight(received);
    isFlightOver = isFull || isResumption;
    if (isResumption) client.write(received);
    else if (isFull) client.write(framed(Buffer.concat(change(messages)), recordBytes));
  });
  client.on("data", (bytes) => upstream.write(bytes));
  for (const [socket, other] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    socket.on("error", () => {});
    socket.on("close", () => other.destroy());
    socket.on("end", () => other.end());
  }
}

interface Flight {
  readonly messages: Buffer[];
  /** All messages from ServerHello to ServerHelloDone have come. */
  readonly isFull: boolean;
  /** A record of another type has come: the server resumes a session, or refuses. */
  readonly isResumption: boolean;
}

function parseFlight(received: Buffer): Flight {
  const contents: Buffer[] = [];
  let isResumption = false;
  for (let at = 0; at + HEADER_BYTES <= received.length; ) {
    const end = at + HEADER_BYTES + received.readUInt16BE(at + 3);
    isResumption = received[at] !== HANDSHAKE;
    if (isResumption || end > received.length) break;
    contents.push(received.subarray(at + HEADER_BYTES, end));
    at = end;
  }
  const content = Buffer.concat(contents);
  const messages: Buffer[] = [];
  for (let at = 0; at + MESSAGE_HEADER_BYTES <= content.length; ) {
    const end = at + MESSAGE_HEADER_BYTES + content.readUIntBE(at + 1, 3);
    if (end > content.length) break;
    messages.push(content.subarray(at, end));
    at = end;
  }
  return { messages, isFull: messages.at(-1)?.[0] === MESSAGE.serverHelloDone, isResumption };
}

function framed(content: Buffer, recordBytes: number): Buffer {
  const records: Buffer[] = [];
  for (let at = 0; at < content.length; at += recordBytes) {
    const piece = content.subarray(at, at + recordBytes);
    const header = Buffer.from([HANDSHAKE, 3, 3, 0, 0]);
    header.writeUInt16BE(piece.length, 3);
    records.push(header, piece);
  }
  return Buffer.concat(records);
}

/** Types of handshake messages (RFC 5246 7.4). */
export const MESSAGE = {
  serverHello: 2,
  certificate: 11,
  serverKeyExchange: 12,
  serverHelloDone: 14,
} as const;
