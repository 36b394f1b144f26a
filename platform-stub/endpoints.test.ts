import { describe, expect, test } from "@jest/globals";
import { ENDPOINTS } from "./endpoints.js";
import { Registry } from "./registry.js";

const OWNER = { email: "owner@cafe.example", token: "t" };
const SESSION = {
  id: "0123456789abcdef",
  connector: 1,
  tag: "ab".repeat(32),
  tagEnd: "0001",
  method: "ble",
  start: null,
  end: null,
  seconds: 60,
  startWh: 0,
  endWh: 60,
  why: "unplugged",
};

function ask(registry: Registry, endpoint: string, data: unknown, id = "cafe-1") {
  const device = registry.device(id);
  const decide = ENDPOINTS[endpoint];
  if (!device || !decide) throw new Error("no such device or endpoint");
  return decide(data, device, registry);
}

function cafe(): Registry {
  const registry = new Registry({ users: [OWNER], devices: [], tags: [] });
  registry.addDevice({ id: "cafe-1", owner: OWNER.email });
  registry.addDevice({ id: "cafe-2", owner: OWNER.email });
  return registry;
}

describe("session", () => {
  test("is accepted as often as it comes, and is one session", () => {
    const registry = cafe();
    expect(ask(registry, "session", SESSION)).toMatchObject({ code: "200", data: { accepted: true } });
    expect(ask(registry, "session", { ...SESSION, endWh: 99 })).toMatchObject({ data: { accepted: true } });
    expect(registry.sessions).toMatchObject([{ device: "cafe-1", endWh: 60 }]);
  });

  test("of two devices are two, whatever their ids", () => {
    const registry = cafe();
    ask(registry, "session", SESSION);
    ask(registry, "session", SESSION, "cafe-2");
    expect(registry.sessions).toHaveLength(2);
  });

  test.each([{}, { ...SESSION, id: "x" }, { ...SESSION, tag: "TAG-0001" }, { ...SESSION, endWh: -1 }])(
    "that is none is refused: %#",
    (data) => {
      expect(ask(cafe(), "session", data)).toMatchObject({ status: "0", code: "400" });
    },
  );
});
