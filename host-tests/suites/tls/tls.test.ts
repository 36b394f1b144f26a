/** Tests the chip's TLS client (firmware/boards/esp32/tls) on the host's mbedTLS against servers of OpenSSL, under sanitizers. */

import { appendFileSync, copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { createServer as createTCPServer, type Socket } from "node:net";
import { join } from "node:path";
import type { TlsOptions } from "node:tls";
import { describe, expect, test } from "@jest/globals";
import { ClientAuthority } from "../../../platform-stub/provisioning/client-authority.js";
import { type Change, MESSAGE, openProxy } from "./reframing-proxy.js";
import { CLIENT_REFUSED, describeTLS, HAS_TLS_1_3, NAME } from "./tls-bench.js";

const FUZZ_COUNT = 400;
const TLS_1_2 = { maxVersion: "TLSv1.2" } as const;
const CONNECTED = ["connected", "ok", "resumed", "ok"];

describeTLS("the chip's TLS client", (bench) => {
  describe("connects", () => {
    test("with an ECDSA chain, transfers data, and resumes at the second time", async () => {
      expect(await bench.connectTo(bench.server)).toEqual(CONNECTED);
    });

    test("with an RSA chain that has an intermediate authority", async () => {
      const root = bench.certificates.authority("/CN=RSA root", { key: "rsa:2048" });
      const middle = bench.certificates.authority("/CN=RSA intermediate", { key: "rsa:2048", issuer: root });
      const leaf = bench.certificates.server(middle, [NAME], { key: "rsa:2048" });
      expect(await bench.connectTo(leaf, [middle], { authorities: root.der })).toEqual(CONNECTED);
    });

    test("with the second of several authorities", async () => {
      const list = join(bench.folder, "list.der");
      copyFileSync(bench.certificates.authority("/CN=Other").der, list);
      appendFileSync(list, readFileSync(bench.authority.der));
      expect(await bench.connectTo(bench.server, [], { authorities: list })).toEqual(CONNECTED);
    });

    test("with a wildcard in place of one label", async () => {
      expect(await bench.connectTo(bench.certificates.server(bench.authority, ["*.example"]))).toEqual(
        CONNECTED,
      );
    });

    test("by an address, if the library compares addresses", async () => {
      const host = "127.0.0.1";
      const extensions = [`subjectAltName=IP:${host}`];
      const identity = bench.certificates.issue({
        subject: "/CN=server",
        issuer: bench.authority,
        extensions,
      });
      const results = await bench.connectTo(identity, [], { host });
      // Version 2.28 compares names only.
      expect(results).toEqual((await bench.client.version()) === 2 ? ["wrong-name"] : CONNECTED);
      expect(await bench.connectTo(identity, [], { host: "127.0.0.2" })).toEqual(["wrong-name"]);
    });

    test("with a server that prefers TLS 1.3 and has the version 1.2, too", async () => {
      const port = await bench.serve(bench.server, [], { minVersion: "TLSv1.2", maxVersion: "TLSv1.3" });
      expect(await bench.client.connect(bench.to(port))).toEqual(CONNECTED);
    });

    test("in full at the second time with a server that does not resume", async () => {
      const { constants } = await import("node:crypto");
      const port = await bench.serve(bench.server, [], {
        secureOptions: constants.SSL_OP_NO_TICKET,
        maxVersion: "TLSv1.2",
      });
      expect(await bench.client.connect(bench.to(port))).toEqual(["connected", "ok", "connected", "ok"]);
    });

    test.each(["P-256", "rsa:2048"] as const)(
      "with the certificate of provisioning, by an authority with a key %s",
      async (key) => {
        const issuer = bench.certificates.authority("/CN=Stations", { key });
        const file = join(bench.folder, "client-authority.pem");
        writeFileSync(file, issuer.cert + issuer.key);
        const { certificate, key: ownKey } = new ClientAuthority(file).issue("cafe-1a2b3c4d", new Date());
        const own = { der: join(bench.folder, "own.der"), keyDer: join(bench.folder, "own.key.der") };
        writeFileSync(own.der, new Uint8Array(certificate));
        writeFileSync(own.keyDer, new Uint8Array(ownKey));
        const options = { ca: issuer.cert, requestCert: true, rejectUnauthorized: true };
        const port = await bench.serve(bench.server, [], options);
        expect(await bench.client.connect(bench.to(port), own)).toEqual(CONNECTED);
      },
    );

    test("with a certificate of its own, if the server asks for one", async () => {
      const own = bench.certificates.issue({ subject: "/CN=station", issuer: bench.authority });
      const port = await bench.serve(bench.server, [], {
        ca: bench.authority.cert,
        requestCert: true,
        rejectUnauthorized: true,
      });
      expect(await bench.client.connect(bench.to(port), own)).toEqual(CONNECTED);
      expect((await bench.client.connect(bench.to(port))).at(-1)).toMatch(CLIENT_REFUSED);
    });
  });

  describe("ends with a reason", () => {
    test.each<[string, string, (socket: Socket) => void]>([
      ["closes at once", "closed", (socket) => socket.end()],
      ["closes after the first message", "closed", (socket) => socket.once("data", () => socket.end())],
      ["answers without TLS", "invalid", (socket) => socket.end("220 this is no TLS\r\n")],
      [
        "sends a record of more than 16 KB",
        "too-long",
        (socket) => socket.end(Buffer.concat([Buffer.from([22, 3, 3, 0x41, 1]), Buffer.alloc(0x4101)])),
      ],
      ["sends an alert", "refused", (socket) => socket.end(Buffer.from([21, 3, 3, 0, 2, 2, 40]))],
    ])("with a server that %s", async (_name, result, behave) => {
      const port = await bench.listen(createTCPServer((socket) => behave(socket.on("error", () => {}))));
      expect(await bench.client.connect(bench.to(port))).toEqual([result]);
    });

    test.each<[string, TlsOptions]>([
      ["TLS 1.0", { minVersion: "TLSv1", maxVersion: "TLSv1", ciphers: "DEFAULT@SECLEVEL=0" }],
      ["TLS 1.1", { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" }],
      ["key exchange without a signature", { ...TLS_1_2, ciphers: "aNULL:@SECLEVEL=0" }],
      ["key exchange by RSA", { ...TLS_1_2, ciphers: "AES128-GCM-SHA256" }],
      [
        "key exchange without elliptic curves",
        { ...TLS_1_2, ciphers: "DHE-RSA-AES128-GCM-SHA256", dhparam: "auto" },
      ],
      ["encryption without AEAD", { ...TLS_1_2, ciphers: "ECDHE-RSA-AES128-SHA256" }],
    ])("with a server that has only %s", async (_name, options) => {
      const identity = bench.certificates.server(bench.authority, [NAME], { key: "rsa:2048" });
      const [result] = await bench.client.connect(bench.to(await bench.serve(identity, [], options)));
      expect(result).toMatch(CLIENT_REFUSED);
    });
  });

  describe("through a proxy that changes the server's first flight", () => {
    async function connectThrough(recordBytes: number, change?: Change, identity = bench.server) {
      const behind = await bench.serve(identity, [bench.authority], TLS_1_2);
      const proxy = openProxy({ port: behind, recordBytes, ...(change && { change }) });
      return bench.client.connect(bench.to(await bench.listen(proxy)));
    }

    test("connects with messages in records of their own", async () => {
      expect(await connectThrough(4096)).toContain("connected");
    });

    test.each([64, 200])(
      "connects with messages in pieces of %i bytes, if the library joins them",
      async (recordBytes) => {
        const results = await connectThrough(recordBytes);
        // Version 2.28 refuses fragments.
        if ((await bench.client.version()) === 2) expect(results).toEqual(["invalid"]);
        else expect(results).toContain("connected");
      },
    );

    test("refuses a certificate message that is longer than its buffer", async () => {
      const long = Buffer.alloc(20_000);
      long.writeUInt8(MESSAGE.certificate);
      long.writeUIntBE(long.length - 4, 1, 3);
      const [result] = await connectThrough(1000, (messages) =>
        messages.map((message) => (message[0] === MESSAGE.certificate ? long : message)),
      );
      expect(result).toBe("chain-too-long");
    });

    const without = (message: Buffer, cut: number) => {
      const shorter = Buffer.from(message.subarray(0, message.length - cut));
      shorter.writeUIntBE(shorter.length - 4, 1, 3);
      return shorter;
    };
    /** Changes the suite of a ServerHello, behind its version, random bytes and session identifier. */
    const withSuite = (message: Buffer, suite: number) => {
      const other = Buffer.from(message);
      other.writeUInt16BE(suite, 39 + (message[38] as number));
      return other;
    };
    const replaced = (type: number, by: (message: Buffer) => Buffer[]) => (messages: readonly Buffer[]) =>
      messages.flatMap((message) => (message[0] === type ? by(message) : [message]));

    test.each<[string, Change]>([
      ["without a certificate", replaced(MESSAGE.certificate, () => [])],
      [
        "with an empty list of certificates",
        replaced(MESSAGE.certificate, () => [Buffer.from([11, 0, 0, 3, 0, 0, 0])]),
      ],
      ["without a key exchange", replaced(MESSAGE.serverKeyExchange, () => [])],
      [
        "with a key exchange without its signature",
        replaced(MESSAGE.serverKeyExchange, (one) => [Buffer.from([12, 0, 0, 69, ...one.subarray(4, 73)])]),
      ],
      [
        "with a key exchange whose signature is cut",
        replaced(MESSAGE.serverKeyExchange, (one) => [without(one, 20)]),
      ],
      [
        "with a key exchange that says that its signature uses SHA-1",
        replaced(MESSAGE.serverKeyExchange, (one) => [
          Buffer.concat([one.subarray(0, 73), Buffer.from([2, 3]), one.subarray(75)]),
        ]),
      ],
      [
        "with a key exchange for a weaker curve than offered",
        replaced(MESSAGE.serverKeyExchange, (one) => [
          Buffer.concat([one.subarray(0, 5), Buffer.from([0, 19]), one.subarray(7)]),
        ]),
      ],
      [
        "with another point in the key exchange",
        replaced(MESSAGE.serverKeyExchange, (one) => [
          Buffer.from(one).fill((one[40] as number) ^ 1, 40, 41),
        ]),
      ],
      ["for TLS 1.1", replaced(MESSAGE.serverHello, (one) => [Buffer.from(one).fill(2, 5, 6)])],
      ["for TLS 1.0", replaced(MESSAGE.serverHello, (one) => [Buffer.from(one).fill(1, 5, 6)])],
      ["for a suite that was not offered", replaced(MESSAGE.serverHello, (one) => [withSuite(one, 0x002f)])],
      [
        "for a suite of another kind of key",
        replaced(MESSAGE.serverHello, (one) => [withSuite(one, 0xc02f)]),
      ],
      ["with two certificate messages", replaced(MESSAGE.certificate, (one) => [one, one])],
      ["with the end only", (messages) => messages.slice(-1)],
    ])("refuses a flight %s", async (_name, change) => {
      const [result] = await connectThrough(4096, change);
      expect(result).toMatch(CLIENT_REFUSED);
    });

    test("refuses a key exchange that another key has signed", async () => {
      let key: Buffer | undefined;
      await connectThrough(
        4096,
        (messages) => {
          key = messages.find((message) => message[0] === MESSAGE.serverKeyExchange);
          return messages;
        },
        bench.certificates.server(bench.authority, [NAME]),
      );
      const [result] = await connectThrough(
        4096,
        replaced(MESSAGE.serverKeyExchange, () => [key as Buffer]),
      );
      expect(result).toMatch(CLIENT_REFUSED);
    });
  });

  test.each([1, 2, 3])("is never connected by a changed flight, and never crashes, seed %i", async (seed) => {
    const port = await bench.serve(bench.server, [bench.authority], TLS_1_2);
    const [unchanged, ...results] = await bench.client.fuzz(bench.to(port), FUZZ_COUNT, seed);
    // Only with all random bytes from the test can a handshake be repeated.
    if ((await bench.client.version()) < 4 && !HAS_TLS_1_3) expect(unchanged).toBe("ok");
    expect(results).toEqual(["fuzzed"]);
  });
});
