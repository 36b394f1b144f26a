import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { MosquittoPorts } from "../../../platform-stub/mosquitto.js";
import type { Identity } from "../../virtual/node-board/authority.js";
import { skipFor } from "../optional.js";

const STARTS = 5;

export interface Mosquitto {
  /** Port for stations. */
  readonly port: number;
  /** Port for the platform. */
  readonly platformPort: number;
  /** Port of the TLS listener. `undefined` without an `identity`. */
  readonly tlsPort: number | undefined;
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** Returns the path of the broker. Without one, logs how to install it and returns `undefined`. */
export function findMosquitto(): string | undefined {
  const folders = [
    ...(process.env.PATH ?? "").split(delimiter),
    "/usr/sbin",
    "/usr/local/sbin",
    "/opt/homebrew/sbin",
  ];
  const found = folders.map((folder) => join(folder, "mosquitto")).find((file) => existsSync(file));
  if (found !== undefined) return found;
  skipFor("Mosquitto is not installed; apt-get install mosquitto (or brew install mosquitto)");
  return undefined;
}

/** Runs Mosquitto on a free loopback port, with its files in a temporary directory. */
export async function startMosquitto(options: {
  readonly program: string;
  /** Writes the files that the configuration needs, and returns its lines. Called with both free ports. */
  readonly configure: (directory: string, ports: MosquittoPorts) => readonly string[];
  /** Opens a second listener with TLS and this certificate. */
  readonly identity?: Identity;
}): Promise<Mosquitto> {
  const directory = mkdtempSync(join(tmpdir(), "plugpass-mosquitto-"));
  const { identity } = options;
  let child: ChildProcess | undefined;
  let port = 0;
  let platformPort = 0;
  let tlsPort: number | undefined;

  async function launch(): Promise<void> {
    const config = join(directory, "mosquitto.conf");
    const lines = options.configure(directory, { stations: port, platform: platformPort });
    // As root, Mosquitto would change to a user who cannot read the files.
    const text = ["user root", ...lines, ...tlsLines(), ""].join("\n");
    writeFileSync(config, text);
    child = spawn(options.program, ["-c", config], { stdio: "ignore" });
    // It opens its listeners one after the other.
    const ports = Array.from(text.matchAll(/^listener (\d+)/gm), ([, digits]) => Number(digits));
    for (const one of ports) {
      if (await isReady(child, one)) continue;
      const { exitCode, signalCode } = child;
      await ended(child);
      throw new Error(`mosquitto does not listen on port ${one}; it ended with ${signalCode ?? exitCode}`);
    }
  }

  function tlsLines(): string[] {
    if (!identity || tlsPort === undefined) return [];
    const [cert, key] = [join(directory, "server.pem"), join(directory, "server.key")];
    writeFileSync(cert, identity.cert);
    writeFileSync(key, identity.key);
    return [`listener ${tlsPort} 127.0.0.1`, `certfile ${cert}`, `keyfile ${key}`];
  }

  for (let tried = 1; ; tried++) {
    port = await freePort();
    platformPort = await freePort();
    if (identity) tlsPort = await freePort();
    try {
      await launch();
      break;
    } catch (error) {
      // Another process may have taken the port meanwhile.
      if (tried === STARTS) throw error;
    }
  }
  return {
    port,
    platformPort,
    tlsPort,
    start: launch,
    stop: async () => {
      await ended(child);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function ended(child: ChildProcess | undefined): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((done) => child.once("exit", done));
  child.kill();
  await exit;
}

async function isReady(child: ChildProcess, port: number): Promise<boolean> {
  for (let tried = 0; tried < 200 && child.exitCode === null && child.signalCode === null; tried++) {
    if (await answers(port)) return true;
    await sleep(25);
  }
  return false;
}

function answers(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.once("connect", () => {
      socket.destroy();
      done(true);
    });
    socket.once("error", () => done(false));
  });
}

function freePort(): Promise<number> {
  return new Promise((done) => {
    const server = createServer().listen({ port: 0, host: "127.0.0.1" }, () => {
      const address = server.address();
      server.close(() => done(typeof address === "object" && address ? address.port : 0));
    });
  });
}
