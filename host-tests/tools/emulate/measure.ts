/** Measures what the chip needs for each step: instructions, and free memory afterwards. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Registry, startPlatform } from "../../../platform-stub/index.js";
import { EmulatedStation, HOST_ADDRESS } from "./emulated-station.js";
import type { Emulator } from "./emulator.js";
import { readProgram, writeFlash } from "./flash-image.js";
import { pair, statusOf } from "./http.js";
import { makeIdentity } from "./identity.js";

/** Each instruction takes 8 ns: 125 million in a second, about as many as an ESP32-C3 at 160 MHz. */
const SHIFT = 3;
const OWNER = { email: "owner@cafe.example", token: "token-of-the-owner" } as const;
const CARD = "0004A1B2C3";
const DEVICE = "emulated-1";
const IDLE_MS = 60_000;
const SETTLE_MS = 5000;
const STEP_TIMEOUT_MS = 120_000;

export interface Step {
  readonly name: string;
  readonly instructions: number;
  /** The chip's own report after the step. */
  readonly heap: string;
}

export interface MeasureOptions {
  readonly emulator: Emulator;
  /** Folder of the built images. */
  readonly build: string;
  readonly print: (line: string) => void;
}

/** Runs the steps and prints a table in Markdown. */
export async function measure({ emulator, build, print }: MeasureOptions): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "plugpass-emulate-"));
  const registry = new Registry();
  registry.addUser(OWNER);
  const { key } = registry.addDevice({ id: DEVICE, owner: OWNER.email });
  registry.putTag({ tag: CARD, owner: OWNER.email });
  const platform = await startPlatform({ registry });
  const flashFile = join(folder, "flash.bin");
  writeFlash(flashFile, { program: readProgram(build), identity: makeIdentity({ id: DEVICE, key }).image });
  const counting = { shift: SHIFT, recordFile: join(folder, "record.bin") };
  const station = new EmulatedStation({ emulator, flashFile, counting });
  try {
    const steps = await runSteps(station, platform.port);
    for (const line of tableOf(steps)) print(line);
  } finally {
    await station.cutPower();
    await platform.close();
    rmSync(folder, { recursive: true });
  }
}

async function runSteps(station: EmulatedStation, brokerPort: number): Promise<Step[]> {
  const steps: Step[] = [];
  const step = async (name: string, run: () => Promise<unknown>) => {
    const before = await station.instructions();
    await run();
    const instructions = (await station.instructions()) - before;
    steps.push({ name, instructions, heap: await heapOf(station) });
  };
  await station.start();
  await step("start, until the HTTP API answers", () => statusOf(station, STEP_TIMEOUT_MS));
  await step("pairing, until the station is online", async () => {
    await pair(station, {
      wsp: OWNER.email,
      token: OWNER.token,
      host: HOST_ADDRESS,
      brport: String(brokerPort),
    });
    await station.waitFor("station: online", STEP_TIMEOUT_MS);
  });
  await sleep(SETTLE_MS);
  await step("vehicle plugged in", async () => {
    station.mark();
    station.bench("pilot B");
    await station.waitFor("charging: plugged");
  });
  await step("authorization by the card reader", async () => {
    station.mark();
    station.card(CARD);
    await station.waitFor("charging: authorized");
  });
  await step("vehicle requests energy", async () => {
    station.mark();
    station.bench("pilot C");
    await station.waitFor("bench: contactor closed");
  });
  await step("vehicle unplugged, session reported", async () => {
    station.mark();
    station.bench("pilot A");
    await station.waitFor("charging: available");
  });
  await sleep(SETTLE_MS);
  await step("one idle minute, online", () => sleep(IDLE_MS));
  return steps;
}

async function heapOf(station: EmulatedStation): Promise<string> {
  station.mark();
  station.bench("heap");
  const line = await station.waitFor("bench: heap");
  return line.replace(/^.*bench: heap /, "");
}

function tableOf(steps: readonly Step[]): string[] {
  return [
    "| step | instructions | heap afterwards |",
    "|---|---|---|",
    ...steps.map(({ name, instructions, heap }) => `| ${name} | ${thousands(instructions)} | ${heap} |`),
  ];
}

function thousands(count: number): string {
  return count.toLocaleString("en-US");
}
