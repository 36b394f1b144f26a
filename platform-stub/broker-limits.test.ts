import { describe, expect, test } from "@jest/globals";
import {
  ConnectionLimit,
  FilterLimit,
  MAX_CONNECTIONS_PER_ADDRESS,
  MAX_WAITING_PER_ADDRESS,
  QueueLimit,
  RetainedLimit,
} from "./broker-limits.js";

const ADDRESS = "192.0.2.1";

describe("ConnectionLimit", () => {
  test("refuses further connections of an address while many have not logged in", () => {
    const limit = new ConnectionLimit();
    const waiting = Array.from({ length: MAX_WAITING_PER_ADDRESS }, () => limit.open(ADDRESS));
    expect(limit.open(ADDRESS)).toBeUndefined();
    expect(limit.open(`::ffff:${ADDRESS}`)).toBeUndefined();
    expect(limit.open("192.0.2.2")).toBeDefined();
    waiting[0]?.handleLogin();
    waiting[0]?.handleLogin();
    expect(limit.open(ADDRESS)).toBeDefined();
    expect(limit.open(ADDRESS)).toBeUndefined();
    waiting[1]?.handleClosed();
    expect(limit.open(ADDRESS)).toBeDefined();
  });

  test("refuses further connections of an address that has many", () => {
    const limit = new ConnectionLimit();
    const open = Array.from({ length: MAX_CONNECTIONS_PER_ADDRESS }, () => {
      const connection = limit.open(ADDRESS);
      connection?.handleLogin();
      return connection;
    });
    expect(limit.open(ADDRESS)).toBeUndefined();
    open[0]?.handleClosed();
    expect(limit.open(ADDRESS)).toBeDefined();
  });
});

describe("RetainedLimit", () => {
  test("accepts 512 topics of a device, and another one after one was removed", () => {
    const limit = new RetainedLimit();
    for (let i = 0; i < 512; i++) expect(limit.accepts("cafe-1", `topic/${i}`, 1)).toBe(true);
    expect(limit.accepts("cafe-1", "topic/512", 1)).toBe(false);
    expect(limit.accepts("cafe-1", "topic/7", 2)).toBe(true);
    expect(limit.accepts("cafe-2", "topic/512", 1)).toBe(true);
    expect(limit.accepts("cafe-1", "topic/7", 0)).toBe(true);
    expect(limit.accepts("cafe-1", "topic/512", 1)).toBe(true);
  });

  test("accepts 128 kB of a device together", () => {
    const limit = new RetainedLimit();
    expect(limit.accepts("cafe-1", "a", 64 * 1024)).toBe(true);
    expect(limit.accepts("cafe-1", "b", 64 * 1024)).toBe(false);
    expect(limit.accepts("cafe-1", "b", 64 * 1024 - 2)).toBe(true);
    expect(limit.accepts("cafe-1", "a", 1)).toBe(true);
    expect(limit.accepts("cafe-1", "c", 1024)).toBe(true);
  });
});

test("FilterLimit accepts 16 filters of a connection, and those again", () => {
  const limit = new FilterLimit();
  for (let i = 0; i < 16; i++) expect(limit.accepts(`filter/${i}`)).toBe(true);
  expect(limit.accepts("filter/16")).toBe(false);
  expect(limit.accepts("filter/3")).toBe(true);
});

describe("QueueLimit", () => {
  test("accepts 256 kB for a client, and more after a message was released", () => {
    const limit = new QueueLimit();
    expect(limit.accepts("cafe-1", 256 * 1024)).toBe(true);
    expect(limit.accepts("cafe-1", 1)).toBe(false);
    expect(limit.accepts("cafe-2", 1)).toBe(true);
    limit.release("cafe-1", 1);
    expect(limit.accepts("cafe-1", 1)).toBe(true);
    expect(limit.accepts("cafe-1", 1)).toBe(false);
  });
});
