import { beforeEach, describe, expect, test } from "@jest/globals";
import { FirmwareRun, Flash } from "../../host-tests/virtual/board/index.js";
import { VirtualClock } from "../../host-tests/virtual/world/clock.js";
import type { ResetReason, Storage } from "../board/index.js";
import { StoredRecord } from "../settings/index.js";
import { BootTrial } from "./boot-trial.js";
import { type Trial, type UpdateRecord, updateFormat } from "./trial.js";

const CHECK_MS = 5000;
const VALIDATION_TIMEOUT_MS = 5 * 60_000;
const TRIAL: Trial = { from: 1, to: 2, stage: "installed", hadBroker: true };
const ROLLBACK = { version: 3, why: "it hangs", isFault: true };
const STARTED =
  "update: version 2 is pending verification; without validation it is rolled back after 5 minutes";
const VALIDATED = "update: the new firmware is validated";
const NEWS = ["validated: firmware 2 runs"];
const RESTART = "the new firmware did not reach the broker within 5 minutes";

/** A station around the boot trial. It outlasts its starts. */
class Station {
  readonly clock = new VirtualClock();
  readonly lines: string[] = [];
  /** Reasons of the restarts that the trial has requested. */
  readonly restarts: string[] = [];
  readonly news: string[] = [];
  validatedCount = 0;
  /** Number of calls of `confirmUpdate`. */
  confirmedCount = 0;
  resetReason: ResetReason = { type: "restart", reason: "updated" };
  isUp = false;
  isFree = true;
  problem: string | undefined;
  /** Error of the bootloader. */
  bootloaderError: unknown;
  storageError: unknown;
  readonly record: StoredRecord<UpdateRecord>;

  constructor() {
    const opened = new Flash().open("plugpass", new FirmwareRun({ clock: this.clock, onEnd: () => {} }));
    const storage: Storage = {
      ...opened,
      write: (key, value) => {
        if (this.storageError !== undefined) throw this.storageError;
        opened.write(key, value);
      },
    };
    this.record = new StoredRecord({
      storage,
      format: updateFormat,
      board: { log: (line) => this.lines.push(line) },
    });
  }

  restart(reason: string): void {
    this.restarts.push(reason);
  }

  handleValidated(): void {
    this.validatedCount++;
  }

  handleUpdateNews(message: string, outcome: string): void {
    this.news.push(`${outcome}: ${message}`);
  }

  /** Starts a firmware. */
  start(runningVersion = 2): BootTrial {
    return new BootTrial(
      {
        board: {
          clock: this.clock,
          resetReason: this.resetReason,
          confirmUpdate: () => {
            this.confirmedCount++;
            if (this.bootloaderError !== undefined) throw this.bootloaderError;
          },
          log: (line) => this.lines.push(line),
        },
        record: this.record,
        runningVersion,
        host: this,
      },
      this,
    );
  }

  /** Starts a firmware with this trial in the record. */
  startTrial(trial: Partial<Trial> = {}): BootTrial {
    this.record.write({ trial: { ...TRIAL, ...trial } });
    return this.start();
  }
}

let station: Station;

beforeEach(() => {
  station = new Station();
});

describe("BootTrial without a trial", () => {
  test("is not pending, sets no timer and leaves record and log alone", () => {
    const trial = station.start();
    expect(trial.isPendingVerification).toBe(false);
    expect(trial.rollback).toBeUndefined();
    expect(station.clock.pending).toBe(0);
    expect(station.record.read()).toBeUndefined();
    expect([station.lines, station.news]).toEqual([[], []]);
  });

  test("marks the firmware as valid when the broker is reached, without news", () => {
    station.start().handleBrokerReached();
    expect(station.confirmedCount).toBe(1);
    expect(station.validatedCount).toBe(0);
    expect([station.lines, station.news]).toEqual([[], []]);
  });

  test("ignores a refusal of the bootloader", () => {
    station.bootloaderError = new Error("no slot");
    expect(() => station.start().handleBrokerReached()).not.toThrow();
    expect(station.clock.pending).toBe(0);
  });

  test("does not restart when a session ends", () => {
    station.start().handleSessionChanged();
    expect(station.restarts).toEqual([]);
  });

  test("returns the rollback of the record", () => {
    station.record.write({ rollback: ROLLBACK });
    expect(station.start().rollback).toEqual(ROLLBACK);
  });
});

