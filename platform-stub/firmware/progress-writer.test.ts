import { expect, test } from "@jest/globals";
import { FakeSchedule } from "../../host-tests/suites/fake-schedule.js";
import { ProgressWriter } from "./progress-writer.js";
import { FirmwareRepository, type Release } from "./repository.js";

function releaseOf(version: number): Release {
  return { productId: "cafe", version, channel: "stable", image: new Uint8Array(1), percent: 100 };
}

function start() {
  const timers = new FakeSchedule();
  const written: number[] = [];
  const write = ({ version }: Release) => written.push(version);
  return { timers, written, writer: new ProgressWriter({ write, schedule: timers.schedule }) };
}

test("a station that alternates its update state causes one write of the progress in a second", () => {
  const { timers, written, writer } = start();
  const repository = new FirmwareRepository({ onProgress: (release) => writer.request(release) });
  repository.put(releaseOf(5));
  const report = { deviceId: "cafe-1", productId: "cafe", version: 5 };
  for (let i = 0; i < 100; i++) {
    repository.report({ ...report, updateState: "Updated successfully" });
    repository.report({ ...report, updateState: "Rolled back: version 5: crash" });
  }
  expect(written).toEqual([]);
  timers.elapse();
  expect(written).toEqual([5]);
  expect(timers.size).toBe(0);
});

test("the progress of each changed release is written, and once more after a later change", () => {
  const { timers, written, writer } = start();
  for (const version of [5, 6, 5]) writer.request(releaseOf(version));
  timers.elapse();
  writer.request(releaseOf(6));
  timers.elapse();
  expect(written).toEqual([5, 6, 6]);
});

test("a flush writes what is pending at once, and cancels the later write", () => {
  const { timers, written, writer } = start();
  writer.request(releaseOf(5));
  writer.flush();
  writer.flush();
  expect([written, timers.size]).toEqual([[5], 0]);
});
