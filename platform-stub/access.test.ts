import { describe, expect, test } from "@jest/globals";
import { Random } from "../host-tests/virtual/world/random.js";
import { accessOf, covers, mayPublish, maySubscribe } from "./access.js";

describe("access", () => {
  const station = { kind: "station", userTopic: "user", deviceId: "station-1" } as const;

  test.each([
    ["a/+", "a/b", true],
    ["a/+", "a/+", true],
    ["a/+", "a/#", false],
    ["a/+", "a/b/c", false],
    ["a/+", "a", false],
    ["a/+/#", "a", false],
    ["a/+/#", "a/b", true],
    ["a/#", "a/b/c", true],
    ["a/#", "a/+/#", true],
    ["a/b", "a/+", false],
    ["#", "anything/+/at/all", true],
  ])("%s covers %s: %s", (pattern, filter, expected) => {
    expect(covers(pattern, filter)).toBe(expected);
  });

  test("a station cannot publish to a topic with a wildcard", () => {
    expect(mayPublish(station, "user/req/station-1/+")).toBe(false);
    expect(mayPublish(station, "user/req/station-1/authorize")).toBe(true);
  });

  test("an allowed filter matches no topic of another station or user, for 10,000 random filters", () => {
    const seed = 12;
    const random = new Random(seed);
    const words = [
      "user",
      "other",
      "res",
      "req",
      "station-1",
      "station-2",
      "sweet-home",
      "set",
      "authorize",
      "+",
      "#",
    ];
    const topics = Array.from({ length: 200 }, () =>
      Array.from({ length: 1 + random.int(6) }, () => random.pick(words.slice(0, 9))).join("/"),
    );
    for (let run = 0; run < 10_000; run++) {
      const filter = Array.from({ length: 1 + random.int(6) }, () => random.pick(words)).join("/");
      if (!maySubscribe(station, filter)) continue;
      const leak = topics.find(
        (topic) => covers(filter, topic) && !/^user\/(res|sweet-home)\/station-1\//.test(topic),
      );
      if (leak !== undefined) throw new Error(`seed ${seed}, run ${run}: ${filter} matches ${leak}`);
    }
  });

  test("a station may publish its requests, its properties, its errors and notifications", () => {
    const allowed = [
      "user/req/station-1/authorize",
      "user/sweet-home/station-1/$state",
      "user/sweet-home/station-1/charger/power",
      "user/errors/sweet-home/station-1/charger",
      "user/notifications/create",
    ];
    for (const topic of allowed) expect([topic, mayPublish(station, topic)]).toEqual([topic, true]);
  });

  test.each([
    "user/req/station-2/authorize",
    "other/req/station-1/authorize",
    "user/res/station-1/authorize",
    "user/req/station-1/authorize/more",
    "user/req/station-1",
    "user/sweet-home/station-2/$state",
    "user/errors/sweet-home/station-2/charger",
    "user/notifications/list",
    "user/sweet-home/station-1/#",
    "user/req/station-1/a\0b",
  ])("a station may not publish to %j", (topic) => {
    expect(mayPublish(station, topic)).toBe(false);
  });

  test("a station may subscribe only to its responses and to its set topics", () => {
    expect(accessOf(station).subscribe).toEqual([
      "user/res/station-1/+",
      "user/sweet-home/station-1/+/set",
      "user/sweet-home/station-1/+/+/set",
      "user/sweet-home/station-1/+/+/+/set",
    ]);
    for (const filter of accessOf(station).subscribe) expect(maySubscribe(station, filter)).toBe(true);
    for (const filter of ["#", "+/res/station-1/+", "user/res/+/+", "user/req/station-1/+"]) {
      expect(maySubscribe(station, filter)).toBe(false);
    }
  });

  test("the platform's account may use every topic and filter, but may not publish to a filter", () => {
    const platform = { kind: "platform" } as const;
    expect(mayPublish(platform, "user/res/station-1/authorize")).toBe(true);
    expect(maySubscribe(platform, "#")).toBe(true);
    for (const topic of ["user/+", "user/#", "user/\0"]) expect(mayPublish(platform, topic)).toBe(false);
  });
});
