/** Checks the wiring files of docs/boards as `npm run provision -- --board` does, and the wirings of the firmware. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { hardware as esp32Ethernet } from "../../../firmware/boards/esp32/ethernet/pins.js";
import { hardware as esp32 } from "../../../firmware/boards/esp32/pins.js";
import { hardware as esp32c3Ethernet } from "../../../firmware/boards/esp32c3/ethernet/pins.js";
import { hardware as esp32c3 } from "../../../firmware/boards/esp32c3/pins.js";
import { CHIPS, type ChipName, checkWiring } from "../../../modules/wiring/index.js";
import { readBoardFile } from "../../../platform-stub/provisioning/board-file.js";
import { ROOT } from "../../tools/imports.js";
import { BUILT_IN } from "../../virtual/board/pins.js";

const FOLDER = join(ROOT, "docs/boards");
const FILES = readdirSync(FOLDER).filter((name) => name.endsWith(".json"));

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

test.each([
  ["esp32-devkitc.json", esp32],
  ["esp32-c3-devkitm-1.json", esp32c3],
  ["esp32-wt32-eth01.json", esp32Ethernet],
] as const)(
  "docs/boards/%s is the wiring that is built into the firmware",
  (name, { chipId, ...builtIn }) => {
    const { chip, ...wiring } = readBoardFile(join(FOLDER, name)).wiring;
    expect(wiring).toEqual(builtIn);
    expect(CHIPS[chip].id).toBe(chipId);
  },
);

test.each<[ChipName, object]>([
  ["esp32", esp32],
  ["esp32", esp32Ethernet],
  ["esp32c3", esp32c3],
  ["esp32c3", esp32c3Ethernet],
  ["esp32", BUILT_IN],
])("a built-in wiring of %s is valid", (chip, hardware) => {
  const { chipId, ...wiring } = { chipId: 0, ...hardware };
  const mistakes: string[] = [];
  checkWiring({ chip, ...wiring }, (field, mistake) => mistakes.push(`${field}: ${mistake}`));
  expect(mistakes).toEqual([]);
});
