/** The guard's decisions (firmware/boards/esp32/guard/guard-core.c) and their twin of the virtual board. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { GuardCore, type GuardInputs } from "../../virtual/board/guard-core.js";
import { Random } from "../../virtual/world/random.js";
import { skipFor } from "../optional.js";

const SOURCES = fileURLToPath(new URL("../../../firmware/boards/esp32/guard", import.meta.url));
const COMPILER = process.env.CC ?? "cc";
const FLAGS = [
  "-std=c11",
  "-Wall",
  "-Wextra",
  "-Wconversion",
  "-Werror",
  "-I",
  SOURCES,
  "-I",
  join(SOURCES, ".."),
];
const SANITIZED = ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
/** Short limits: the lease and the feedback are counted, and no other limit depends on them. */
const SHORT = ["-O2", "-DGUARD_LEASE_TICKS=12", "-DGUARD_FEEDBACK_TICKS=5"];
/** Options with which everything is wired and allowed. */
const EVERYTHING = "31";
const PERIODS = 30_000;
/** The last periods of each cycle have nothing but a lease that expires. */
const CYCLE_PERIODS = 3000;
const LEASE_PERIODS = 400;
const hasCompiler = spawnSync(COMPILER, ["--version"]).status === 0;

if (!hasCompiler) skipFor(`the tests of ${SOURCES} need a C compiler, for example "apt-get install gcc"`);

/** Faults planted in the core: a text of the source and its replacement, and the property that each breaks. */
const PLANTED: readonly (readonly [name: string, from: string, to: string, broken: string])[] = [
  ["no pilot check", "guard->pilot_ticks >= GUARD_PILOT_TICKS", "false", "pilot was in C or D"],
  ["no lease check", "guard->lease_ticks >= GUARD_LEASE_TICKS", "false", "a lease younger"],
  [
    "a lease that each request renews",
    "!inputs->is_renewed && !is_new_request",
    "!inputs->is_renewed && !inputs->is_requested",
    "a lease younger",
  ],
  [
    "a residual current that does not open",
    "if (fault != GUARD_NONE)\n\t\treturn fault;\n\tif (guard->pilot_ticks",
    "if (fault != GUARD_NONE && fault != GUARD_RESIDUAL_CURRENT)\n\t\treturn fault;\n\tif (guard->pilot_ticks",
    "no residual current",
  ],
  [
    "no residual current",
    "options->has_residual_current && inputs->has_residual_current",
    "false",
    "at -12 V",
  ],
  [
    "no temperature cut-off",
    "options->has_cut_off && inputs->is_too_hot",
    "false",
    "temperature cut-off is closed",
  ],
  [
    "a contactor that may stay stuck open",
    "if (fault != GUARD_NONE)\n\t\treturn fault;\n\tif (guard->pilot_ticks",
    "if (fault != GUARD_NONE && fault != GUARD_STUCK_OPEN)\n\t\treturn fault;\n\tif (guard->pilot_ticks",
    "feedback has matched",
  ],
  ["no feedback check", "guard->mismatch_ticks >= GUARD_FEEDBACK_TICKS", "false", "at -12 V"],
  [
    "a contactor that closes again by itself",
    "inputs->is_requested && !guard->was_requested",
    "inputs->is_requested",
    "tells the reason|only at a new request",
  ],
  [
    "a contactor that closes without a diode",
    "guard->pilot_ticks > 0 || inputs->is_steady",
    "guard->pilot_ticks > 0",
    "only at a new request",
  ],
  [
    "a contactor that closes on a bounce",
    "guard->pilot_ticks > 0 ||",
    "guard->pilot_ticks > 2 ||",
    "only at a new request",
  ],
  [
    "a contactor that closes on a closed feedback",
    "guard->options.has_feedback && inputs->is_feedback_closed)",
    "false)",
    "only at a new request",
  ],
  [
    "a request that is not released",
    "reason == GUARD_NONE && inputs->is_requested",
    "reason == GUARD_NONE",
    "the engine requests it",
  ],
  [
    "a latched fault that is forgotten",
    "if (guard->latched != GUARD_NONE)",
    "if (false)",
    "no latched fault",
  ],
  [
    "an acknowledgement while the cause lasts",
    "fault != GUARD_RESIDUAL_CURRENT && guard->mismatch_ticks == 0",
    "true",
    "at -12 V",
  ],
  ["no latch", "guard->latched = fault", "guard->latched = GUARD_NONE", "at -12 V"],
  [
    "a residual current that hides a weld",
    "if (fault == GUARD_WELDED || (fault",
    "if ((fault == GUARD_WELDED && guard->latched == GUARD_NONE) || (fault",
    "shunt trip",
  ],
  [
    "ventilation without permission",
    "options->allows_ventilation ?",
    "true ?",
    "pilot was in C or D|only at a new request",
  ],
  ["no shunt trip", "guard->options.has_shunt_trip && guard", "false && guard", "shunt trip"],
  ["a shunt trip that is not wired", "guard->options.has_shunt_trip && guard", "guard", "shunt trip"],
  ["no -12 V", ".is_unavailable = guard->latched != GUARD_NONE", ".is_unavailable = false", "at -12 V"],
  [
    "no reason",
    "reason = opening_reason(guard, fault);\n\t\tguard->is_closed = reason == GUARD_NONE",
    "guard->is_closed = opening_reason(guard, fault) == GUARD_NONE",
    "tells the reason",
  ],
  ["a contactor that never closes", "guard->is_closed = reason == GUARD_NONE;", "", "closes when it may"],
];

