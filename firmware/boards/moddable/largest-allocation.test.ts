/** Bodies of any size take little memory: the largest buffer that the chip's server and its routes allocate. */

import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { LwIP, listenerModule, tcpModule } from "../../../host-tests/virtual/sdk-fakes/lwip.js";
import { VirtualClock } from "../../../host-tests/virtual/world/clock.js";
import { type Board, MAX_READ_BYTES } from "../../../modules/board/index.js";
import { decodeUTF8, encodeUTF8 } from "../../../modules/bytes/index.js";
import { firmwareUploadRoute } from "../../../modules/web/firmware-upload.js";
import { HTTPAPI, type Login, OK, type Route } from "../../../modules/web/index.js";

let lwip = new LwIP();
let clock = new VirtualClock();

jest.unstable_mockModule("embedded:io/socket/tcp", () => tcpModule(() => lwip), { virtual: true });
jest.unstable_mockModule("embedded:io/socket/listener", () => listenerModule(() => lwip), { virtual: true });

const { makeSockets } = await import("./sockets.js");
const { makeHTTPServer } = await import("../http-server/index.js");

/** Buffer of lwIP for one connection on the chip (TCP_WND), bytes. */
const ARRIVING_BYTES = 5760;
/** A piece as it was read, with what was held back of the one before. */
const LARGEST_BYTES = 2 * MAX_READ_BYTES;
const IMAGE_BYTES = 100_000;
const BOUNDARY = "----form";

class Allocations {
  largestBytes = 0;
  private readonly _original = globalThis.Uint8Array;
  private readonly _slice = Uint8Array.prototype.slice;

  /** Records the length of each new array. The memory of a view is not counted. */
  record(): void {
    const note = (byteLength: number) => {
      this.largestBytes = Math.max(this.largestBytes, byteLength);
    };
    globalThis.Uint8Array = new Proxy(this._original, {
      construct(target, parts) {
        if (typeof parts[0] === "number") note(parts[0]);
        return Reflect.construct(target, parts);
      },
    });
    const slice = this._slice;
    this._original.prototype.slice = function (this: Uint8Array<ArrayBuffer>, from?: number, to?: number) {
      const copy = slice.call(this, from, to);
      note(copy.length);
      return copy as Uint8Array<ArrayBuffer>;
    };
  }

  restore(): void {
    globalThis.Uint8Array = this._original;
    this._original.prototype.slice = this._slice as typeof Uint8Array.prototype.slice;
  }
}

