import { spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Board, Updater } from "../../../modules/board/index.js";
import { Download } from "../../../modules/updates/download.js";
import { Installation, parseURL } from "../../../modules/updates/index.js";
import { Device } from "../../virtual/board/index.js";
import { NodeClock, nodeParts } from "../../virtual/node-board/index.js";
import { makeImage } from "../../virtual/world/firmware-image.js";
import { maker } from "../../virtual/world/signer.js";
import { World } from "../../virtual/world/world.js";
import { type Percentiles, percentiles } from "./percentiles.js";

export interface UpdateBench {
  readonly runs: number;
  readonly imageBytes: number;
  /** Time to download, check, hash and verify the image, ms. The flash takes no time. */
  readonly stationMs: Percentiles;
  /** Time that curl reports for the same file from the same server, ms. */
  readonly curlMs: Percentiles;
  /** Ratio stationMs / curlMs. */
  readonly ratio: Percentiles;
  /** Peak heap use beyond the start, bytes, after garbage collection. */
  readonly peakHeapBytes: number;
}

/** Size of the image, bytes. The ESP32-C3's firmware has about the same size. */
const IMAGE_BYTES = 1_376_256;
const signature = maker.sign(makeImage({ version: 2, byteLength: IMAGE_BYTES }));
const WARM_UP_RUNS = 5;
const SAMPLE_BYTES = 16_384;

/** Measures station and curl alternately. */
export async function benchUpdate({ runs }: { runs: number }): Promise<UpdateBench> {
  const server = spawn(
    process.execPath,
    ["scripts/run.js", "host-tests/tools/bench/repository-server.ts", String(IMAGE_BYTES)],
    {
      stdio: ["pipe", "pipe", "inherit"],
    },
  );
  const [url] = await new Promise<string[]>((done) => {
    createInterface({ input: server.stdout }).once("line", (line) => done([line]));
  });
  if (url === undefined) throw new Error("the server did not start");
  const clock = new NodeClock();
  const board = boardOn(clock);
  const stationMs: number[] = [];
  const curlMs: number[] = [];
  for (let run = -WARM_UP_RUNS; run < runs; run++) {
    const ofStation = await download(board, url, () => {});
    const ofCurl = curl(url);
    if (run < 0) continue;
    stationMs.push(ofStation);
    curlMs.push(ofCurl);
  }
  const peakHeapBytes = await peakHeap(board, url);
  server.stdin.end();
  clock.dispose();
  const ratio = stationMs.map((ms, i) => ms / (curlMs[i] ?? Number.NaN));
  return {
    runs,
    imageBytes: IMAGE_BYTES,
    stationMs: percentiles(stationMs),
    curlMs: percentiles(curlMs),
    ratio: percentiles(ratio),
    peakHeapBytes,
  };
}

/** Board whose flash stores nothing, so that the measurement does not include it. */
function boardOn(clock: NodeClock): Board {
  const device = new Device(new World(clock), { replace: (firmware) => nodeParts(firmware) });
  let made: Board | undefined;
  device.boot((board) => {
    made = board;
  });
  const updater: Updater = { write: () => {}, complete: () => {}, close: () => {} };
  return { ...(made as unknown as Board), openUpdate: () => updater };
}

/** Returns the time from the request until the image is selected for the next start, ms. */
function download(board: Board, url: string, onProgress: (bytes: number) => void): Promise<number> {
  const parsed = parseURL(url);
  if (!parsed) throw new Error(`${url} is not a URL`);
  const startMs = performance.now();
  return new Promise((done, fail) => {
    new Download({
      board,
      url: parsed,
      headers: {},
      expected: { version: 2, size: IMAGE_BYTES },
      begin: (expected) => {
        const { publicKey: trust } = maker;
        return new Installation({ board, productId: "plugpass", runningVersion: 1, trust, expected });
      },
      onProgress,
      onDone: (installation) => {
        const refusal = installation.finish({ signature });
        if (refusal) fail(new Error(refusal.message));
        else done(performance.now() - startMs);
      },
      onRefused: ({ message }) => fail(new Error(message)),
      onFailed: (why) => fail(new Error(why)),
    });
  });
}

function curl(url: string): number {
  const args = ["--silent", "--fail", "--output", "/dev/null", "--write-out", "%{time_total}", url];
  const { status, stdout, error } = spawnSync("curl", args, { encoding: "utf8" });
  if (error || status !== 0)
    throw new Error("curl failed or is not installed; install curl to compare with it");
  return 1000 * Number(stdout);
}

async function peakHeap(board: Board, url: string): Promise<number> {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  const inUse = () => {
    collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const before = inUse();
  let peak = before;
  let sampledAt = 0;
  await download(board, url, (bytes) => {
    if (bytes - sampledAt < SAMPLE_BYTES) return;
    sampledAt = bytes;
    peak = Math.max(peak, inUse());
  });
  return peak - before;
}
