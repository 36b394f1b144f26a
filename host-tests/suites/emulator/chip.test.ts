/** The firmware on an emulated ESP32-C3: ROM, bootloader, flash, ESP-IDF and XS are those of a board. */

import { describe, test } from "@jest/globals";
import { findLab } from "./chip-bench.js";
import { describeFirstStart } from "./first-start.js";
import { describeGuard } from "./guard.js";
import { describeOnline } from "./online.js";
import { describePanel } from "./panel.js";
import { describePowerCuts } from "./power-cuts.js";
import { describeUpdates } from "./updates.js";

const lab = findLab();

describe("the emulated chip", () => {
  if (typeof lab === "string") {
    // Neither Debian nor npm has the emulator, so it cannot be required anywhere.
    process.stderr.write(`skipped: ${lab}\n`);
    test.todo("runs where the vendor's emulator and a firmware for it are installed");
    return;
  }
  process.stderr.write("not tested: the emulated chip has no radio, so there are no hostile phones\n");
  describeFirstStart(lab);
  describeOnline(lab);
  describeGuard(lab);
  describePanel(lab);
  describePowerCuts(lab);
  describeUpdates(lab);
});