describe("the chip's HTTP server", () => {
  let hasRoom = true;
  let pieces: number[] = [];
  let allocations: Allocations;

  beforeEach(() => {
    lwip = new LwIP();
    lwip.isUp = true;
    clock = new VirtualClock();
    hasRoom = true;
    pieces = [];
    allocations = new Allocations();
    const guard = {
      run: (callback: () => void) => callback(),
      soon: (callback: () => void) => {
        clock.set(callback, 0);
      },
      hold: (release: () => void) => release,
    };
    const sockets = makeSockets({ clock, guard });
    const HTTPServer = makeHTTPServer({ ...sockets, clock, guard, hasRoom: () => hasRoom });
    const routes: Route[] = [
      firmwareUploadRoute({
        slotBytes: 2 * IMAGE_BYTES,
        open: () => ({
          write: (bytes) => {
            pieces.push(bytes.byteLength);
            return undefined;
          },
          finish: () => undefined,
          close: () => {},
        }),
      }),
      { path: "/pair", methods: ["POST"], answer: () => OK },
    ];
    new HTTPAPI({
      board: { io: { HTTPServer } } as unknown as Board,
      login: {
        refusal: () => undefined,
        awaitTurn: (_authorization: unknown, _address: unknown, check: () => void) => check(),
      } as unknown as Login,
      router: {
        route: (path) => routes.find((one) => one.path === path),
        replyToForeignHost: () => undefined,
      },
    });
    allocations.record();
  });

  afterEach(() => allocations.restore());

  /** Sends a request in the largest pieces that arrive at once. Returns the status of the response; 0 for a reset. */
  function send(request: string): number {
    const peer = lwip.connect(80);
    if (!peer) throw new Error("no listener is open");
    lwip.deliver(clock);
    const bytes = [...request].map((character) => character.charCodeAt(0));
    for (let at = 0; at < bytes.length; at += ARRIVING_BYTES) {
      peer.send(...bytes.slice(at, at + ARRIVING_BYTES));
      lwip.deliver(clock);
    }
    clock.advance(1000);
    lwip.deliver(clock);
    allocations.restore();
    if (peer.isReset) return 0;
    const [, status = "0"] = (decodeUTF8(Uint8Array.from(peer.received)) ?? "").split(" ");
    return Number(status);
  }

  const post = (path: string, type: string, body: string) =>
    `POST ${path} HTTP/1.1\r\nhost: 192.168.4.1\r\ncontent-type: ${type}\r\ncontent-length: ${body.length}\r\n\r\n${body}`;

  test.each([
    ["as the body", "application/octet-stream", "x".repeat(IMAGE_BYTES)],
    ["of line ends", "application/octet-stream", "\r\n".repeat(IMAGE_BYTES / 2)],
    [
      "in a form",
      `multipart/form-data; boundary=${BOUNDARY}`,
      `--${BOUNDARY}\r\ncontent-disposition: form-data; name=image\r\n\r\n${"x".repeat(IMAGE_BYTES)}\r\n--${BOUNDARY}--\r\n`,
    ],
  ])("reads an image %s in pieces of at most 1 KB", (_name, type, body) => {
    expect(send(post("/firmware/upload", type, body))).toBe(200);
    expect(pieces.reduce((sum, one) => sum + one, 0)).toBe(IMAGE_BYTES);
    expect(Math.max(...pieces)).toBeLessThanOrEqual(MAX_READ_BYTES);
    expect(allocations.largestBytes).toBeLessThanOrEqual(LARGEST_BYTES);
  });

  test("refuses a form of 5 KB without storing it", () => {
    const type = "application/x-www-form-urlencoded";
    expect(send(post("/pair", type, `a=${"x".repeat(5000)}`))).toBe(413);
    expect(allocations.largestBytes).toBeLessThanOrEqual(LARGEST_BYTES);
  });

  test("refuses a chunked form of 5 KB as soon as it is too long", () => {
    const chunk = `400\r\n${"x".repeat(1024)}\r\n`;
    const head = "POST /pair HTTP/1.1\r\nhost: 192.168.4.1\r\ntransfer-encoding: chunked\r\n\r\n";
    expect(send(`${head}${chunk.repeat(5)}0\r\n\r\n`)).toBe(413);
    expect(allocations.largestBytes).toBeLessThanOrEqual(2 * LARGEST_BYTES);
  });

  test("answers 503 when the engine has no room for a request, and serves the next one", () => {
    hasRoom = false;
    expect(send(post("/pair", "", "a=b"))).toBe(503);
    hasRoom = true;
    expect(send(post("/pair", "", "a=b"))).toBe(200);
  });

  test("answers 503 also to an upload, which it reads to its end, because a reset would destroy the response", () => {
    hasRoom = false;
    expect(send(post("/firmware/upload", "application/octet-stream", "x".repeat(IMAGE_BYTES)))).toBe(503);
    expect(allocations.largestBytes).toBeLessThanOrEqual(LARGEST_BYTES);
  });

  test("answers 503 without room to the beginning of a long head", () => {
    hasRoom = false;
    expect(send(`GET / HTTP/1.1\r\nx: ${"x".repeat(1000)}`)).toBe(503);
  });

  test("a recorder of allocations sees those of the code under test", () => {
    encodeUTF8("x");
    new Uint8Array(5000).slice(0, 4999);
    expect(allocations.largestBytes).toBe(5000);
  });
});
