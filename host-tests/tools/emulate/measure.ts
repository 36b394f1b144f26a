/** Measures what the chip needs for each step: instructions, and free memory afterwards. */

import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createServer, type Server } from "node:tls";
import type { MemoryUse } from "../../../modules/board/index.js";
import { Registry, startPlatform } from "../../../platform-stub/index.js";
import { builtInAuthority } from "./authority.js";
import { EmulatedStation, HOST_ADDRESS } from "./emulated-station.js";
import type { Emulator } from "./emulator.js";
import { writeFlash } from "./flash-image.js";
import { loginOf, pair, statusOf, upload } from "./http.js";
import { makeIdentity } from "./identity.js";
import { makeRelease, readProgramAs } from "./release.js";

/** Each instruction takes 8 ns: 125 million in a second, about as many as an ESP32-C3 at 160 MHz. */
const SHIFT = 3;
const OWNER = { email: "owner@cafe.example", token: "token-of-the-owner" } as const;
const CARD = "0004A1B2C3";
const DEVICE = "emulated-1";
const IDLE_MS = 60_000;
const SETTLE_MS = 5000;
/** Number of looks at the heap, one a second: packets on their way take some of it for a moment. */
const HEAP_LOOKS = 15;
const HEAP_LOOK_MS = 1000;
const STEP_TIMEOUT_MS = 120_000;

export interface Step {
  readonly name: string;
  readonly instructions: number;
  /** The chip's own report after the step. */
  readonly memory: MemoryUse;
}

export interface MeasureOptions {
  readonly emulator: Emulator;
  /** Folder of the built images. */
  readonly build: string;
  readonly print: (line: string) => void;
}

/** Runs the steps and prints a table in Markdown. */
export async function measure({ emulator, build, print }: MeasureOptions): Promise<void> {
  const registry = new Registry();
  registry.addUser(OWNER);
  const { key } = registry.addDevice({ id: DEVICE, owner: OWNER.email });
  registry.putTag({ tag: CARD, owner: OWNER.email });
  const platform = await startPlatform({ registry });
  const folder = mkdtempSync(join(tmpdir(), "plugpass-emulate-"));
  const steps: Step[] = [];
  const { image, adminPassword } = makeIdentity({ id: DEVICE, key });
  const onNewBoard = async (run: (measured: MeasuredStation) => Promise<void>) => {
    const flashFile = join(folder, "flash.bin");
    writeFlash(flashFile, { program: readProgramAs(build, 1), identity: image });
    const counting = { shift: SHIFT, recordFile: join(folder, "record.bin") };
    const station = new EmulatedStation({ emulator, flashFile, counting });
    try {
      await station.start();
      await run(new MeasuredStation(station, steps));
    } finally {
      await station.cutPower();
    }
  };
  try {
    let plainFreeBytes = 0;
    await onNewBoard(async (measured) => {
      plainFreeBytes = await pairPlain(measured, platform.port);
      await chargeOnce(measured);
      await measured.step("firmware upload, until it is accepted", async () => {
        const answer = await upload(measured.station, loginOf(adminPassword), makeRelease(build, 2));
        if (answer.status !== 200) throw new Error(`the upload failed: ${answer.body}`);
      });
    });
    await onNewBoard(async (measured) => {
      const [before, after] = await connectOverTLS(measured, platform.port, () =>
        measured.station.instructions(),
      );
      await measured.add("TLS handshake", after - before);
      const { heapFreeBytes, heapLowestBytes } = await measured.settledMemory();
      const held = thousands(plainFreeBytes - heapFreeBytes);
      const most = thousands(plainFreeBytes - heapLowestBytes);
      print(`an open TLS connection holds ${held} bytes of the heap; its handshake takes ${most} at most`);
    });
    await onNewBoard(async (measured) => {
      const hold = () => measured.holdMs();
      await statusOf(measured.station, STEP_TIMEOUT_MS);
      await hold();
      const [before, during] = await connectOverTLS(measured, platform.port, hold);
      await sleep(SETTLE_MS);
      const holds = `${before} ms before the TLS handshake, ${during} ms during it, ${await hold()} ms after it`;
      print(`the engine was held for at most ${holds}`);
    });
    for (const line of tableOf(steps)) print(line);
  } finally {
    await platform.close();
    rmSync(folder, { recursive: true });
  }
}

class MeasuredStation {
  readonly station: EmulatedStation;
  readonly #steps: Step[];

  constructor(station: EmulatedStation, steps: Step[]) {
    this.station = station;
    this.#steps = steps;
  }

  async step(name: string, run: () => Promise<unknown>): Promise<void> {
    const before = await this.station.instructions();
    await run();
    await this.add(name, (await this.station.instructions()) - before);
  }

  async add(name: string, instructions: number): Promise<void> {
    this.#steps.push({ name, instructions, memory: await this.#memory() });
  }

  /** Sends a command to the bench, and waits for the line that follows from it. */
  bench(command: string, line: string): Promise<string> {
    this.station.mark();
    this.station.bench(command);
    return this.station.waitFor(line, STEP_TIMEOUT_MS);
  }

