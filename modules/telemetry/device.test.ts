import { describe, expect, test } from "@jest/globals";
import {
  attributeValues,
  deviceValues,
  type HomieDevice,
  nodeValues,
  type Property,
  PropertyTopics,
  payloadOf,
  setProperty,
  values,
} from "./device.js";

interface Snapshot {
  readonly powerW: number;
  readonly hasLock: boolean;
  readonly maxA: number;
}

const SNAPSHOT: Snapshot = { powerW: 7400, hasLock: false, maxA: 16 };

const POWER: Property<Snapshot, string[]> = {
  id: "power",
  name: "Power",
  datatype: "integer",
  unit: "W",
  value: ({ powerW }) => powerW,
};
const LOCK: Property<Snapshot, string[]> = {
  id: "lock",
  name: "Lock",
  datatype: "boolean",
  value: () => true,
  isPresent: ({ hasLock }) => hasLock,
};
const LIMIT: Property<Snapshot, string[]> = {
  id: "limit",
  name: "Limit",
  datatype: "integer",
  format: ({ maxA }) => `6:${maxA}`,
  value: () => 10,
  set: (commands, text) => {
    commands.push(text);
    return undefined;
  },
};
const POLICY: Property<Snapshot, string[]> = {
  ...LIMIT,
  id: "policy",
  datatype: "enum",
  format: "deny,list",
};
const VOLTAGE: Property<Snapshot, string[]> = { ...LIMIT, id: "voltage", datatype: "float" };
const FREE: Property<Snapshot, string[]> = { ...LIMIT, id: "free", datatype: "boolean", format: undefined };
const NAME: Property<Snapshot, string[]> = { ...LIMIT, id: "name", datatype: "string", format: undefined };

const NODE = { id: "charger", name: "Charger", type: "evse", properties: [POWER, LOCK, LIMIT] };
const DEVICE: HomieDevice<Snapshot, string[]> = {
  nodes: [NODE, { id: "other", name: "Other", type: "x", properties: [] }],
  options: [POLICY],
  telemetry: [NAME],
  stats: [{ ...POWER, id: "uptime" }],
};

describe("payloadOf", () => {
  test.each([
    [undefined, "none"],
    ["", "none"],
    ["text", "text"],
    [0, "0"],
    [-1.5, "-1.5"],
    [false, "false"],
  ])("formats %j as %s", (value, payload) => {
    expect(payloadOf(value)).toBe(payload);
  });
});

describe("PropertyTopics", () => {
  const paths = (snapshot: Snapshot) => {
    const topics = new PropertyTopics(DEVICE, snapshot);
    return topics.properties.map((_, index) => topics.pathOf(index));
  };

  test("has nodes, options, telemetry and stats in this order, without absent properties", () => {
    expect(paths(SNAPSHOT)).toEqual([
      "charger/power",
      "charger/limit",
      "$options/policy",
      "$telemetry/name",
      "$stats/uptime",
    ]);
  });

  test("has a property that is present", () => {
    expect(paths({ ...SNAPSHOT, hasLock: true })).toContain("charger/lock");
  });

  test("finds each property by its path, and nothing by another one", () => {
    const topics = new PropertyTopics(DEVICE, SNAPSHOT);
    for (let index = 0; index < topics.properties.length; index++)
      expect(topics.indexOf(topics.pathOf(index))).toBe(index);
    for (const path of [
      "charger/lock",
      "charger/policy",
      "charger",
      "",
      "/",
      "power",
      "other/power",
      "charger/power/",
    ])
      expect(topics.indexOf(path)).toBe(-1);
  });
});

describe("deviceValues and nodeValues", () => {
  const topics = new PropertyTopics(DEVICE, SNAPSHOT);

  test("list nodes, options, telemetry and stats of the device", () => {
    expect(deviceValues(DEVICE.nodes, topics)).toEqual([
      { path: "$nodes", payload: "charger,other" },
      { path: "$options", payload: "policy" },
      { path: "$telemetry", payload: "name" },
      { path: "$stats", payload: "uptime" },
      { path: "$stats/interval", payload: "300" },
    ]);
  });

  test("list the present properties of a node", () => {
    expect(nodeValues(NODE, topics)).toEqual([
      { path: "charger/$name", payload: "Charger" },
      { path: "charger/$type", payload: "evse" },
      { path: "charger/$state", payload: "ready" },
      { path: "charger/$properties", payload: "power,limit" },
    ]);
  });
});