(hasCompiler ? describe : describe.skip)("the guard", () => {
  let folder: string;
  const core = join(SOURCES, "guard-core.c");

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "plugpass-guard-"));
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  /** Compiles a program of the core and a test. */
  function compile(program: string, flags: readonly string[], source = core): string {
    const file = join(folder, "program");
    const words = [...FLAGS, ...flags, source, join(SOURCES, program), "-o", file];
    const { status, stderr } = spawnSync(COMPILER, words, { encoding: "utf8" });
    expect([status, stderr]).toEqual([0, ""]);
    return file;
  }

  test("passes its table of cases", () => {
    const { status, stderr } = spawnSync(compile("guard-core.test.c", SANITIZED), { encoding: "utf8" });
    expect([status, stderr]).toEqual([0, ""]);
  });

  test.each([1, 2, 3, 4])("decides as its twin of the virtual board, seed %i", (seed) => {
    const random = new Random(seed);
    const bits = seed === 1 ? Number(EVERYTHING) : random.int(32);
    const twin = new GuardCore({
      hasFeedback: (bits & 1) > 0,
      hasResidualCurrent: (bits & 2) > 0,
      hasCutOff: (bits & 4) > 0,
      hasShuntTrip: (bits & 8) > 0,
      allowsVentilation: (bits & 16) > 0,
    });
    const lines: string[] = [];
    const expected: string[] = [];
    let isClosed = false;
    for (const inputs of sequence(random, () => isClosed)) {
      const outputs = twin.step(inputs);
      isClosed = outputs.isContactorClosed;
      lines.push(lineOf(inputs));
      expected.push(
        [outputs.isContactorClosed, outputs.isShuntTripped, outputs.isUnavailable, outputs.reason]
          .map(Number)
          .join(""),
      );
    }
    expect(new Set(expected).size).toBeGreaterThan(2);
    const program = compile("guard-core.test.c", SANITIZED);
    const { stdout } = spawnSync(program, [String(bits)], { input: lines.join("\n"), encoding: "utf8" });
    const printed = stdout.trim().split("\n");
    const at = printed.findIndex((line, i) => line !== expected[i]);
    expect([at, printed.length]).toEqual([-1, PERIODS]);
  });

  test.each([1, 2, 3, 4])("skips periods in the twin as if it had performed them, seed %i", (seed) => {
    const random = new Random(seed);
    const options = {
      hasFeedback: true,
      hasResidualCurrent: true,
      hasCutOff: true,
      hasShuntTrip: true,
      allowsVentilation: true,
    };
    const [whole, skipping] = [new GuardCore(options), new GuardCore(options)];
    let isClosed = false;
    let skipped = 0;
    for (let block = 0; block < 500; block++) {
      const held: GuardInputs = {
        ...CHARGING,
        highMv: random.bool(0.7) ? 6000 : random.pick(PILOTS_MV),
        isRequested: random.bool(0.8),
        isFeedbackClosed: isClosed !== random.bool(0.1),
      };
      const periods = 2 + random.int(400);
      const first = { ...held, isRenewed: random.bool(), isAcknowledged: random.bool() };
      let expected = whole.step(first);
      for (let i = 1; i < periods; i++) expected = whole.step(held);
      let found = skipping.step(first);
      // A contactor that switches changes an input, so that the period after it is performed.
      let hasSwitched = true;
      for (let left = periods - 1; left > 0; ) {
        const idle = hasSwitched ? 0 : Math.min(left, skipping.idlePeriods);
        skipping.idle(idle);
        skipped += idle;
        left -= Math.max(1, idle);
        if (idle > 0) continue;
        const before = found;
        found = skipping.step(held);
        hasSwitched = found.isContactorClosed !== before.isContactorClosed;
      }
      isClosed = expected.isContactorClosed;
      expect({ ...found, reason: 0 }).toEqual({ ...expected, reason: 0 });
      expect(skipping.idlePeriods).toBe(whole.idlePeriods);
    }
    expect(skipped).toBeGreaterThan(10_000);
  });

  test("waits in the twin for a change while the contactor is open, and for the lease while it is closed", () => {
    const twin = new GuardCore({
      hasFeedback: true,
      hasResidualCurrent: false,
      hasCutOff: false,
      hasShuntTrip: false,
      allowsVentilation: false,
    });
    twin.step({ ...CHARGING, isRequested: false });
    expect(twin.idlePeriods).toBe(Number.POSITIVE_INFINITY);
    twin.step(CHARGING);
    twin.step({ ...CHARGING, isFeedbackClosed: true });
    expect(twin.idlePeriods).toBe(298);
  });

  test("keeps its properties in every state that it can reach, with every wiring", () => {
    const short = spawnSync(compile("guard-core.explore.c", SHORT), { encoding: "utf8" });
    expect(short.stdout).toMatch(/^32 wirings, \d{5,} states, \d{8,} steps, 13 properties\n$/);
    const whole = spawnSync(compile("guard-core.explore.c", ["-O2"]), [EVERYTHING, "1"], {
      encoding: "utf8",
    });
    expect(whole.stdout).toMatch(/^1 wirings, \d{6,} states, \d{8,} steps, 13 properties\n$/);
    process.stderr.write(`the guard: ${short.stdout.trim()}; with the limits of the chip: ${whole.stdout}`);
  }, 60_000);

  test.each(PLANTED)("the exploration finds %s", (_name, from, to, broken) => {
    const text = readFileSync(core, "utf8");
    expect(text.split(from)).toHaveLength(2);
    const planted = join(folder, "planted.c");
    writeFileSync(
      planted,
      text.replace(from, () => to),
    );
    const flags = [...SHORT, "-Wno-unused-parameter", "-Wno-unused-variable", "-Wno-unused-function"];
    const { status, stdout } = spawnSync(compile("guard-core.explore.c", flags, planted), {
      encoding: "utf8",
    });
    expect(stdout).toMatch(new RegExp(`^broken: .*(${broken})`));
    expect(status).toBe(1);
  });
});

