import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { EMULATOR_CONFIG } from "../../../firmware/boards/emulator/config.js";
import { cardFrame, EmulatedStation } from "../../tools/emulate/emulated-station.js";
import { findBuild, findEmulator } from "../../tools/emulate/emulator.js";
import { makeEFuses, makeFlash } from "../../tools/emulate/flash-image.js";
import { KEYED } from "../../virtual/world/signer.js";

const FAKE = join(dirname(fileURLToPath(import.meta.url)), "fake-emulator.js");

let folder: string;
let flashFile: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "plugpass-emulate-"));
  flashFile = join(folder, "flash.json");
  writeFileSync(flashFile, JSON.stringify({ starts: 0 }));
});

afterEach(() => rmSync(folder, { recursive: true }));

describe("EmulatedStation", () => {
  let station: EmulatedStation;
  const ends: string[] = [];

  beforeEach(() => {
    ends.length = 0;
    const emulator = { program: process.execPath, words: [FAKE] };
    station = new EmulatedStation({ emulator, flashFile, onEnd: (message) => ends.push(message) });
  });

  afterEach(() => station.cutPower());

  test("starts the emulator and returns the port of the HTTP API", async () => {
    await station.start();
    expect(station.url).toBe("http://127.0.0.1:41633");
    expect(await station.waitFor(/^words/)).toContain("hostfwd=tcp:127.0.0.1:0-:80");
    await expect(station.start()).rejects.toThrow("runs already");
  });

  test("sends commands to the bench and frames to the card reader", async () => {
    await station.start();
    station.bench("pilot C");
    await station.waitFor("bench: pilot C");
    station.card("0004A1B2C3");
    await station.waitFor(`reader: ${Buffer.from(cardFrame("0004A1B2C3")).toString("hex")}`);
  });

  test("keeps the flash over a power cut, which is not reported as an end", async () => {
    await station.start();
    await station.waitFor("start 1");
    await station.cutPower();
    expect(station.isRunning).toBe(false);
    expect(() => station.bench("time")).toThrow("does not run");
    await station.start();
    await station.waitFor("start 2");
    expect(station.logLines.filter((line) => line.startsWith("start"))).toEqual(["start 1", "start 2"]);
    expect(ends).toEqual([]);
  });

  test("waits only for lines since the latest mark", async () => {
    await station.start();
    await station.waitFor("start 1");
    station.mark();
    await expect(station.waitFor("start 1", 50)).rejects.toThrow(
      /not within 0\.05 s.*\n.*log.*\n {2}start 1/,
    );
  });

  test("stops waiting when the emulator ends, and reports how", async () => {
    await station.start();
    station.bench("crash");
    await expect(station.waitFor("never", 20_000)).rejects.toThrow(
      /ended before the line never: .*ended with 1\n/,
    );
    expect(ends).toEqual(["it ended with 1"]);
  });

  test("reports the output of an emulator that cannot start", async () => {
    writeFileSync(flashFile, JSON.stringify({ broken: true }));
    await expect(station.start()).rejects.toThrow("the emulator could not start: no flash");
  });

  test("reports an emulator that does not exist", async () => {
    const lost = new EmulatedStation({ emulator: { program: join(folder, "qemu") }, flashFile });
    await expect(lost.start()).rejects.toThrow(/could not start: .*ENOENT/);
  });

  test("counts instructions", async () => {
    const emulator = { program: process.execPath, words: [FAKE] };
    const recordFile = join(folder, "record");
    const counted = new EmulatedStation({ emulator, flashFile, counting: { shift: 3, recordFile } });
    await counted.start();
    expect(await counted.instructions()).toBe(1234);
    expect(await counted.waitFor(/^words/)).toContain(`-icount shift=3,rr=record,rrfile=${recordFile}`);
    await counted.cutPower();
  });

  test("gives the chip its eFuses", async () => {
    await station.start();
    expect(Uint8Array.from(readFileSync(`${flashFile}.efuse`))).toEqual(makeEFuses());
  });
});

test("a card's frame of the reader has the checksum of its five bytes", () => {
  expect(cardFrame("62E3086CED")).toBe("\x0262E3086CED08\x03");
  expect(cardFrame("GUEST-0001")).toBe("GUEST-0001\r\n");
});

test("a flash has its contents at their offsets, and is erased between them", () => {
  const flash = makeFlash([
    [0, Uint8Array.of(1, 2)],
    [0x3f_fffe, Uint8Array.of(3, 4)],
  ]);
  expect(flash).toHaveLength(0x40_0000);
  expect([...flash.subarray(0, 3), ...flash.subarray(-3)]).toEqual([1, 2, 0xff, 0xff, 3, 4]);
  expect(() => makeFlash([[0x3f_ffff, Uint8Array.of(1, 2)]])).toThrow("out of bounds");
});

test("the emulated firmware accepts the releases of the tests' signer", () => {
  expect(EMULATOR_CONFIG).toMatchObject(KEYED);
});

describe("findEmulator", () => {
  function put(...path: string[]): string {
    const file = join(folder, ...path);
    writeFileSync(file, "");
    return file;
  }

  test("prefers the given file, then the environment's, then the search path", () => {
    const file = put("qemu-system-riscv32");
    expect(findEmulator({ PATH: "/nowhere" }, file)).toEqual({ program: file });
    expect(findEmulator({ PLUGPASS_QEMU: file })).toEqual({ program: file });
    expect(findEmulator({ PATH: `/nowhere:${folder}`, IDF_TOOLS_PATH: folder })).toEqual({ program: file });
    expect(() => findEmulator({}, join(folder, "missing"))).toThrow("missing does not exist");
  });

  test("reports how to install a missing emulator", () => {
    expect(() => findEmulator({ PATH: "/nowhere", IDF_TOOLS_PATH: folder })).toThrow(
      "the emulator qemu-system-riscv32 is not installed; ESP-IDF (docs/flashing.md) installs it: python $IDF_PATH/tools/idf_tools.py install",
    );
  });
});

describe("findBuild", () => {
  test("returns the given folder if it has an image", () => {
    writeFileSync(join(folder, "xs_esp32.bin"), "");
    expect(findBuild({}, folder)).toBe(folder);
    expect(findBuild({ PLUGPASS_EMULATED_BUILD: folder })).toBe(folder);
  });

  test("reports how to build a missing image", () => {
    expect(() => findBuild({}, folder)).toThrow(`in ${folder}; build it with npm run build:esp32c3-qemu`);
    expect(() => findBuild({})).toThrow("there is no firmware for the emulator; build it with");
  });
});