  /** Sets the clock, which certificates need. */
  async setClock(): Promise<void> {
    await this.bench(`clock ${Date.now()}`, "bench: clock");
  }

  /** Returns the longest time that the engine could not run a timer since the last call, ms. */
  async holdMs(): Promise<number> {
    return Number((await this.bench("hold", "bench: hold")).replace(/^.*bench: hold /, ""));
  }

  /** Returns the memory of an idle station: the look with most free heap. */
  async settledMemory(): Promise<MemoryUse> {
    await sleep(SETTLE_MS);
    let most = await this.#memory();
    for (let i = 1; i < HEAP_LOOKS; i++) {
      await sleep(HEAP_LOOK_MS);
      const memory = await this.#memory();
      if (memory.heapFreeBytes > most.heapFreeBytes) most = memory;
    }
    return most;
  }

  async #memory(): Promise<MemoryUse> {
    return JSON.parse((await this.bench("heap", "bench: heap")).replace(/^.*bench: heap /, ""));
  }
}

async function pairWith(station: EmulatedStation, fields: Readonly<Record<string, string>>): Promise<void> {
  await pair(station, { wsp: OWNER.email, token: OWNER.token, host: HOST_ADDRESS, ...fields });
  await station.waitFor("station: online", STEP_TIMEOUT_MS);
}

/** Pairs a new board, without TLS. Returns the free heap of the idle station, bytes. */
async function pairPlain(measured: MeasuredStation, brokerPort: number): Promise<number> {
  const { station } = measured;
  await measured.step("start, until the HTTP API answers", () => statusOf(station, STEP_TIMEOUT_MS));
  await measured.setClock();
  await measured.step("pairing, until the station is online", () =>
    pairWith(station, { brport: String(brokerPort) }),
  );
  return (await measured.settledMemory()).heapFreeBytes;
}

/** A paired station charges once and is idle for a minute. */
async function chargeOnce(measured: MeasuredStation): Promise<void> {
  const { station } = measured;
  await measured.step("vehicle plugged in", () => measured.bench("pilot B", "charging: plugged"));
  await measured.step("authorization by the card reader", async () => {
    station.mark();
    station.card(CARD);
    await station.waitFor("charging: authorized", STEP_TIMEOUT_MS);
  });
  await measured.step("vehicle requests energy, until the contactor closes", () =>
    measured.bench("pilot C", "bench: contactor closed"),
  );
  await measured.step("vehicle unplugged, until the session has ended", () =>
    measured.bench("pilot A", "charging: available"),
  );
  await sleep(SETTLE_MS);
  await measured.step("one idle minute, online", () => sleep(IDLE_MS));
}

/** Pairs a new board over TLS: RSA-2048, a chain of two certificates. Returns what was observed before and after a handshake. */
async function connectOverTLS(
  measured: MeasuredStation,
  brokerPort: number,
  observe: () => Promise<number>,
): Promise<readonly [before: number, after: number]> {
  const { station } = measured;
  await statusOf(station, STEP_TIMEOUT_MS);
  await measured.setClock();
  const observed: number[] = [];
  const server = await serveTLS(brokerPort, async () => {
    observed.push(await observe());
  });
  try {
    const { port } = server.address() as AddressInfo;
    await pairWith(station, { brport: String(brokerPort), mqtts_port: String(port) });
    const [before = 0, after = 0] = await station.until(
      "a TLS handshake",
      () => observed.length > 1 && observed,
    );
    return [before, after];
  } finally {
    server.close();
  }
}

/** Serves TLS in front of the broker. `observe` is called for each connection, and for each finished handshake. */
async function serveTLS(brokerPort: number, observe: () => Promise<void>): Promise<Server> {
  const identity = builtInAuthority().issueChain({ name: HOST_ADDRESS, addresses: [HOST_ADDRESS] });
  const server = createServer(identity, (socket) => {
    const broker = connect(brokerPort, "127.0.0.1");
    socket.pipe(broker).pipe(socket);
    for (const one of [socket, broker]) one.on("error", () => socket.destroy());
    void observe();
  });
  server.on("connection", () => void observe());
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return server;
}

function tableOf(steps: readonly Step[]): string[] {
  return [
    "| step | instructions | free heap, bytes | lowest | engine's memory in use | never used | its task's stack, never used |",
    "|---|---|---|---|---|---|---|",
    ...steps.map(({ name, instructions, memory }) => {
      const { heapFreeBytes, heapLowestBytes } = memory;
      const { engineUsedBytes, engineLowestBytes, taskStackLowestBytes } = memory;
      const bytes = [
        heapFreeBytes,
        heapLowestBytes,
        engineUsedBytes,
        engineLowestBytes,
        taskStackLowestBytes,
      ];
      return `| ${[name, ...[instructions, ...bytes].map(thousands)].join(" | ")} |`;
    }),
  ];
}

function thousands(count: number): string {
  return count.toLocaleString("en-US");
}