describe("BootTrial of a new firmware", () => {
  test("is pending, stores its start, and keeps the latest rollback", () => {
    station.record.write({ trial: TRIAL, rollback: ROLLBACK });
    const trial = station.start();
    expect(trial.isPendingVerification).toBe(true);
    expect(trial.rollback).toEqual(ROLLBACK);
    expect(station.record.read()).toEqual({ trial: { ...TRIAL, stage: "started" }, rollback: ROLLBACK });
    expect(station.lines).toEqual([STARTED]);
    expect(station.confirmedCount).toBe(0);
  });

  test("validates once the broker is reached, clears the record and stops its timers", () => {
    const trial = station.startTrial();
    trial.handleBrokerReached();
    expect(trial.isPendingVerification).toBe(false);
    expect(trial.rollback).toBeUndefined();
    expect([station.confirmedCount, station.validatedCount]).toEqual([1, 1]);
    expect(station.record.read()).toEqual({});
    expect(station.lines).toEqual([STARTED, VALIDATED]);
    expect(station.news).toEqual(NEWS);
    expect(station.clock.pending).toBe(0);
    trial.handleSessionChanged();
    expect(station.restarts).toEqual([]);
  });

  test("stores the stage confirmed before it marks the firmware as valid", () => {
    station.record.write({ trial: TRIAL, rollback: ROLLBACK });
    station.bootloaderError = new Error("no slot");
    station.start().handleBrokerReached();
    expect(station.record.read()).toEqual({ trial: { ...TRIAL, stage: "confirmed" }, rollback: ROLLBACK });
  });

  test("does not validate without the broker when the old firmware reached it", () => {
    station.isUp = true;
    station.startTrial({ hadBroker: true });
    station.clock.advance(VALIDATION_TIMEOUT_MS - 1);
    expect(station.confirmedCount).toBe(0);
  });

  test("validates once the station is up when the old firmware did not reach the broker", () => {
    const trial = station.startTrial({ hadBroker: false });
    station.clock.advance(CHECK_MS);
    expect(trial.isPendingVerification).toBe(true);
    station.isUp = true;
    station.clock.advance(CHECK_MS - 1);
    expect(trial.isPendingVerification).toBe(true);
    station.clock.advance(1);
    expect(trial.isPendingVerification).toBe(false);
    expect(station.clock.pending).toBe(0);
  });

  test("stops its timers when it is closed", () => {
    station.startTrial({ hadBroker: false }).close();
    expect(station.clock.pending).toBe(0);
  });
});

describe("BootTrial that the bootloader refuses", () => {
  test("retries every 5 s, logs the refusal once, and reports the validation after success", () => {
    station.bootloaderError = new Error("no slot");
    const trial = station.startTrial();
    trial.handleBrokerReached();
    station.clock.advance(3 * CHECK_MS);
    expect(station.confirmedCount).toBe(4);
    expect(trial.isPendingVerification).toBe(true);
    expect([station.validatedCount, station.news]).toEqual([0, []]);
    const refused = "update: the bootloader could not mark the new firmware as valid: no slot";
    expect(station.lines).toEqual([STARTED, refused]);
    station.bootloaderError = undefined;
    station.clock.advance(CHECK_MS);
    expect(trial.isPendingVerification).toBe(false);
    expect(station.lines).toEqual([STARTED, refused, VALIDATED]);
    expect([station.validatedCount, station.news]).toEqual([1, NEWS]);
  });

  test("does not roll back after the deadline: the firmware works", () => {
    station.bootloaderError = new Error("no slot");
    station.startTrial().handleBrokerReached();
    station.clock.advance(2 * VALIDATION_TIMEOUT_MS);
    expect(station.restarts).toEqual([]);
  });

  test("retries once at a time, also when the broker is reached again meanwhile", () => {
    station.bootloaderError = new Error("no slot");
    const trial = station.startTrial();
    for (let i = 0; i < 3; i++) trial.handleBrokerReached();
    expect(station.clock.pending).toBe(1);
  });

  test("logs an error that is not an Error as unknown", () => {
    station.bootloaderError = "text";
    station.startTrial().handleBrokerReached();
    expect(station.lines.at(-1)).toContain("as valid: unknown");
  });
});

