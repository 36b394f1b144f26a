/** Tests TLS of Node's board against a real server: the certificate's name, chain and dates are verified. */

import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer as createTCPServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { encodeUTF8, equalBytes } from "../../../modules/bytes/index.js";
import type { ClientCertificate } from "../../../modules/settings/index.js";
import { ClientAuthority } from "../../../platform-stub/provisioning/client-authority.js";
import { Authority, type Identity } from "../../virtual/node-board/authority.js";
import { Random } from "../../virtual/world/random.js";
import type { RadioHarness } from "../contracts/gatt.js";
import { End } from "../contracts/pair.js";
import { nodeHarness } from "./harness.js";

const NAME = "broker.example";
const ADDRESS = "127.0.0.1";
/** Time within which a wrong second report would arrive, ms. */
const A_WHILE_MS = 50;

describe("TLS on Node's board", () => {
  let authority: Authority;
  let identity: Identity;
  let harness: RadioHarness;
  let server: Server;
  let sockets: Socket[] = [];
  let clients: End[] = [];

  beforeAll(() => {
    authority = new Authority();
    identity = authority.issue({ name: NAME, addresses: [ADDRESS] });
  });

  afterEach(async () => {
    for (const client of clients) client.socket.close();
    for (const socket of sockets) socket.destroy();
    clients = [];
    sockets = [];
    await harness.dispose();
    await new Promise((done) => server.close(done));
  });

  /** Opens a connection from a board that trusts `authority`. The server echoes what it receives. */
  function connect(options: { identity?: Identity; host?: string } = {}): Promise<End> {
    const echo = (socket: Socket) => {
      socket.on("error", () => {});
      socket.on("data", (bytes) => socket.write(bytes));
    };
    return connectTo(createServer(options.identity ?? identity, echo), options);
  }

  async function connectTo(
    opened: Server,
    { host = NAME, own }: { host?: string; own?: ClientCertificate } = {},
  ): Promise<End> {
    server = opened;
    server.on("connection", (socket) => sockets.push(socket));
    server.listen(0, ADDRESS);
    await once(server, "listening");
    harness = await nodeHarness({ ca: authority.cert, clientCertificate: () => own });
    const client = new End(harness, { port: (server.address() as AddressInfo).port, host });
    clients.push(client);
    return client;
  }

  async function expectHandshakeFailure(client: End): Promise<void> {
    await harness.until("the connection ends", () => client.isOver);
    await harness.pass(A_WHILE_MS);
    expect(client.calls).toEqual(["handshake failed", "error"]);
  }

  test.each([NAME, ADDRESS])("accepts a certificate for %s and transfers data both ways", async (host) => {
    const client = await connect({ host });
    const data = new Random(7).bytes(100_000);
    await harness.until("the handshake is done", () => client.isOpen);
    client.send(data);
    await harness.until("the server has echoed everything", () => client.received.length === data.length);
    expect(equalBytes(client.received, data)).toBe(true);
    expect(client.calls).not.toContain("handshake failed");
  });

  describe("with a server that asks for a certificate", () => {
    let folder: string;
    let clientAuthority: { cert: string; issue: () => ClientCertificate };

    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), "plugpass-mtls-"));
      const file = join(folder, "authority.pem");
      const stations = new Authority("Stations");
      writeFileSync(file, stations.cert + stations.key);
      const issuer = new ClientAuthority(file);
      clientAuthority = { cert: stations.cert, issue: () => issuer.issue("cafe-1a2b3c4d", new Date()) };
    });

    afterAll(() => rmSync(folder, { recursive: true }));

    function connectWith(own?: ClientCertificate): { client: Promise<End>; names: Promise<string> } {
      const options = { ...identity, ca: clientAuthority.cert, requestCert: true, rejectUnauthorized: true };
      let opened: Server | undefined;
      const names = new Promise<string>((done) => {
        opened = createServer(options, (socket) => {
          socket.on("error", () => {});
          done(String(socket.getPeerCertificate().subject.CN));
        }).on("tlsClientError", () => done("refused"));
      });
      return { client: connectTo(opened as Server, own && { own }), names };
    }

    test("proves its device id by the provisioned certificate", async () => {
      const { client, names } = connectWith(clientAuthority.issue());
      expect(await names).toBe("cafe-1a2b3c4d");
      expect((await client).calls).not.toContain("handshake failed");
    });

    test("is refused without one", async () => {
      const { client, names } = connectWith();
      expect(await names).toBe("refused");
      const refused = await client;
      await harness.until("the connection ends", () => refused.isOver);
    });
  });

  test("throws on a write before the handshake is done", async () => {
    const client = await connect();
    expect(() => client.socket.write(encodeUTF8("early"))).toThrow("not ready");
  });

  test.each(["other.example", "127.0.0.2"])("rejects a certificate that is not for %s", async (host) => {
    await expectHandshakeFailure(await connect({ host }));
  });

  test("rejects a certificate of an unknown authority", async () => {
    const stranger = new Authority().issue({ name: NAME });
    await expectHandshakeFailure(await connect({ identity: stranger }));
  });

  test("rejects an expired certificate", async () => {
    await expectHandshakeFailure(
      await connect({ identity: authority.issue({ name: NAME, validForMs: -60_000 }) }),
    );
  });

  test("keeps its checks enabled with NODE_TLS_REJECT_UNAUTHORIZED=0", async () => {
    const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
    try {
      await expectHandshakeFailure(await connect({ host: "other.example" }));
    } finally {
      if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
      else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before;
    }
  });

  test.each<[string, (socket: Socket) => void]>([
    ["closes at once", (socket) => socket.end()],
    ["closes after the client's first message", (socket) => socket.once("data", () => socket.end())],
    [
      "resets after the client's first message",
      (socket) => socket.once("data", () => socket.resetAndDestroy()),
    ],
    ["answers without TLS", (socket) => socket.end("220 this is no TLS\r\n")],
  ])("reports a failed handshake with a server that %s", async (_name, serve) => {
    await expectHandshakeFailure(await connectTo(createTCPServer(serve)));
  });

  test("reports a refused TCP connection as an error without a failed handshake", async () => {
    const client = await connect();
    await harness.until("the handshake is done", () => client.isOpen);
    const { port } = server.address() as AddressInfo;
    for (const socket of sockets) socket.destroy();
    server.close();
    const refused = new End(harness, { port, host: NAME });
    clients.push(refused);
    await harness.until("the connection is refused", () => refused.isOver);
    expect(refused.calls).toEqual(["error"]);
  });

  test("reports the end of a connection after the handshake as an error without a failed handshake", async () => {
    const client = await connect();
    await harness.until("the handshake is done", () => client.isOpen);
    for (const socket of sockets) socket.end();
    await harness.until("the end is reported", () => client.isOver);
    expect(client.calls).not.toContain("handshake failed");
  });
});
