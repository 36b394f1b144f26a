import { describe, expect, test } from "@jest/globals";
import { BAR, CAFE } from "../host-tests/suites/owners.js";
import { ENDPOINTS, error } from "./endpoints.js";
import { Registry } from "./registry.js";
import { MAX_EXCHANGES, Traffic } from "./traffic.js";

const TAG = "SECRET-CARD-0001";
const REQUEST = { userTopic: "u", deviceId: "cafe-1", id: "1" };

/** The recorded exchange of a request and the stub's answer. Checks that it contains no secret. */
function shown(endpoint: string, data: unknown) {
  const registry = new Registry({
    users: [CAFE, BAR],
    devices: [],
    tags: [{ tag: TAG, owner: CAFE.email }],
  });
  const device = registry.addDevice({ id: "cafe-1", owner: CAFE.email });
  registry.acceptTransfer({ owner: BAR.email, device: "cafe-1" });
  const traffic = new Traffic({ now: () => 5 });
  const decision =
    ENDPOINTS[endpoint]?.(data, device, { registry, hasStationTokens: false, requestId: "1" }) ??
    error("404", "unknown endpoint");
  traffic.record({ ...REQUEST, endpoint, data }, decision);
  const text = JSON.stringify(traffic.exchanges);
  const secrets = [CAFE.token, BAR.token, device.key, TAG, "SECRET", ...registry.tags.map(({ tag }) => tag)];
  for (const secret of secrets) expect(text).not.toContain(secret);
  return traffic.exchanges[0];
}

describe("Traffic", () => {
  test("hides a proof, and does not record its nonce", () => {
    const data = { tag: TAG, method: "ble", proof: "SECRET", nonce: "0".repeat(32) };
    expect(shown("authorize", data)?.asked).toEqual({ tag: "…0001", method: "ble", proof: "hidden" });
  });

  test("records the true reason of a refusal, which the answer hides", () => {
    const traffic = new Traffic();
    const data = { authorized: false, reason: "unknown-tag" };
    const decision = { status: "1", code: "200", data, note: "wrong-owner" } as const;
    traffic.record({ ...REQUEST, endpoint: "authorize", data: { tag: TAG, method: "ble" } }, decision);
    expect(traffic.exchanges[0]?.answered).toMatchObject({ reason: "unknown-tag", note: "wrong-owner" });
  });

  test("records a request and its answer with only the end of the tag", () => {
    expect(shown("authorize", { tag: TAG, method: "ble" })).toEqual({
      atMs: 5,
      device: "cafe-1",
      endpoint: "authorize",
      asked: { tag: "…0001", method: "ble" },
      code: "200",
      answered: { authorized: "true" },
    });
  });

  test.each([
    ["A1B2", "…B2"],
    ["A1B2C", "…2C"],
    ["A1B2C3D4", "…C3D4"],
    ["A", "…"],
  ])("records at most half of the short tag %s: %s", (tag, end) => {
    const traffic = new Traffic();
    const request = { ...REQUEST, endpoint: "authorize", data: { tag, method: "ble" } };
    traffic.record(request, error("400", "no"));
    expect(traffic.exchanges[0]?.asked.tag).toBe(end);
  });

  test("hides the token of change-owner", () => {
    expect(shown("change-owner", { owner: BAR.email })?.answered).toMatchObject({ token: "hidden" });
  });

  test("records the number of tags of a local list", () => {
    expect(shown("local-list", { version: 0 })?.answered).toMatchObject({ tags: "1", total: "1" });
  });

  test("records only the end of a new card", () => {
    expect(shown("create-tag", { tag: "SECRET-CARD-0002" })).toMatchObject({
      asked: { tag: "…0002" },
      answered: { tagId: "…0002" },
    });
  });

  const TRACE = {
    uptimeMs: 5000,
    timeMs: null,
    counters: { linkUp: 1, connected: 2 },
    events: [
      [0, "started", "power", 1],
      [3, "linkUp", 68, 1],
      [4, "connected", null, 2],
    ],
  };

  test("records a trace as text", () => {
    expect(shown("diagnostics", TRACE)).toMatchObject({
      asked: {
        uptimeMs: "5000",
        timeMs: "null",
        counters: "linkUp 1; connected 2",
        events: "0 started power 1; 3 linkUp 68 1; 4 connected 2",
      },
      code: "200",
      answered: { accepted: "true" },
    });
  });

  test.each([
    ["has a row too many", { ...TRACE, events: Array(10_000).fill([0, "x".repeat(30), null, 1]) }],
    ["has a long text", { ...TRACE, events: [[0, "x".repeat(100_000), null, 1]] }],
    ["has other events", { ...TRACE, events: [{ SECRET: 1 }, "SECRET", [["SECRET"]]] }],
    ["has no events", { ...TRACE, events: null }],
    ["has other counters", { ...TRACE, counters: { x: "y".repeat(100_000) } }],
  ])("refuses and records a bounded text of a trace that %s", (_what, data) => {
    const exchange = shown("diagnostics", data);
    expect(exchange?.code).toBe("400");
    expect(JSON.stringify(exchange).length).toBeLessThan(10_000);
  });

  test("hides unknown fields, objects and endpoints", () => {
    const exchange = shown("authorize", { tag: { SECRET: TAG }, method: "ble", password: "SECRET" });
    expect(exchange).toMatchObject({ asked: { tag: "hidden", method: "ble" }, code: "400" });
    expect(shown("SECRET", { tag: TAG })).toMatchObject({ endpoint: "unknown", asked: {}, code: "404" });
    expect(shown("authorize", null)?.asked).toEqual({});
  });
});

test("Traffic keeps the latest 200 messages, the newest first, and cuts long texts", () => {
  const traffic = new Traffic();
  for (let i = 0; i < 300; i++) traffic.recordIgnored(`${i} ${"x".repeat(1000)}`);
  expect(traffic.ignored).toHaveLength(MAX_EXCHANGES);
  expect(traffic.ignored[0]?.why).toMatch(/^299 /);
  expect(traffic.ignored[0]?.why.length).toBeLessThan(100);
});
