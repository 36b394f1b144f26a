/** Tests attacks on an established TLS connection of the chip, and on its resumption. */

import { constants } from "node:crypto";
import { connect, createServer, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { describe, expect, test } from "@jest/globals";
import { DAY_S, describeTLS, NAME } from "./tls-bench.js";

const HEADER_BYTES = 5;
const APPLICATION_DATA = 23;
/** Longer than any record that the client accepts, but not than TLS allows (RFC 5246 6.2.3). */
const LONG_BYTES = 0x4101;

/** Attack of a proxy that has received the server's first two records of application data, and forwarded neither. */
type Attack = (client: Socket, first: Buffer, second: Buffer) => void;

/** Opens a proxy that forwards a server's records until those of application data. */
function attackingProxy(port: number, attack: Attack) {
  return createServer((client) => {
    const upstream = connect(port, "127.0.0.1");
    const held: Buffer[] = [];
    let received = Buffer.alloc(0);
    upstream.on("data", (bytes) => {
      received = Buffer.concat([received, bytes]);
      while (received.length >= HEADER_BYTES) {
        const end = HEADER_BYTES + received.readUInt16BE(3);
        if (received.length < end) return;
        const record = received.subarray(0, end);
        received = received.subarray(end);
        if (record[0] !== APPLICATION_DATA) client.write(record);
        else if (held.push(record) === 2) attack(client, held[0] as Buffer, record);
      }
    });
    client.on("data", (bytes) => upstream.write(bytes));
    for (const socket of [client, upstream]) socket.on("error", () => {});
    client.on("close", () => upstream.destroy());
  });
}

function withLastByteChanged(record: Buffer): Buffer {
  const last = record.length - 1;
  return Buffer.from(record).fill((record[last] as number) ^ 1, last);
}

describeTLS("the chip's TLS client", (bench) => {
  const TLS_1_2 = { maxVersion: "TLSv1.2" } as const;

  test.each<[string, string, Attack]>([
    ["is cut within a record", "closed", (client, record) => client.end(record.subarray(0, -1))],
    ["is cut within a header", "closed", (client, record) => client.end(record.subarray(0, 3))],
    ["is closed without an alert", "closed", (client) => client.end()],
    ["is closed by a forged alert", "invalid", (client) => client.end(Buffer.from([21, 3, 3, 0, 2, 1, 0]))],
    [
      "has a record with a changed byte",
      "invalid",
      (client, record) => client.write(withLastByteChanged(record)),
    ],
    ["has a record twice", "invalid", (client, record) => client.write(Buffer.concat([record, record]))],
    ["lacks a record", "invalid", (client, _record, second) => client.write(second)],
    [
      "has a record that is not encrypted",
      "invalid",
      (client) => client.write(Buffer.from([APPLICATION_DATA, 3, 3, 0, 2, 65, 66])),
    ],
    [
      "has a record of more than 16 KB",
      "too-long",
      (client) => client.write(Buffer.from([APPLICATION_DATA, 3, 3, LONG_BYTES >> 8, LONG_BYTES & 0xff, 0])),
    ],
  ])("ends a connection that %s, and reads nothing of it", async (_name, result, attack) => {
    // A client that waits for an answer gets it in two records.
    const behave = (socket: TLSSocket) =>
      socket.on("data", (bytes) => {
        socket.write(bytes.subarray(0, 100));
        socket.write(bytes.subarray(100));
      });
    const behind = await bench.serve(bench.server, [], { ...TLS_1_2, behave });
    const port = await bench.listen(attackingProxy(behind, attack));
    expect(await bench.client.connect(bench.to(port))).toEqual(["connected", result]);
  });

  test("holds no buffers of its own while idle, and ends a connection without memory for the next bytes", async () => {
    const port = await bench.serve(bench.server);
    expect(await bench.client.starve(bench.to(port))).toEqual(["ok", "no-memory"]);
  });

  test("refuses to renegotiate", async () => {
    const errors: string[] = [];
    const behave = (socket: TLSSocket) => {
      socket.on("error", (error) => errors.push(error.message));
      socket.once("data", () => socket.renegotiate({}, () => errors.push("renegotiated")));
    };
    const port = await bench.serve(bench.server, [], { ...TLS_1_2, behave });
    const [, result] = await bench.client.connect(bench.to(port));
    expect(result).not.toBe("ok");
    expect(errors).toEqual([expect.stringMatching(/no renegotiation/)]);
  });

  describe("resumes", () => {
    const results = async (host: string, afterS: number, secureOptions = 0) => {
      const both = bench.certificates.server(bench.authority, [NAME, "other.example"]);
      const port = await bench.serve(both, [], { ...TLS_1_2, secureOptions });
      const nowS = Math.floor(Date.now() / 1000) + DAY_S;
      return bench.client.resume(bench.to(port, { nowS }), { host, afterS });
    };

    test.each([
      ["tickets", 0],
      ["session identifiers", constants.SSL_OP_NO_TICKET],
    ])("a handshake of less than a day ago, with %s of the server", async (_name, secureOptions) => {
      const resumed = await results(NAME, DAY_S - 60, secureOptions);
      // Node's server keeps no sessions itself.
      expect(resumed).toEqual(["connected", "ok", secureOptions === 0 ? "resumed" : "connected", "ok"]);
    });

    test.each([
      ["another name of the same server", "other.example", 0],
      ["a handshake of a day ago", NAME, DAY_S],
      ["a handshake of later than now", NAME, -60],
    ])("not %s", async (_name, host, afterS) => {
      expect(await results(host, afterS)).toEqual(["connected", "ok", "connected", "ok"]);
    });

    test("not even to check the certificate for another name", async () => {
      const port = await bench.serve(bench.server, [], TLS_1_2);
      const resumed = await bench.client.resume(bench.to(port), { host: "other.example", afterS: 0 });
      expect(resumed).toEqual(["connected", "ok", "wrong-name"]);
    });
  });
});
