import { describe, expect, test } from "@jest/globals";
import { ENDPOINTS, error } from "./endpoints.js";
import { Registry } from "./registry.js";
import { MAX_EXCHANGES, Traffic } from "./traffic.js";

const OWNER = { email: "owner@cafe.example", token: "token-of-the-cafe" };
const OTHER = { email: "other@bar.example", token: "token-of-the-bar" };
const TAG = "SECRET-CARD-0001";
const REQUEST = { userTopic: "u", deviceId: "cafe-1", id: "1" };

/** What is shown of a request and the stub's own answer to it. */
function shown(endpoint: string, data: unknown) {
  const registry = new Registry({
    users: [OWNER, OTHER],
    devices: [],
    tags: [{ tag: TAG, owner: OWNER.email }],
  });
  const device = registry.addDevice({ id: "cafe-1", owner: OWNER.email });
  registry.expectDevice({ owner: OTHER.email });
  const traffic = new Traffic({ now: () => 5 });
  const decision =
    ENDPOINTS[endpoint]?.(data, device, { registry, hasStationTokens: false }) ??
    error("404", "there is no endpoint");
  traffic.note({ ...REQUEST, endpoint, data }, decision);
  const text = JSON.stringify(traffic.exchanges);
  const secrets = [
    OWNER.token,
    OTHER.token,
    device.key,
    TAG,
    "SECRET",
    ...registry.tags.map(({ tag }) => tag),
  ];
  for (const secret of secrets) expect(text).not.toContain(secret);
  return traffic.exchanges[0];
}

describe("of a request and its answer is shown", () => {
  test("what was asked and decided, and of the tag its end", () => {
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
  ])("of the short tag %s no more than half: %s", (tag, end) => {
    const traffic = new Traffic();
    const request = { ...REQUEST, endpoint: "authorize", data: { tag, method: "ble" } };
    traffic.note(request, error("400", "no"));
    expect(traffic.exchanges[0]?.asked.tag).toBe(end);
  });

  test("that there was a token", () => {
    expect(shown("change-owner", { owner: OTHER.email })?.answered).toMatchObject({ token: "hidden" });
  });

  test("how many tags a list had", () => {
    expect(shown("local-list", { version: 0 })?.answered).toMatchObject({ tags: "1", total: "1" });
  });

  test("the new card's end", () => {
    expect(shown("create-tag", { tag: "SECRET-CARD-0002" })).toMatchObject({
      asked: { tag: "…0002" },
      answered: { tagId: "…0002" },
    });
  });

  test("nothing that nobody expects: fields, objects, endpoints", () => {
    const exchange = shown("authorize", { tag: { SECRET: TAG }, method: "ble", password: "SECRET" });
    expect(exchange).toMatchObject({ asked: { tag: "hidden", method: "ble" }, code: "400" });
    expect(shown("SECRET", { tag: TAG })).toMatchObject({ endpoint: "unknown", asked: {}, code: "404" });
    expect(shown("authorize", null)?.asked).toEqual({});
  });
});

test("the latest 200 are kept, the newest first, and no text is long", () => {
  const traffic = new Traffic();
  for (let i = 0; i < 300; i++) traffic.noteIgnored(`${i} ${"x".repeat(1000)}`);
  expect(traffic.ignored).toHaveLength(MAX_EXCHANGES);
  expect(traffic.ignored[0]?.why).toMatch(/^299 /);
  expect(traffic.ignored[0]?.why.length).toBeLessThan(100);
});
