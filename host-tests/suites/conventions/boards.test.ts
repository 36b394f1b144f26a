/** Checks the wiring files of docs/boards as `npm run provision -- --board` does, and the wirings of the firmware. */

import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import type { Hardware } from "../../../firmware/boards/esp32/hardware.js";
import { CHIPS, checkWiring, WIRING_RULES } from "../../../modules/wiring/index.js";
import { readBoardFile } from "../../../platform-stub/provisioning/board-file.js";
import { ROOT } from "../../tools/imports.js";
import { BUILT_IN } from "../../virtual/board/pins.js";

const FOLDER = join(ROOT, "docs/boards");
const FILES = readdirSync(FOLDER).filter((name) => name.endsWith(".json"));

/** Folders of `firmware/boards` with a built-in wiring. */
const BOARDS = readdirSync(join(ROOT, "firmware/boards"), { recursive: true, encoding: "utf8" })
  .filter((path) => basename(path) === "pins.ts")
  .map((path) => dirname(path));

async function hardwareOf(board: string): Promise<Hardware> {
  return (await import(join(ROOT, "firmware/boards", board, "pins.ts"))).hardware;
}

describe.each(FILES)("docs/boards/%s", (name) => {
  test("is a valid wiring with a name, the source of its pins, and notes", () => {
    expect(() => readBoardFile(join(FOLDER, name))).not.toThrow();
    const board = JSON.parse(readFileSync(join(FOLDER, name), "utf8"));
    expect(board).toMatchObject({ name: expect.any(String), source: expect.any(String) });
    expect(board.notes.join(" ")).toMatch(/\b(not )?tried on hardware/i);
  });

  test("is in docs/flashing.md", () => {
    expect(readFileSync(join(ROOT, "docs/flashing.md"), "utf8")).toContain(`(boards/${name})`);
  });
});

test("docs/flashing.md has each field of a wiring", () => {
  const document = readFileSync(join(ROOT, "docs/flashing.md"), "utf8");
  const fields = Object.entries(WIRING_RULES).flatMap(([name, rule]) =>
    typeof rule === "number" || Array.isArray(rule) ? [name] : [name, ...Object.keys(rule)],
  );
  expect(fields.filter((field) => !new RegExp(`\\b${field}\\b`).test(document))).toEqual([]);
});

test.each([
  ["esp32-devkitc.json", "esp32"],
  ["esp32-c3-devkitm-1.json", "esp32c3"],
  ["wt32-eth01.json", "esp32/ethernet"],
])("docs/boards/%s is the built-in wiring of %s", async (name, board) => {
  const { chip, ...wiring } = readBoardFile(join(FOLDER, name)).wiring;
  const { chipId, ...builtIn } = await hardwareOf(board);
  expect(wiring).toEqual(builtIn);
  expect(CHIPS[chip].id).toBe(chipId);
});

test.each(BOARDS)("the built-in wiring of firmware/boards/%s is valid", async (board) => {
  const { chipId, ...wiring } = await hardwareOf(board);
  const [chip] = Object.entries(CHIPS).find(([, { id }]) => id === chipId) ?? [];
  expect(mistakesIn({ chip, ...wiring })).toEqual([]);
});

test("the wiring of the virtual board is valid", () => {
  expect(mistakesIn({ chip: "esp32", ...BUILT_IN })).toEqual([]);
});

function mistakesIn(wiring: Record<string, unknown>): string[] {
  const mistakes: string[] = [];
  checkWiring(wiring, (field, mistake) => mistakes.push(`${field}: ${mistake}`));
  return mistakes;
}