describe("BootTrial that is not validated", () => {
  test("restarts after 5 minutes, and records that the firmware has given up", () => {
    station.record.write({ trial: TRIAL, rollback: ROLLBACK });
    station.start();
    station.clock.advance(VALIDATION_TIMEOUT_MS - 1);
    expect(station.restarts).toEqual([]);
    station.clock.advance(1);
    expect(station.restarts).toEqual([RESTART]);
    expect(station.record.read()).toEqual({
      trial: { ...TRIAL, stage: "started", hasGivenUp: true },
      rollback: ROLLBACK,
    });
  });

  test("adds the known problem to the reason of the restart", () => {
    station.problem = "the broker refused the password";
    station.startTrial();
    station.clock.advance(VALIDATION_TIMEOUT_MS);
    expect(station.restarts).toEqual([`${RESTART}: the broker refused the password`]);
  });

  test("waits for the end of a session", () => {
    station.isFree = false;
    const trial = station.startTrial();
    trial.handleSessionChanged();
    station.clock.advance(VALIDATION_TIMEOUT_MS);
    trial.handleSessionChanged();
    expect(station.restarts).toEqual([]);
    expect(station.record.read()?.trial?.hasGivenUp).toBeUndefined();
    station.isFree = true;
    trial.handleSessionChanged();
    expect(station.restarts).toEqual([RESTART]);
    trial.handleSessionChanged();
    expect(station.restarts).toHaveLength(1);
  });

  test("does not restart at the end of a session before the deadline", () => {
    station.startTrial().handleSessionChanged();
    expect(station.restarts).toEqual([]);
  });

  test("does not restart after a session during which the broker was reached", () => {
    station.isFree = false;
    const trial = station.startTrial();
    station.clock.advance(VALIDATION_TIMEOUT_MS);
    trial.handleBrokerReached();
    station.isFree = true;
    trial.handleSessionChanged();
    expect(station.restarts).toEqual([]);
  });

  test("continues after the deadline when the bootloader has no rollback", () => {
    const trial = station.startTrial({ stage: "started" });
    station.clock.advance(2 * VALIDATION_TIMEOUT_MS);
    expect(station.restarts).toEqual([]);
    trial.handleBrokerReached();
    expect(trial.isPendingVerification).toBe(false);
  });
});

describe("BootTrial after the validation", () => {
  test("marks the firmware as valid when the power failed in between, without news", () => {
    const trial = station.startTrial({ stage: "confirmed" });
    expect(trial.isPendingVerification).toBe(false);
    expect(station.confirmedCount).toBe(1);
    expect(station.record.read()).toEqual({});
    expect([station.validatedCount, station.lines, station.news]).toEqual([0, [], []]);
  });

  test("is pending until the bootloader accepts it", () => {
    station.bootloaderError = new Error("no slot");
    const trial = station.startTrial({ stage: "confirmed" });
    expect(trial.isPendingVerification).toBe(true);
    station.bootloaderError = undefined;
    station.clock.advance(CHECK_MS);
    expect(trial.isPendingVerification).toBe(false);
  });
});

describe("BootTrial after a rollback", () => {
  test("stores, logs and reports the rollback, and removes the trial", () => {
    station.record.write({ trial: { ...TRIAL, stage: "started" } });
    station.resetReason = { type: "crash", reason: "out of memory" };
    const trial = station.start(1);
    const rollback = { version: 2, why: "out of memory", isFault: true };
    expect(trial.isPendingVerification).toBe(false);
    expect(trial.rollback).toEqual(rollback);
    expect(station.record.read()).toEqual({ rollback });
    expect(station.lines).toEqual(["update: version 2 was rolled back: out of memory"]);
    expect(station.news).toEqual(["rolled-back: firmware 2 was rolled back: out of memory"]);
    expect(station.clock.pending).toBe(0);
  });

  test("returns the rollback although it cannot be stored", () => {
    station.record.write({ trial: TRIAL });
    station.storageError = new Error("no flash");
    expect(station.start(1).rollback?.version).toBe(2);
    expect(station.lines).toContain("update: not stored: no flash");
  });
});

describe("BootTrial before an update", () => {
  const { stage: _stage, ...prepared } = TRIAL;

  test("records the trial beside the latest rollback, and is not pending", () => {
    station.record.write({ rollback: ROLLBACK });
    const trial = station.start(1);
    expect(trial.prepare(prepared)).toBeUndefined();
    expect(trial.isPendingVerification).toBe(false);
    expect(station.record.read()).toEqual({ trial: TRIAL, rollback: ROLLBACK });
  });

  test("removes the recorded trial when the update is canceled", () => {
    station.record.write({ rollback: ROLLBACK });
    const trial = station.start(1);
    trial.prepare(prepared);
    trial.cancel();
    expect(station.record.read()).toEqual({ rollback: ROLLBACK });
    expect(trial.rollback).toEqual(ROLLBACK);
  });

  test.each([
    ["no flash", new Error("no flash")],
    ["unknown", "text"],
  ])("refuses an update whose trial cannot be recorded: %s", (why, storageError) => {
    const trial = station.start(1);
    station.storageError = storageError;
    expect(trial.prepare(prepared)).toEqual({
      code: "flash",
      message: "the storage is full; a rollback could not be recorded",
    });
    expect(station.lines).toEqual([`update: not stored: ${why}`]);
  });
});
