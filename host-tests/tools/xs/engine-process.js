/**
 * Process with the XS engine: receives JSON lines `{source}` or `{snapshotFile}`, sends `{reports, bytecodes, slots}` or
 * `{error}`. It is a separate process because @endo/init, which xsnap requires, hardens every built-in of its
 * process.
 */

import "@endo/init";
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { type } from "node:os";
import { createInterface } from "node:readline";

const { xsnap } = await import("@agoric/xsnap");

const UTF8 = new TextDecoder();
let reports = [];

const worker = await xsnap({
  os: type(),
  spawn,
  fs: { ...fs, ...fs.promises },
  name: "plugpass",
  stdout: "ignore",
  stderr: "inherit",
  meteringLimit: 0,
  handleCommand: (message) => {
    reports.push(JSON.parse(UTF8.decode(message)));
    return new Uint8Array();
  },
});

for await (const line of createInterface({ input: process.stdin })) {
  reports = [];
  const { source, snapshotFile } = JSON.parse(line);
  const answer = await (snapshotFile === undefined ? evaluate(source) : writeSnapshot(snapshotFile));
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await worker.terminate();

async function evaluate(source) {
  try {
    const { meterUsage } = await worker.evaluate(source);
    return { reports, bytecodes: meterUsage.compute, slots: meterUsage.currentHeapCount };
  } catch (error) {
    return { error: error.message };
  }
}

async function writeSnapshot(file) {
  try {
    await fs.promises.writeFile(file, worker.makeSnapshotStream());
    return {};
  } catch (error) {
    return { error: error.message };
  }
}