const PILOTS_MV = [12_000, 9000, 7500, 7499, 6000, 6000, 6000, 4500, 4499, 3000, 1500, 1499, 0, -12_000];

const CHARGING: GuardInputs = {
  highMv: 6000,
  lowMv: -12_000,
  isSteady: false,
  isRequested: true,
  isRenewed: false,
  isAcknowledged: false,
  hasResidualCurrent: false,
  isFeedbackClosed: false,
  isTooHot: false,
};

/** Inputs as of a station with long runs of charging, and faults. */
function* sequence(random: Random, isClosed: () => boolean): Generator<GuardInputs> {
  let base = { highMv: 6000, lowMv: -12_000, isSteady: false, isRequested: true, isRenewing: true };
  let isMismatched = true;
  for (let i = 0; i < PERIODS; i++) {
    const untilNext = CYCLE_PERIODS - (i % CYCLE_PERIODS);
    if (untilNext <= LEASE_PERIODS) {
      // A latched fault is acknowledged, then comes a new request.
      const isFirst = untilNext > LEASE_PERIODS - 2;
      yield { ...CHARGING, isRequested: !isFirst, isAcknowledged: isFirst, isFeedbackClosed: isClosed() };
      continue;
    }
    if (random.bool(0.02)) base = { ...base, highMv: random.bool(0.7) ? 6000 : random.pick(PILOTS_MV) };
    if (random.bool(0.01)) base = { ...base, lowMv: random.pick([-12_000, -12_000, -10_500, -10_499, 6000]) };
    if (random.bool(0.01)) base = { ...base, isSteady: random.bool(0.2) };
    if (random.bool(0.05)) base = { ...base, isRequested: random.bool(0.8) };
    if (random.bool(0.004)) base = { ...base, isRenewing: random.bool() };
    if (random.bool(0.03)) isMismatched = random.bool(0.15);
    yield {
      ...base,
      isRenewed: base.isRenewing && random.bool(0.05),
      isAcknowledged: random.bool(0.02),
      hasResidualCurrent: random.bool(0.002),
      isFeedbackClosed: isClosed() !== isMismatched,
      isTooHot: random.bool(0.002),
    };
  }
}

/** Line of the C program: the flags' bits are those of `replay` in guard-core.test.c. */
function lineOf(inputs: GuardInputs): string {
  const flags = [
    inputs.isRequested,
    inputs.isRenewed,
    inputs.isAcknowledged,
    inputs.hasResidualCurrent,
    inputs.isFeedbackClosed,
    inputs.isTooHot,
    inputs.isSteady,
  ];
  return `${inputs.highMv} ${inputs.lowMv} ${flags.reduce((sum, flag, i) => sum + (flag ? 1 << i : 0), 0)}`;
}