describe("attributeValues", () => {
  function attributesOf(parent: string, property: Property<Snapshot, string[]>) {
    return attributeValues({ path: `${parent}/${property.id}`, property }, SNAPSHOT);
  }

  test("describes a property that is only read, with its unit", () => {
    expect(attributesOf("charger", POWER)).toEqual([
      { path: "charger/power/$name", payload: "Power" },
      { path: "charger/power/$settable", payload: "false" },
      { path: "charger/power/$retained", payload: "true" },
      { path: "charger/power/$datatype", payload: "integer" },
      { path: "charger/power/$unit", payload: "W" },
    ]);
  });

  test("describes a settable property, with a format of the snapshot", () => {
    const attributes = attributesOf("charger", LIMIT);
    expect(attributes).toContainEqual({ path: "charger/limit/$settable", payload: "true" });
    expect(attributes).toContainEqual({ path: "charger/limit/$format", payload: "6:16" });
    expect(attributesOf("$options", POLICY)).toContainEqual({
      path: "$options/policy/$format",
      payload: "deny,list",
    });
  });

  test("is empty for a value under $stats", () => {
    expect(attributesOf("$stats", POWER)).toEqual([]);
  });
});

test("values returns the defined values with their prefix", () => {
  expect(values("a/", { b: "1", c: undefined, d: "" })).toEqual([
    { path: "a/b", payload: "1" },
    { path: "a/d", payload: "" },
  ]);
});

describe("setProperty", () => {
  function set(property: Property<Snapshot, string[]> | undefined, text: string) {
    const commands: string[] = [];
    const failure = setProperty(property, { text, snapshot: SNAPSHOT, commands });
    expect(commands).toEqual(failure === undefined ? [text] : []);
    if (failure) expect(failure.code).toBe("invalid");
    return failure?.message;
  }

  test.each([
    ["an integer", "6", LIMIT],
    ["an integer", "16", LIMIT],
    ["a float", "6", VOLTAGE],
    ["a float", "6.25", VOLTAGE],
    ["a float", "-0.5", { ...VOLTAGE, format: "-1:1" }],
    ["a boolean", "true", FREE],
    ["a boolean", "false", FREE],
    ["an enum", "deny", POLICY],
    ["an enum", "list", POLICY],
    ["a string", "x", NAME],
    ["a string", "é".repeat(128), NAME],
  ])("sets %s to %s", (_datatype, text, property) => {
    expect(set(property, text)).toBeUndefined();
  });

  test("sets a negative integer within its format", () => {
    expect(set({ ...LIMIT, format: "-10:-5" }, "-7")).toBeUndefined();
    expect(set({ ...LIMIT, format: "-10:-5" }, "7")).toBe("the value must be in -10:-5");
  });

  test.each([
    "5",
    "17",
    "",
    " 6",
    "6 ",
    "5.9",
    "17.0",
    "6.",
    ".5",
    "6,5",
    "1e1",
    "0x6",
    "+6",
    "NaN",
    "six",
    "0000000006",
  ])("refuses %j for an integer of 6:16", (text) => {
    expect(set(LIMIT, text)).toBe("the value must be in 6:16");
  });

  test.each([
    ["6.0", "6"],
    ["15.99", "15"],
    ["16.9", "16"],
  ])("rounds %s down to the integer %s of 6:16", (text, expected) => {
    const commands: string[] = [];
    expect(setProperty(LIMIT, { text, snapshot: SNAPSHOT, commands })).toBeUndefined();
    expect(commands).toEqual([expected]);
  });

  test("rounds a negative fraction down, out of the format", () => {
    expect(set({ ...LIMIT, format: "0:16" }, "-0.1")).toBe("the value must be in 0:16");
  });

  test.each(["5.9", "16.1", "", "6.", ".5", "6.5 ", "1e1", "6,5", "+6.5", "6.0000000001", "NaN"])(
    "refuses %j for a float of 6:16",
    (text) => {
      expect(set(VOLTAGE, text)).toBe("the value must be in 6:16");
    },
  );

  test.each(["", "True", "1", "yes", " true"])("refuses %j for a boolean", (text) => {
    expect(set(FREE, text)).toBe("the value must be true or false");
  });

  test.each(["", "deny,list", "Deny", "other"])("refuses %j for an enum", (text) => {
    expect(set(POLICY, text)).toBe("the value must be one of deny,list");
  });

  test.each(["", "x".repeat(129)])("refuses the string %j for its length", (text) => {
    expect(set(NAME, text)).toBe("the value must have 1-128 characters");
  });

  test("refuses any integer without a format", () => {
    expect(set({ ...LIMIT, format: undefined }, "6")).toBeDefined();
  });

  test("refuses an unknown property and one that is only read", () => {
    expect(set(undefined, "6")).toBe("this property cannot be set");
    expect(set(POWER, "6")).toBe("this property cannot be set");
  });

  test("returns the error of the command", () => {
    const failure = { code: "no-vehicle", message: "no vehicle is plugged" };
    const property = { ...LIMIT, set: () => failure };
    expect(setProperty(property, { text: "6", snapshot: SNAPSHOT, commands: [] })).toBe(failure);
  });
});
