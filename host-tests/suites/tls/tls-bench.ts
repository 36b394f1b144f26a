import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo, Server, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer, type TLSSocket, type TlsOptions } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, jest } from "@jest/globals";
import { skipFor } from "../optional.js";
import { CertificateMaker, type Issued } from "./certificates.js";
import { type ClientOptions, canBuildClient, TLSClient } from "./tls-client.js";

/** Name of the server in all tests. */
export const NAME = "broker.example";
export const DAY_S = 24 * 60 * 60;
/** Anything that ends the connection before it is connected. */
export const CLIENT_REFUSED =
  /^(invalid|refused|closed|too-long|chain-too-long|unknown-authority|bad-certificate)$/;
/** Whether the library has TLS 1.3 and buffers of 16 KB. CI's has not; DEVELOPMENT.md says how another one is tested. */
export const HAS_TLS_1_3 = process.env.PLUGPASS_TLS_1_3 === "1";
const TIMEOUT_MS = 30_000;
const canRun = canBuildClient();

export interface ServeOptions extends TlsOptions {
  /** In place of sending back what the server receives. */
  readonly behave?: (socket: TLSSocket) => void;
}

/** The chip's TLS client, compiled for this machine, an authority, and servers of OpenSSL. */
export class TLSBench {
  folder!: string;
  client!: TLSClient;
  certificates!: CertificateMaker;
  authority!: Issued;
  /** Identity for `NAME` by `authority`. */
  server!: Issued;
  readonly #open: Server[] = [];
  readonly #sockets = new Set<Socket>();

  start(): void {
    this.folder = mkdtempSync(join(tmpdir(), "plugpass-tls-"));
    this.client = new TLSClient(this.folder);
    this.certificates = new CertificateMaker(this.folder);
    this.authority = this.certificates.authority("/CN=Authority", { key: "P-384" });
    this.server = this.certificates.server(this.authority, [NAME]);
  }

  closeServers(): void {
    for (const one of this.#open.splice(0)) one.close();
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }

  /** Starts a server on a free port, which it returns. */
  async listen(opened: Server): Promise<number> {
    this.#open.push(opened);
    opened.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => {});
    });
    if (!opened.listening) {
      opened.listen(0, "127.0.0.1");
      await once(opened, "listening");
    }
    return (opened.address() as AddressInfo).port;
  }

  /** Opens a TLS server that sends back what it receives; by default with TLS 1.2 only. */
  serve(
    identity: Issued,
    chain: readonly Issued[] = [],
    { behave = (socket) => socket.pipe(socket), ...options }: ServeOptions = {},
  ): Promise<number> {
    const versions: TlsOptions = options.minVersion ? {} : { maxVersion: "TLSv1.2" };
    const cert = [identity, ...chain].map((one) => one.cert).join("\n");
    const opened = createServer({ cert, key: identity.key, ...versions, ...options }, (socket) => {
      socket.on("error", () => {});
      behave(socket);
    });
    opened.on("tlsClientError", () => {});
    return this.listen(opened);
  }

  to(port: number, options: Partial<ClientOptions> = {}): ClientOptions {
    return { port, host: NAME, authorities: this.authority.der, ...options };
  }

  async connectTo(
    identity: Issued,
    chain: readonly Issued[] = [],
    options: Partial<ClientOptions> = {},
  ): Promise<string[]> {
    return this.client.connect(this.to(await this.serve(identity, chain), options));
  }
}

/** Describes tests that need the chip's TLS client. They are skipped without a compiler and the library. */
export function describeTLS(title: string, tests: (bench: TLSBench) => void): void {
  jest.setTimeout(TIMEOUT_MS);
  if (!canRun)
    skipFor(
      "the tests of the chip's TLS need a C compiler, libmbedtls-dev and openssl (apt-get install gcc libmbedtls-dev)",
    );
  (canRun ? describe : describe.skip)(title, () => {
    const bench = new TLSBench();
    beforeAll(() => bench.start());
    afterEach(() => bench.closeServers());
    afterAll(() => bench.remove());
    tests(bench);
  });
}
