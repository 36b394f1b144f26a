import { beforeEach, describe, expect, test } from "@jest/globals";
import { encodeUTF8 } from "../../../modules/bytes/index.js";
import { Bench } from "./bench.js";

let log: string[];
let changes: number;
let bench: Bench;

function receive(text: string): void {
  bench.receive(encodeUTF8(text).buffer);
}

beforeEach(() => {
  log = [];
  changes = 0;
  bench = new Bench({ log: (line) => log.push(line), heap: () => "150000", monotonicMs: () => 1234 });
  bench.onPilotChanged = () => changes++;
});

describe("the bench of the emulated chip", () => {
  test.each([
    ["A", 12_000],
    ["B", 9000],
    ["C", 6000],
    ["D", 3000],
    ["E", 0],
    ["F", -12_000],
    ["7500", 7500],
  ])("sets the pilot to %s", (word, highMv) => {
    bench.setDuty(266);
    receive(`pilot ${word}\n`);
    expect(bench.levels).toEqual({ highMv, lowMv: -12_000 });
    expect(log.at(-1)).toBe(`bench: pilot ${highMv} -12000`);
    expect(changes).toBe(1);
  });

  test("shows a vehicle without a diode by its lowest voltage", () => {
    bench.setDuty(266);
    receive("pilot 6000 -6000\r\n");
    expect(bench.levels).toEqual({ highMv: 6000, lowMv: -6000 });
  });

  test("measures no negative half while the pilot is steady, and no positive one at steady -12 V", () => {
    receive("pilot B\n");
    expect(bench.levels).toEqual({ highMv: 9000, lowMv: 9000 });
    bench.setDuty(0);
    expect(bench.levels).toEqual({ highMv: -12_000, lowMv: -12_000 });
  });

  test("shows duty and contactor when they change", () => {
    bench.setDuty(266);
    bench.setDuty(266);
    bench.setContactor(true);
    bench.setContactor(false);
    expect(log).toEqual(["bench: duty 266", "bench: contactor closed", "bench: contactor open"]);
  });

  test("answers time and heap, also of commands that arrive in pieces", () => {
    receive("ti");
    receive("me\nhe");
    receive("ap\n\n");
    expect(log).toEqual(["bench: time 1234000", "bench: heap 150000"]);
  });

  test.each(["pilot\n", "pilot X\n", "pilot 1.5\n", "pilot 6000 low\n", "jump\n", `${"x".repeat(70)}\n`])(
    "does not change for %j",
    (line) => {
      receive(line);
      expect(changes).toBe(0);
      expect(bench.levels).toEqual({ highMv: 12_000, lowMv: 12_000 });
    },
  );
});
