import { describe, expect, test } from "@jest/globals";
import type { ResetReason } from "../board/index.js";
import { MAX_VERSION } from "./image.js";
import { nextCheck, parseTimeOfDay } from "./schedule.js";
import { evaluate, type Trial, updateFormat } from "./trial.js";
import { parseURL, redirected, urlOf } from "./url.js";
import { parseVersionAnswer } from "./version-answer.js";

const POWER = "the power failed before the new firmware was validated";
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

describe("parseURL and redirected", () => {
  test.each([
    ["https://a.example", { tls: true, host: "a.example", port: 443, path: "/" }],
    ["http://10.0.0.1:8080/x/y.bin?z=1", { tls: false, host: "10.0.0.1", port: 8080, path: "/x/y.bin?z=1" }],
  ])("parses %s", (text, url) => {
    expect(parseURL(text)).toEqual(url);
  });

  test.each([
    "ftp://a/",
    "https:///x",
    "https://a:0/",
    "https://a:70000/",
    "https://a b/",
    "https://u@a/",
    "",
  ])("rejects %p", (text) => {
    expect(parseURL(text)).toBeUndefined();
  });

  test.each<[string, string, string | undefined]>([
    ["https://a/x", "/y", "https://a:443/y"],
    ["https://a/x", "https://b:8443/y", "https://b:8443/y"],
    ["http://a/x", "//b/y", "http://b:80/y"],
    ["http://a/x", "https://b/y", "https://b:443/y"],
    ["https://a/x", "http://b/y", undefined],
    ["https://a/x", "y", undefined],
    ["https://a/x", "javascript:alert(1)", undefined],
  ])("resolves a redirect from %s to %s as %s", (from, location, to) => {
    const url = parseURL(from);
    if (!url) throw new Error(`${from} is not a URL`);
    const found = redirected(url, location);
    expect(found && urlOf(found)).toBe(to);
  });
});

describe("parseVersionAnswer", () => {
  const sha256 = "ab".repeat(32);
  const signature = "cd".repeat(64);

  test("accepts the version alone or with all optional fields", () => {
    expect(parseVersionAnswer({ firmware_version: 5 })).toEqual({ version: 5 });
    expect(parseVersionAnswer({ firmware_version: 5, size: 100, sha256, signature })).toEqual({
      version: 5,
      size: 100,
      sha256: new Uint8Array(32).fill(0xab),
      signature: new Uint8Array(64).fill(0xcd),
    });
  });

  test.each([
    {},
    { firmware_version: "5" },
    { firmware_version: 1.5 },
    { firmware_version: -1 },
    { firmware_version: 2 ** 32 },
    { firmware_version: 5, size: 0 },
    { firmware_version: 5, size: 1.5 },
    { firmware_version: 5, sha256: "ab" },
    { firmware_version: 5, sha256, signature: sha256 },
    { firmware_version: 5, sha256: "zz".repeat(32) },
  ])("rejects %j", (fields) => {
    expect(parseVersionAnswer(fields)).toBeUndefined();
  });
});

describe("the schedule of checks", () => {
  test.each([
    ["00:00", 0],
    ["23:59", 23 * 60 + 59],
    ["24:00", undefined],
    ["1:00", undefined],
  ])("parses the time %s as %p minutes", (text, minutes) => {
    expect(parseTimeOfDay(text)).toBe(minutes);
  });

  test("places the next check at the set time plus up to 30 minutes", () => {
    const midnight = 20_000 * DAY_MS;
    expect(nextCheck(midnight, 180, 0)).toBe(midnight + 180 * MINUTE_MS);
    expect(nextCheck(midnight, 180, 0.5)).toBe(midnight + 195 * MINUTE_MS);
    expect(nextCheck(midnight + 180 * MINUTE_MS, 180, 0)).toBe(midnight + DAY_MS + 180 * MINUTE_MS);
    expect(nextCheck(midnight + DAY_MS - 1, 0, 0)).toBe(midnight + DAY_MS);
  });
});

