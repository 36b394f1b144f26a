/** The chip's TLS over a fake session: moving of bytes between the socket, the session and the user. */

import { beforeEach, describe, expect, jest, test } from "@jest/globals";
import { VirtualClock } from "../../../host-tests/virtual/world/clock.js";
import type { TCPConnectOptions, TLSConstructor } from "../../../modules/board/index.js";
import { decodeUTF8, encodeUTF8 } from "../../../modules/bytes/index.js";
import type { ClientCertificate } from "../../../modules/settings/index.js";

const NOW_MS = 1_800_000_000_000;
const PIPE_BYTES = 1024;
/** Results of the native functions. */
const OK = 0;
const WANT_INPUT = 1;
const CLOSED = 3;
const WRONG_NAME = 6;

/** The one native session. "Encryption" puts a text in brackets. */
let session: { result: number; room: number; input: string; output: string[]; plain: string[]; end: number };
let calls: string[];
let onEvent: (connection: number) => void;

jest.unstable_mockModule("./tls/native.js", () => ({
  listen: (callback: typeof onEvent) => {
    onEvent = callback;
  },
  open: (host: string) => (host === "full.example" ? -1 : 1),
  setCertificate: (_: number, certificate: ArrayBuffer, key: ArrayBuffer) =>
    calls.push(`certificate ${decodeUTF8(certificate)}, key ${decodeUTF8(key)}`),
  shakeHands: (_: number, nowS: number) => calls.push(`shake hands ${nowS}`),
  result: () => session.result,
  room: () => session.room,
  put: (_: number, bytes: ArrayBuffer) => {
    session.input += decodeUTF8(bytes);
    session.room -= bytes.byteLength;
  },
  putEnd: () => calls.push("put end"),
  take: (_: number, length: number) => {
    const first = session.output.shift();
    if (first && first.length > length) session.output.unshift(first.slice(length));
    return first && encodeUTF8(first.slice(0, length)).buffer;
  },
  readable: () => session.plain[0]?.length ?? -session.end,
  read: (_: number, length: number) => {
    const [first = ""] = session.plain.splice(0, 1);
    if (first.length > length) session.plain.unshift(first.slice(length));
    return encodeUTF8(first.slice(0, length)).buffer;
  },
  write: (_: number, bytes: Uint8Array<ArrayBuffer>, from: number) => {
    const piece = bytes.slice(from, from + 896);
    session.output.push(`[${decodeUTF8(piece)}]`);
    return piece.length;
  },
  end: () => session.output.push("[end]"),
  close: () => calls.push("close"),
}));

const { makeTLS } = await import("./tls.js");

let tcp: TCPConnectOptions;
let events: string[];
let sent: string[];
let received: string;
let clock: VirtualClock;
let clientCertificate: ClientCertificate | undefined;

class FakeTCP {
  readonly remoteAddress = "10.0.0.1";
  readonly remotePort = 8883;

  constructor(options: TCPConnectOptions) {
    if (options.port === 1) throw new Error("no network");
    tcp = options;
  }

  read(byteLength: number): ArrayBuffer {
    const bytes = encodeUTF8(received.slice(0, byteLength)).buffer;
    received = received.slice(byteLength);
    return bytes;
  }

  write(bytes: ArrayBuffer): number {
    sent.push(decodeUTF8(bytes) ?? "");
    return 10_000;
  }

  close(): void {
    events.push("socket closed");
  }
}

function receive(text: string): void {
  received += text;
  tcp.onReadable?.(received.length);
}

function connect(options: Partial<ConstructorParameters<TLSConstructor>[0]> = {}) {
  const TLS = makeTLS({
    TCP: FakeTCP as unknown as Parameters<typeof makeTLS>[0]["TCP"],
    clock,
    guard: {
      run: (callback) => callback(),
      soon: (callback) => clock.set(callback, 0),
      hold: () => () => {},
    },
    clientCertificate: () => clientCertificate,
  });
  return new TLS({
    host: "broker.example",
    address: "10.0.0.1",
    port: 8883,
    onWritable: (count) => events.push(`writable ${count}`),
    onReadable: (count) => events.push(`readable ${count}`),
    onHandshakeFailed: (why) => events.push(`failed: ${why}`),
    onError: () => events.push("error"),
    ...options,
  });
}

/** Connects and completes the handshake. */
function open() {
  const socket = connect();
  tcp.onWritable?.(10_000);
  session.result = OK;
  onEvent(1);
  events.length = 0;
  return socket;
}

beforeEach(() => {
  clock = new VirtualClock({ epochAtStartMs: NOW_MS });
  session = { result: WANT_INPUT, room: PIPE_BYTES, input: "", output: [], plain: [], end: WANT_INPUT };
  clientCertificate = undefined;
  [calls, events, sent, received] = [[], [], [], ""];
});

