/** Tests the chip's TLS client (firmware/boards/esp32/tls) on the host's mbedTLS against servers of OpenSSL, under sanitizers. */

import { once } from "node:events";
import { appendFileSync, copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { type AddressInfo, createServer as createTCPServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer, type TlsOptions } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { skipFor } from "../optional.js";
import { CertificateMaker, type Issued } from "./certificates.js";
import { type Change, MESSAGE, openProxy } from "./reframing-proxy.js";
import { type ClientOptions, canBuildClient, TLSClient } from "./tls-client.js";

const NAME = "broker.example";
const DAY_S = 24 * 60 * 60;
const DAYS_OF_ALL = 30;
const FUZZ_COUNT = 400;
const CONNECTED = ["connected", "ok", "resumed", "ok"];
/** Anything that ends the connection before it is connected. */
const CLIENT_REFUSED = /^(invalid|refused|closed|too-long|unknown-authority|bad-certificate)$/;
const TIMEOUT_MS = 60_000;
const canRun = canBuildClient();

jest.setTimeout(TIMEOUT_MS);

if (!canRun)
  skipFor(
    "the tests of the chip's TLS need a C compiler, libmbedtls-dev and openssl (apt-get install gcc libmbedtls-dev)",
  );

(canRun ? describe : describe.skip)("the chip's TLS client", () => {
  let folder: string;
  let client: TLSClient;
  let certificates: CertificateMaker;
  let authority: Issued;
  let server: Issued;
  const open: Server[] = [];
  const sockets = new Set<Socket>();

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "plugpass-tls-"));
    client = new TLSClient(folder);
    certificates = new CertificateMaker(folder);
    authority = certificates.authority("/CN=Authority", { key: "P-384" });
    server = certificates.server(authority, [NAME]);
  });

  afterEach(() => {
    for (const one of open.splice(0)) one.close();
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  async function listen(opened: Server): Promise<number> {
    open.push(opened);
    opened.on("connection", (socket: Socket) => {
      sockets.add(socket);
      socket.on("error", () => {});
    });
    opened.listen(0, "127.0.0.1");
    await once(opened, "listening");
    return (opened.address() as AddressInfo).port;
  }

  /** Opens a server that sends back what it receives. */
  function serve(identity: Issued, chain: readonly Issued[] = [], options: TlsOptions = {}): Promise<number> {
    const cert = [identity, ...chain].map((one) => one.cert).join("\n");
    const opened = createServer({ cert, key: identity.key, ...options }, (socket) => {
      socket.on("error", () => {});
      socket.pipe(socket);
    });
    opened.on("tlsClientError", () => {});
    return listen(opened);
  }

  function to(port: number, options: Partial<ClientOptions> = {}): ClientOptions {
    return { port, host: NAME, authorities: authority.der, ...options };
  }

  async function connectTo(
    identity: Issued,
    chain: readonly Issued[] = [],
    options: Partial<ClientOptions> = {},
  ) {
    return client.connect(to(await serve(identity, chain), options));
  }

  describe("connects", () => {
    test("with an ECDSA chain, transfers data, and resumes at the second time", async () => {
      expect(await connectTo(server)).toEqual(CONNECTED);
    });

    test("with an RSA chain that has an intermediate authority", async () => {
      const root = certificates.authority("/CN=RSA root", { key: "rsa:2048" });
      const middle = certificates.authority("/CN=RSA intermediate", { key: "rsa:2048", issuer: root });
      const leaf = certificates.server(middle, [NAME], { key: "rsa:2048" });
      expect(await connectTo(leaf, [middle], { authorities: root.der })).toEqual(CONNECTED);
    });

    test("with the second of several authorities", async () => {
      const list = join(folder, "list.der");
      copyFileSync(certificates.authority("/CN=Other").der, list);
      appendFileSync(list, readFileSync(authority.der));
      expect(await connectTo(server, [], { authorities: list })).toEqual(CONNECTED);
    });

    test("with a wildcard in place of one label", async () => {
      expect(await connectTo(certificates.server(authority, ["*.example"]))).toEqual(CONNECTED);
    });

    test("by an address, if the library compares addresses", async () => {
      const host = "127.0.0.1";
      const extensions = [`subjectAltName=IP:${host}`];
      const identity = certificates.issue({ subject: "/CN=server", issuer: authority, extensions });
      const results = await connectTo(identity, [], { host });
      // Version 2.28 compares names only.
      expect(results).toEqual((await client.version()) === 2 ? ["wrong-name"] : CONNECTED);
      expect(await connectTo(identity, [], { host: "127.0.0.2" })).toEqual(["wrong-name"]);
    });

    test("with a server that prefers TLS 1.3 and has the version 1.2, too", async () => {
      const port = await serve(server, [], { minVersion: "TLSv1.2", maxVersion: "TLSv1.3" });
      expect(await client.connect(to(port))).toEqual(CONNECTED);
    });

    test("in full at the second time with a server that does not resume", async () => {
      const { constants } = await import("node:crypto");
      const port = await serve(server, [], {
        secureOptions: constants.SSL_OP_NO_TICKET,
        maxVersion: "TLSv1.2",
      });
      expect(await client.connect(to(port))).toEqual(["connected", "ok", "connected", "ok"]);
    });

    test("with a certificate of its own, if the server asks for one", async () => {
      const own = certificates.issue({ subject: "/CN=station", issuer: authority });
      const port = await serve(server, [], {
        ca: authority.cert,
        requestCert: true,
        rejectUnauthorized: true,
      });
      expect(await client.connect(to(port), own)).toEqual(CONNECTED);
      expect((await client.connect(to(port))).at(-1)).toMatch(CLIENT_REFUSED);
    });
  });

  describe("refuses the certificate", () => {
    const refuses = async (identity: Issued, chain: readonly Issued[], result: string) =>
      expect(await connectTo(identity, chain)).toEqual([result]);

    test("for another name", () =>
      refuses(certificates.server(authority, ["other.example"]), [], "wrong-name"));

    test("for another name with the right common name", () =>
      refuses(
        certificates.server(authority, ["other.example"], { subject: `/CN=${NAME}` }),
        [],
        "wrong-name",
      ));

    test("with a wildcard for more than one label", async () => {
      const identity = certificates.server(authority, ["*.example"]);
      expect(await connectTo(identity, [], { host: "a.b.example" })).toEqual(["wrong-name"]);
    });

    test("of an unknown authority", () =>
      refuses(certificates.server(certificates.authority("/CN=Stranger"), [NAME]), [], "unknown-authority"));

    test("of an authority with the name of a known one", async () => {
      const forged = certificates.authority("/CN=Authority", { key: "P-384" });
      await refuses(certificates.server(forged, [NAME]), [forged], "unknown-authority");
    });

    test("that is self-signed", () =>
      refuses(certificates.server(undefined, [NAME]), [], "unknown-authority"));

    test("that is self-signed and followed by the authority's genuine one", () =>
      refuses(certificates.server(undefined, [NAME]), [authority], "unknown-authority"));

    test("that was issued by another server's certificate", async () => {
      const other = certificates.server(authority, ["other.example"]);
      await refuses(certificates.server(other, [NAME]), [other], "unknown-authority");
    });

    test("that was issued by a certificate whose basic constraints forbid it", async () => {
      const middle = certificates.authority("/CN=No authority", {
        issuer: authority,
        extensions: ["basicConstraints=critical,CA:FALSE"],
      });
      await refuses(certificates.server(middle, [NAME]), [middle], "unknown-authority");
    });

    test("below an intermediate authority that the path length forbids", async () => {
      const root = certificates.authority("/CN=Short", {
        extensions: ["basicConstraints=critical,CA:TRUE,pathlen:0", "keyUsage=critical,keyCertSign"],
      });
      const middle = certificates.authority("/CN=Middle", { issuer: root });
      const leaf = certificates.server(middle, [NAME]);
      expect(await connectTo(leaf, [middle], { authorities: root.der })).toEqual(["unknown-authority"]);
    });

    test("that is for clients", () =>
      refuses(
        certificates.server(authority, [NAME], { extensions: ["extendedKeyUsage=clientAuth"] }),
        [],
        "bad-certificate",
      ));

    test("with an RSA key of 1024 bits", async () => {
      const port = await serve(certificates.server(authority, [NAME], { key: "rsa:1024" }), [], {
        ciphers: "DEFAULT@SECLEVEL=0",
      });
      expect(await client.connect(to(port))).toEqual(["bad-certificate"]);
    });

    test("with a signature of SHA-1", async () => {
      const port = await serve(certificates.server(authority, [NAME], { digest: "sha1" }), [], {
        ciphers: "DEFAULT@SECLEVEL=0",
      });
      expect((await client.connect(to(port)))[0]).toMatch(/^(bad-certificate|unknown-authority|invalid)$/);
    });

    test.each([
      ["after its validity", DAYS_OF_ALL + 1, "expired"],
      ["before its validity", -1, "not-yet-valid"],
      ["in 1970", -Math.floor(Date.now() / 1000 / DAY_S), "not-yet-valid"],
    ])("%s", async (_name, days, result) => {
      const nowS = Math.floor(Date.now() / 1000) + days * DAY_S;
      expect(await connectTo(server, [], { nowS })).toEqual([result]);
    });

    test("at the last day of its validity not", async () => {
      const nowS = Math.floor(Date.now() / 1000) + DAYS_OF_ALL * DAY_S - 60;
      expect(await connectTo(server, [], { nowS })).toContain("connected");
    });
  });

  describe("ends with a reason", () => {
    test.each<[string, string, (socket: Socket) => void]>([
      ["closes at once", "closed", (socket) => socket.end()],
      ["closes after the first message", "closed", (socket) => socket.once("data", () => socket.end())],
      ["answers without TLS", "invalid", (socket) => socket.end("220 this is no TLS\r\n")],
      [
        "sends a record of 16 KB",
        "too-long",
        (socket) => socket.end(Buffer.concat([Buffer.from([22, 3, 3, 0x40, 0]), Buffer.alloc(0x4000)])),
      ],
      ["sends an alert", "refused", (socket) => socket.end(Buffer.from([21, 3, 3, 0, 2, 2, 40]))],
    ])("with a server that %s", async (_name, result, behave) => {
      const port = await listen(createTCPServer((socket) => behave(socket.on("error", () => {}))));
      expect(await client.connect(to(port))).toEqual([result]);
    });

    test.each<[string, TlsOptions]>([
      ["TLS 1.1", { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" }],
      ["TLS 1.3", { minVersion: "TLSv1.3" }],
      ["key exchange without a signature", { maxVersion: "TLSv1.2", ciphers: "aNULL:@SECLEVEL=0" }],
      ["key exchange by RSA", { maxVersion: "TLSv1.2", ciphers: "AES128-SHA256" }],
    ])("with a server that has only %s", async (_name, options) => {
      const port = await serve(server, [], options);
      expect((await client.connect(to(port)))[0]).toMatch(CLIENT_REFUSED);
    });
  });

  describe("through a proxy that changes the server's first flight", () => {
    async function connectThrough(recordBytes: number, change?: Change, identity = server) {
      const behind = await serve(identity, [authority], { maxVersion: "TLSv1.2" });
      const proxy = await openProxy({ port: behind, recordBytes, ...(change && { change }) });
      open.push(proxy.server);
      proxy.server.on("connection", (socket) => sockets.add(socket));
      return client.connect(to(proxy.port));
    }

    test("connects with messages in records of their own", async () => {
      expect(await connectThrough(4096)).toContain("connected");
    });

    test.each([64, 200])(
      "connects with messages in pieces of %i bytes, if the library joins them",
      async (recordBytes) => {
        const results = await connectThrough(recordBytes);
        // Version 2.28 refuses fragments.
        if ((await client.version()) === 2) expect(results).toEqual(["invalid"]);
        else expect(results).toContain("connected");
      },
    );

    test("refuses a certificate message that is longer than its buffer", async () => {
      const long = Buffer.alloc(9000);
      long.writeUInt8(MESSAGE.certificate);
      long.writeUIntBE(long.length - 4, 1, 3);
      const [result] = await connectThrough(1000, (messages) =>
        messages.map((message) => (message[0] === MESSAGE.certificate ? long : message)),
      );
      expect(result).toBe("too-long");
    });

    const without = (message: Buffer, cut: number) => {
      const shorter = Buffer.from(message.subarray(0, message.length - cut));
      shorter.writeUIntBE(shorter.length - 4, 1, 3);
      return shorter;
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
        certificates.server(authority, [NAME]),
      );
      const [result] = await connectThrough(
        4096,
        replaced(MESSAGE.serverKeyExchange, () => [key as Buffer]),
      );
      expect(result).toMatch(CLIENT_REFUSED);
    });
  });

  test.each([1, 2, 3])("is never connected by a changed flight, and never crashes, seed %i", async (seed) => {
    const port = await serve(server, [authority], { maxVersion: "TLSv1.2" });
    const [unchanged, ...results] = await client.fuzz(to(port), FUZZ_COUNT, seed);
    // Only with all random bytes from the test can a handshake be repeated.
    if ((await client.version()) < 4) expect(unchanged).toBe("ok");
    expect(results).toEqual(["fuzzed"]);
  });
});
