import { beforeEach, describe, expect, test } from "@jest/globals";
import { Bench, HOUR_MS, MINUTE_MS, OTHER, TAG } from "../../host-tests/suites/units/access-bench.js";

let bench: Bench;

beforeEach(() => {
  bench = new Bench();
});

describe("Access after a change of owner", () => {
  test("authorizes none of the previous owner's cached tags", () => {
    bench.platform.answers.authorize = { authorized: true, cacheFor: 600 };
    bench.present();
    bench.access.forgetOwner();
    bench.goOffline();
    expect(bench.access.authorizesOffline).toBe(false);
    expect(bench.present()?.code).toBe(503);
  });

  test("authorizes none of the tags on the previous owner's list", () => {
    bench.fillList(TAG);
    bench.access.forgetOwner();
    expect([bench.access.listedTags, bench.access.authorizesOffline]).toEqual([0, false]);
    bench.goOffline();
    expect(bench.present()?.code).toBe(503);
  });

  test("does not show the previous owner's latest card", () => {
    bench.present();
    bench.access.forgetOwner();
    expect(bench.access.lastResult).toBeUndefined();
  });

  test("counts the attempts with a blocked tag from zero", () => {
    bench.platform.answers.authorize = { authorized: false, reason: "blocked" };
    for (let i = 0; i < 2; i++) bench.present();
    bench.access.forgetOwner();
    for (let i = 0; i < 2; i++) bench.present();
    expect(bench.faults).toEqual([]);
    bench.present();
    expect(bench.faults).toHaveLength(1);
  });

  test("forgets cache and result even when the list cannot be deleted", () => {
    bench.platform.answers.authorize = { authorized: true, cacheFor: 600 };
    bench.fillList(OTHER);
    bench.present();
    bench.device.flash.cutPowerAtWrite(1, "before");
    expect(() => bench.access.forgetOwner()).toThrow();
    expect(bench.access.authorizesOffline).toBe(false);
    expect(bench.access.lastResult).toBeUndefined();
  });
});

describe("Access's local list", () => {
  beforeEach(() => {
    bench.platform.answers["local-list"] = { version: 1, tags: [] };
  });

  const downloads = () => bench.platform.countOf("local-list");

  test("is requested at once and every hour while the platform is reached", () => {
    bench.access.updateList();
    expect(downloads()).toBe(1);
    bench.advance(HOUR_MS - 1);
    expect(downloads()).toBe(1);
    bench.advance(1);
    expect(downloads()).toBe(2);
    bench.advance(HOUR_MS);
    expect(downloads()).toBe(3);
  });

  test("reports its change, and nothing when the version is the same", () => {
    bench.access.updateList();
    bench.advance(HOUR_MS);
    expect(bench.changes).toEqual(["list"]);
    expect(bench.device.logLines).toContain("local-list: version 1 with 0 tags");
  });

  test("is not requested any more after the connection is lost or under the policy deny", () => {
    for (const stop of [
      () => bench.goOffline(),
      () => {
        bench.platform.isOnline = true;
        bench.settings.now = { ...bench.settings.now, offlinePolicy: "deny" };
        bench.access.updateList();
      },
    ]) {
      bench.access.updateList();
      bench.advance(MINUTE_MS);
      const before = downloads();
      stop();
      bench.advance(3 * HOUR_MS);
      expect(downloads()).toBe(before);
    }
  });

  test("starts its hour anew at each update, with one request at a time", () => {
    for (let i = 0; i < 3; i++) bench.access.updateList();
    expect([downloads(), bench.platform.closed]).toEqual([3, 2]);
    bench.advance(HOUR_MS);
    expect(downloads()).toBe(4);
  });
});