describe("the chip's TLS", () => {
  test("starts the handshake when TCP is connected, with the present time", () => {
    connect();
    expect(calls).toEqual([]);
    tcp.onWritable?.(8192);
    expect(calls).toEqual([`shake hands ${NOW_MS / 1000}`]);
  });

  test("moves bytes during the handshake as far as there is room, and becomes writable after it", () => {
    connect();
    tcp.onWritable?.(8192);
    session.output.push("hello");
    onEvent(1);
    expect(sent).toEqual(["hello"]);
    session.room = 4;
    receive("certificate");
    expect(session.input).toBe("cert");
    session.room = 100;
    onEvent(1);
    expect(session.input).toBe("certificate");
    session.result = OK;
    onEvent(1);
    expect(events).toEqual(["writable 8720"]);
  });

  test("gives the session the station's certificate before the handshake, if it has one", () => {
    clientCertificate = { certificate: encodeUTF8("own").buffer, key: encodeUTF8("secret").buffer };
    connect();
    tcp.onWritable?.(8192);
    expect(calls).toEqual(["certificate own, key secret", `shake hands ${NOW_MS / 1000}`]);
  });

  test("fails the handshake without the time", () => {
    clock.setEpochMs(undefined);
    connect();
    tcp.onWritable?.(8192);
    expect(events).toEqual(["socket closed", "failed: the time is unknown", "error"]);
  });

  test.each([
    [CLOSED, "the server has closed the connection"],
    [WRONG_NAME, "its certificate is for another name"],
    [10, "it sends more than 4 KB at a time"],
    [11, "its certificates have more than 4 KB together"],
    [13, "its answer is not TLS 1.2"],
  ])("reports why the handshake failed, result %i", (result, why) => {
    connect();
    tcp.onWritable?.(8192);
    session.result = result;
    onEvent(1);
    onEvent(1);
    expect(events).toEqual(["socket closed", `failed: ${why}`, "error"]);
  });

  test("reports a refused TCP connection without a failed handshake", () => {
    connect();
    tcp.onError?.();
    expect(events).toEqual(["socket closed", "error"]);
  });

  test("passes the end of TCP on to the session after all bytes", () => {
    connect();
    tcp.onWritable?.(8192);
    session.room = 2;
    receive("last");
    tcp.onError?.();
    expect(calls).not.toContain("put end");
    session.room = 2;
    onEvent(1);
    onEvent(1);
    expect([session.input, calls.at(-1)]).toEqual(["last", "put end"]);
  });

  test("throws when all connections are in use, and gives its own back when TCP cannot be opened", () => {
    expect(() => connect({ host: "full.example" })).toThrow("no socket");
    expect(() => connect({ port: 1 })).toThrow("no network");
    expect(calls).toEqual(["close"]);
  });

  test("reports decrypted bytes, and the next record's after they were read", () => {
    const socket = open();
    session.plain = ["first", "second"];
    receive("records");
    expect(events).toEqual(["readable 5"]);
    expect(decodeUTF8(socket.read(2) ?? new ArrayBuffer(0))).toBe("fi");
    expect(() => socket.read(4)).toThrow("invalid");
    socket.read();
    expect(socket.read()).toBeUndefined();
    clock.advance(0);
    expect(events).toEqual(["readable 5", "readable 6"]);
  });

  test("returns at most 1 KB of a record, and reports the rest again", () => {
    const socket = open();
    session.plain = ["x".repeat(4096), "end"];
    receive("[…]");
    const pieces: number[] = [];
    for (let piece = socket.read(); piece; piece = socket.read()) {
      pieces.push(piece.byteLength);
      clock.advance(0);
    }
    expect(pieces).toEqual([1024, 1024, 1024, 1024, 3]);
    expect(events).toEqual([4096, 3072, 2048, 1024, 3].map((count) => `readable ${count}`));
  });

  test("reports no rest after a read with a length", () => {
    const socket = open();
    session.plain = ["hello"];
    receive("[hello]");
    events.length = 0;
    expect(decodeUTF8(socket.read(2) ?? new ArrayBuffer(0))).toBe("he");
    clock.advance(0);
    expect(events).toEqual([]);
    expect(decodeUTF8(socket.read() ?? new ArrayBuffer(0))).toBe("llo");
  });

  test("writes long data as several records and never more than it has promised", () => {
    const socket = open();
    socket.write(encodeUTF8("x".repeat(1000)));
    expect(sent).toEqual([`[${"x".repeat(896)}]`, `[${"x".repeat(104)}]`]);
    expect(() => socket.write(new Uint8Array(9000))).toThrow("would block");
  });

  test("reports the end by the server as an error, once", () => {
    open();
    session.end = CLOSED;
    receive("alert");
    expect(events).toEqual(["socket closed", "error"]);
  });

  test("ends the session at close, and reports nothing afterwards", () => {
    const socket = open();
    socket.close();
    socket.close();
    receive("late");
    tcp.onError?.();
    expect([sent, calls.filter((call) => call === "close")]).toEqual([["[end]"], ["close"]]);
    expect(events).toEqual(["socket closed"]);
    expect(() => socket.write(new Uint8Array(1))).toThrow("closed");
  });
});
