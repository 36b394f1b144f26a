import { beforeEach, describe, expect, test } from "@jest/globals";
import { FakeSchedule } from "../host-tests/suites/fake-schedule.js";
import { LogLimit, MAX_WINDOWS, topicKindOf } from "./log-limit.js";

describe("LogLimit", () => {
  let timers: FakeSchedule;
  let logged: string[];
  let limit: LogLimit;

  beforeEach(() => {
    timers = new FakeSchedule();
    logged = [];
    limit = new LogLimit((text) => logged.push(text), { schedule: timers.schedule });
  });

  const add = (source: string, kind: string, times = 1) => {
    for (let i = 0; i < times; i++) limit.add({ source, kind, text: `${source} ${kind} ${i}` });
  };

  test("logs one line of a client and kind in a minute, and then the number of the others", () => {
    add("cafe-1", "publish", 100);
    add("cafe-1", "subscribe");
    add("cafe-2", "publish");
    expect(logged).toEqual(["cafe-1 publish 0", "cafe-1 subscribe 0", "cafe-2 publish 0"]);
    logged.length = 0;
    timers.elapse();
    expect(logged).toEqual(["cafe-1: publish: 99 more in a minute"]);
    add("cafe-1", "publish");
    expect(logged.slice(1)).toEqual(["cafe-1 publish 0"]);
  });

  test("logs one line of all further clients beyond the first 1000", () => {
    for (let i = 0; i < 3 * MAX_WINDOWS; i++) add(`client-${i}`, "publish");
    expect(logged).toHaveLength(MAX_WINDOWS + 1);
    timers.elapse();
    expect(logged.slice(MAX_WINDOWS + 1)).toEqual([`other clients: ${2 * MAX_WINDOWS - 1} more in a minute`]);
  });

  test("logs the counts and leaves no timer when it is closed", () => {
    add("cafe-1", "publish", 3);
    limit.close();
    expect(logged).toEqual(["cafe-1 publish 0", "cafe-1: publish: 2 more in a minute"]);
    expect(timers.size).toBe(0);
  });
});

test.each([
  ["owner/req/cafe-1/authorize", "req"],
  ["a/b/sweet-home/cafe-1/$state", "sweet-home"],
  ["+/res/#", "res"],
  ["#", "other topics"],
  ["requests", "other topics"],
])("the kind of the topic %s is %s", (topic, kind) => {
  expect(topicKindOf(topic)).toBe(kind);
});
