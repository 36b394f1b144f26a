import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { MAX_READ_BYTES } from "../../../modules/board/index.js";
import { asUint8Array, concatBytes, encodeUTF8, equalBytes } from "../../../modules/bytes/index.js";
import { Random } from "../../virtual/world/random.js";
import type { Harness, MakeHarness } from "./harness.js";
import { connectPair, End } from "./pair.js";

const HELLO = encodeUTF8("hello");
const A_WHILE_MS = 200;

/** Defines the tests that each board's TCP and Listener have to pass (modules/board/sockets.ts). */
export function describeTCPContract(name: string, makeHarness: MakeHarness): void {
  describe(`${name}: TCP`, () => {
    let harness: Harness;

    beforeEach(async () => {
      harness = await makeHarness();
    });

    afterEach(async () => {
      await harness.dispose();
    });

    test("transfers bytes in order both ways", async () => {
      const { client, server, close } = await connectPair(harness);
      client.send(HELLO);
      server.send(encodeUTF8("good day"));
      await harness.until(
        "both have read",
        () => server.received.length === 5 && client.received.length === 8,
      );
      expect(server.received).toEqual(HELLO);
      expect(client.received).toEqual(encodeUTF8("good day"));
      close();
    });

    test("can read waiting bytes in parts", async () => {
      const { client, server, close } = await connectPair(harness);
      server.reads = false;
      client.send(HELLO);
      await harness.until("the bytes are there", () => server.calls.includes("readable"));
      expect(asUint8Array(server.socket.read(2) ?? new ArrayBuffer(0))).toEqual(encodeUTF8("he"));
      expect(asUint8Array(server.socket.read() ?? new ArrayBuffer(0))).toEqual(encodeUTF8("llo"));
      expect(server.socket.read()).toBeUndefined();
      close();
    });

    test("returns at most 1 KB of the waiting bytes, and reports the rest again", async () => {
      const { client, server, close } = await connectPair(harness);
      const bytes = new Random(1).bytes(3000);
      server.reads = false;
      client.send(bytes);
      const pieces: Uint8Array<ArrayBuffer>[] = [];
      server.onReadable = () => {
        pieces.push(asUint8Array(server.socket.read() ?? new ArrayBuffer(0)));
      };
      const received = () => concatBytes(...pieces);
      await harness.until("all bytes are read", () => received().length === bytes.length);
      expect(received()).toEqual(bytes);
      expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThanOrEqual(MAX_READ_BYTES);
      close();
    });

    test("throws on reading more bytes than wait, and loses none", async () => {
      const { client, server, close } = await connectPair(harness);
      server.reads = false;
      client.send(HELLO);
      await harness.until("the bytes are there", () => server.calls.includes("readable"));
      expect(() => server.socket.read(6)).toThrow("invalid");
      expect(() => server.socket.read(0)).toThrow("invalid");
      expect(server.socket.read()?.byteLength).toBe(5);
      close();
    });

    test("throws on a write before the connection is open", async () => {
      const listener = new harness.board.io.Listener({ port: 0 });
      await harness.until("the listener listens", () => listener.port > 0);
      const end = new End(harness, { port: listener.port });
      expect(() => end.socket.write(HELLO)).toThrow("not ready");
      end.socket.close();
      listener.close();
    });

    test("throws on a write of more than is writable, and sends nothing of it", async () => {
      const { client, server, close } = await connectPair(harness);
      expect(() => client.socket.write(new Uint8Array(client.writable + 1))).toThrow("would block");
      client.send(HELLO);
      await harness.until("something arrives", () => server.received.length > 0);
      expect(server.received).toEqual(HELLO);
      close();
    });

    test("returns from write how many bytes still fit", async () => {
      const { client, close } = await connectPair(harness);
      const before = client.writable;
      expect(client.socket.write(HELLO)).toBe(before - HELLO.length);
      close();
    });

    test("transfers 200,000 bytes each way at once through bounded buffers", async () => {
      const { client, server, close } = await connectPair(harness);
      const random = new Random(419);
      const up = random.bytes(200_000);
      const down = random.bytes(200_000);
      client.send(up);
      server.send(down);
      expect(client.isSent).toBe(false);
      await harness.until(
        "all is there",
        () => server.received.length === up.length && client.received.length === down.length,
      );
      expect(equalBytes(server.received, up)).toBe(true);
      expect(equalBytes(client.received, down)).toBe(true);
      close();
    });

    test("keeps two connections apart", async () => {
      const one = await connectPair(harness);
      const two = await connectPair(harness);
      one.client.send(encodeUTF8("one"));
      two.client.send(encodeUTF8("two"));
      await harness.until(
        "both arrive",
        () => one.server.received.length === 3 && two.server.received.length === 3,
      );
      expect(one.server.received).toEqual(encodeUTF8("one"));
      expect(two.server.received).toEqual(encodeUTF8("two"));
      one.close();
      two.close();
    });

    test("reports a refused connection as an error", async () => {
      const listener = new harness.board.io.Listener({ port: 0 });
      await harness.until("the listener listens", () => listener.port > 0);
      const { port } = listener;
      listener.close();
      await harness.pass(A_WHILE_MS);
      const end = new End(harness, { port });
      await harness.until("it is refused", () => end.isOver);
      expect(end.calls).toEqual(["error"]);
      end.socket.close();
    });

    test("reports the end of the peer after all its bytes were read", async () => {
      const { client, server, close } = await connectPair(harness);
      server.reads = false;
      client.send(HELLO);
      client.socket.close();
      await harness.pass(A_WHILE_MS);
      expect(server.isOver).toBe(false);
      server.drain();
      expect(server.received).toEqual(HELLO);
      await harness.until("the end is reported", () => server.isOver);
      close();
    });

    test("resets the connection when the peer closes without having read", async () => {
      const { client, server, close } = await connectPair(harness);
      server.reads = false;
      client.send(HELLO);
      await harness.until("the bytes are there", () => server.calls.includes("readable"));
      server.socket.close();
      await harness.until("the reset is reported", () => client.isOver);
      close();
    });

    test("reports an error once", async () => {
      const { client, server, close } = await connectPair(harness);
      client.socket.close();
      await harness.until("the end is reported", () => server.isOver);
      await harness.pass(A_WHILE_MS);
      expect(server.calls.filter((what) => what === "error")).toHaveLength(1);
      close();
    });

    test("can be closed in its callback and is not called after that", async () => {
      const { client, server, close } = await connectPair(harness);
      server.reads = false;
      server.onReadable = () => server.socket.close();
      client.send(HELLO);
      await harness.until("it was called", () => server.calls.includes("readable"));
      const calls = server.calls.length;
      await harness.pass(A_WHILE_MS);
      expect(server.calls).toHaveLength(calls);
      close();
    });

    test("calls no callback after close", async () => {
      const { client, server, close } = await connectPair(harness);
      const calls = client.calls.length;
      server.send(HELLO);
      client.socket.close();
      await harness.pass(A_WHILE_MS);
      expect(client.calls).toHaveLength(calls);
      close();
    });

    test("can be closed twice", async () => {
      const { client, close } = await connectPair(harness);
      client.socket.close();
      expect(() => client.socket.close()).not.toThrow();
      close();
    });

    test("throws on the use after close", async () => {
      const { client, close } = await connectPair(harness);
      client.socket.close();
      expect(() => client.socket.write(HELLO)).toThrow();
      expect(() => client.socket.read()).toThrow();
      close();
    });

    test("hands waiting bytes over to another instance", async () => {
      const { client, server, close } = await connectPair(harness);
      server.reads = false;
      client.send(HELLO);
      await harness.until("the bytes are there", () => server.calls.includes("readable"));
      const heir = new End(harness, { from: server.socket });
      await harness.until("the heir has them", () => heir.received.length === 5);
      heir.send(HELLO);
      await harness.until("the heir can answer", () => client.received.length === 5);
      heir.socket.close();
      close();
    });

    test.each(["", "localhost", "1.2.3", "256.1.1.1", "::1"])(
      "throws on the invalid address %j",
      (address) => {
        expect(() => new harness.board.io.TCP({ address, port: 80 })).toThrow("invalid address");
      },
    );

    test.each([-1, 65_536, 1.5])("throws on the invalid port %d", (port) => {
      expect(() => new harness.board.io.TCP({ address: harness.ownAddress, port })).toThrow();
    });
  });

  test(`${name}: TCP: throws when all sockets of the board are in use`, async () => {
    const harness = await makeHarness({ maxSockets: 3 });
    const { close } = await connectPair(harness);
    const third = new harness.board.io.TCP({ address: harness.ownAddress, port: 9 });
    expect(() => new harness.board.io.TCP({ address: harness.ownAddress, port: 9 })).toThrow("no socket");
    third.close();
    const again = new harness.board.io.TCP({ address: harness.ownAddress, port: 9 });
    again.close();
    close();
    await harness.dispose();
  });
}