describe("evaluate at the start of a firmware", () => {
  const trial = (stage: Trial["stage"]): Trial => ({ from: 1, to: 2, stage, hadBroker: true });
  const crash: ResetReason = { type: "crash", reason: "out of memory" };
  const power: ResetReason = { type: "power" };
  const restart: ResetReason = { type: "restart", reason: "updated to version 2" };
  const asked: ResetReason = { type: "restart", reason: "restarted by request" };

  test.each<[string, Trial["stage"], number, ResetReason, unknown]>([
    [
      "the new firmware starts",
      "installed",
      2,
      restart,
      { type: "trial", trial: trial("installed"), canRollBack: true },
    ],
    [
      "the new firmware starts a second time",
      "started",
      2,
      crash,
      { type: "trial", trial: trial("started"), canRollBack: false },
    ],
    ["the power failed after the validation", "confirmed", 2, power, { type: "validated" }],
    ["the new firmware never started", "installed", 1, restart, back("the new firmware did not start", true)],
    [
      "the new firmware crashed before it stored its start",
      "installed",
      1,
      crash,
      back("out of memory", true),
    ],
    ["the new firmware crashed", "started", 1, crash, back("out of memory", true)],
    ["the owner restarted it during the trial", "started", 1, asked, back("restarted by request", false)],
    ["the power failed after the installation", "installed", 1, power, back(POWER, false)],
    ["the power failed during the trial", "started", 1, power, back(POWER, false)],
    ["the power failed between record and bootloader", "confirmed", 1, power, back(POWER, false)],
  ])("returns the outcome when %s", (_name, stage, running, resetReason, outcome) => {
    expect(evaluate({ trial: trial(stage) }, running, resetReason)).toEqual(outcome);
  });

  test("returns none without a trial", () => {
    expect(evaluate({}, 1, crash)).toEqual({ type: "none" });
  });

  test("reports a fault when the new firmware restarted because it was not validated in time", () => {
    const record = { trial: { ...trial("started"), hasGivenUp: true } };
    expect(evaluate(record, 1, asked)).toEqual(back("restarted by request", true));
  });

  test.each([power, asked])("reports a fault at the second rollback of a version: %j", (end) => {
    const rollback = { version: 2, why: POWER, isFault: false };
    expect(evaluate({ trial: trial("started"), rollback }, 1, end)).toMatchObject({
      rollback: { isFault: true },
    });
    const other = { ...rollback, version: 3 };
    expect(evaluate({ trial: trial("started"), rollback: other }, 1, end)).toMatchObject({
      rollback: { isFault: false },
    });
  });

  test("cuts the reset reason to 200 characters", () => {
    const end: ResetReason = { type: "crash", reason: "x".repeat(300) };
    expect(evaluate({ trial: trial("started") }, 1, end)).toEqual(back("x".repeat(200), true));
  });

  function back(why: string, isFault: boolean) {
    return { type: "rolled-back", rollback: { version: 2, why, isFault } };
  }
});

describe("the record ota", () => {
  test("round-trips a trial and a rollback", () => {
    const record = {
      trial: { from: 1, to: 2, stage: "started", hadBroker: false, hasGivenUp: true },
      rollback: { version: 3, why: "it hangs", isFault: true },
    } as const;
    const written = JSON.parse(JSON.stringify(updateFormat.format(record)));
    expect(updateFormat.parse(written, 1)).toEqual(record);
  });

  const TRIAL = { from: 1, to: 2, stage: "started", hadBroker: false };
  const ROLLBACK = { version: 3, why: "it hangs", isFault: false };

  test.each(["installed", "started", "confirmed"] as const)("reads a trial of the stage %s", (stage) => {
    expect(updateFormat.parse({ trial: { ...TRIAL, stage } }, 1)?.trial).toEqual({ ...TRIAL, stage });
  });

  test.each([
    { from: undefined },
    { to: undefined },
    { stage: undefined },
    { stage: "new" },
    { from: -1 },
    { to: -1 },
    { from: MAX_VERSION + 1 },
    { to: MAX_VERSION + 1 },
    { from: "1" },
  ])("drops a trial with %j", (change) => {
    expect(updateFormat.parse({ trial: { ...TRIAL, ...change } }, 1)?.trial).toBeUndefined();
  });

  test.each([undefined, null, 5, "trial", []])("drops a trial and a rollback that are %j", (value) => {
    expect(updateFormat.parse({ trial: value, rollback: value }, 1)).toEqual({});
  });

  test.each([{ version: undefined }, { version: -1 }, { version: MAX_VERSION + 1 }])(
    "drops a rollback with %j",
    (change) => {
      expect(updateFormat.parse({ rollback: { ...ROLLBACK, ...change } }, 1)?.rollback).toBeUndefined();
    },
  );

  test("reads versions from 0 to the maximum", () => {
    const trial = { ...TRIAL, from: 0, to: MAX_VERSION };
    const rollback = { ...ROLLBACK, version: 0 };
    expect(updateFormat.parse({ trial, rollback }, 1)).toEqual({ trial, rollback });
  });

  test("reads hasGivenUp only when it is true", () => {
    for (const hasGivenUp of [false, 1, "true", undefined]) {
      const trial = updateFormat.parse({ trial: { ...TRIAL, hasGivenUp } }, 1)?.trial;
      expect(trial?.hasGivenUp).toBeUndefined();
    }
  });

  test("reads an incomplete rollback as a fault of unknown cause", () => {
    expect(updateFormat.parse({ rollback: { version: 3 } }, 1)?.rollback).toEqual({
      version: 3,
      why: "unknown",
      isFault: true,
    });
    const why = "x".repeat(201);
    expect(updateFormat.parse({ rollback: { ...ROLLBACK, why } }, 1)?.rollback?.why).toBe("unknown");
  });

  test("writes only trial and rollback", () => {
    const rollback = { version: 3, why: "it hangs", isFault: true };
    expect(Object.keys(updateFormat.format({ rollback }))).toEqual(["trial", "rollback"]);
    expect([updateFormat.key, updateFormat.version]).toEqual(["ota", 1]);
  });

  test("drops invalid values and assumes a broker when a trial does not say", () => {
    expect(updateFormat.parse({ trial: { from: 1, to: 2, stage: "new" }, rollback: 5 }, 7)).toEqual({});
    expect(updateFormat.parse({ trial: { from: 1, to: 2, stage: "started" } }, 7)?.trial?.hadBroker).toBe(
      true,
    );
  });
});
