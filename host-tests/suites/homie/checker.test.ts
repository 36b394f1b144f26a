import { describe, expect, test } from "@jest/globals";
import { homieErrors, PLATFORM_EXTENSION } from "./checker.js";

/** The car of the specification's examples, completed with all that its tables require. */
const CAR: Readonly<Record<string, string>> = {
  $homie: "3.0.1",
  $name: "Super car",
  $localip: "192.168.0.10",
  $mac: "DE:AD:BE:EF:FE:ED",
  "$fw/name": "weatherstation-firmware",
  "$fw/version": "1.0.0",
  $nodes: "wheels,engine,lights[]",
  $implementation: "esp8266",
  "$implementation/config": "{}",
  $stats: "uptime,cputemp,signal,battery",
  "$stats/interval": "60",
  "$stats/uptime": "120",
  "$stats/cputemp": "48",
  "$stats/signal": "24",
  "$stats/battery": "80",
  $state: "ready",
  "wheels/$name": "Wheels",
  "wheels/$type": "Tyre",
  "wheels/$properties": "angle",
  "wheels/angle": "straight",
  "engine/$name": "Car engine",
  "engine/$type": "V8",
  "engine/$properties": "speed,direction,temperature,horn,paint,on",
  "engine/speed": "-3",
  "engine/speed/$datatype": "integer",
  "engine/direction": "a,b",
  "engine/direction/$datatype": "enum",
  "engine/direction/$format": "on,off,a,,b",
  "engine/temperature": "21.5",
  "engine/temperature/$name": "Engine temperature",
  "engine/temperature/$settable": "false",
  "engine/temperature/$unit": "°C",
  "engine/temperature/$datatype": "float",
  "engine/temperature/$format": "-20:120",
  "engine/horn/$retained": "false",
  "engine/horn/$settable": "true",
  "engine/paint": "255,255,0",
  "engine/paint/$datatype": "color",
  "engine/paint/$format": "rgb",
  "engine/on": "true",
  "engine/on/$datatype": "boolean",
  "lights/$name": "Lights",
  "lights/$type": "LED",
  "lights/$properties": "intensity",
  "lights/$array": "0-1",
  "lights/intensity/$name": "Intensity",
  "lights/intensity/$settable": "true",
  "lights/intensity/$unit": "%",
  "lights/intensity/$datatype": "integer",
  "lights/intensity/$format": "0:100",
  "lights_0/$name": "Back lights",
  "lights_0/intensity": "0",
  "lights_1/$name": "Front lights",
  "lights_1/intensity": "100",
};

/** @param changes `null` removes a topic, `undefined` is a payload that is not UTF-8 */
function errorsOf(changes: Readonly<Record<string, string | null | undefined>> = {}, deviceId = "super-car") {
  const values = new Map<string, string | undefined>(Object.entries(CAR));
  for (const [topic, value] of Object.entries(changes)) {
    if (value === null) values.delete(topic);
    else values.set(topic, value);
  }
  return homieErrors({ deviceId, values });
}

test("the checker accepts the car of the specification", () => {
  expect(errorsOf()).toEqual([]);
});

describe("the checker reports the missing attribute", () => {
  const required = [
    ...[
      "$homie",
      "$name",
      "$state",
      "$localip",
      "$mac",
      "$fw/name",
      "$fw/version",
      "$nodes",
      "$implementation",
    ],
    ...["$stats", "$stats/interval", "$stats/uptime", "$stats/signal"],
    ...["engine/$name", "engine/$type", "engine/$properties", "lights/$array"],
    ...[
      "engine/direction/$format",
      "engine/paint/$format",
      "engine/temperature",
      "wheels/angle",
      "lights_1/intensity",
    ],
  ];
  test.each(required)("%s", (topic) => {
    expect(errorsOf({ [topic]: null })).not.toEqual([]);
  });
});

test.each(["::", "::1", "fe80::1:2", "2001:db8:0:0:0:0:0:1", "::ffff:10.0.0.1", "0.0.0.0"])(
  "the checker accepts the address %s",
  ($localip) => {
    expect(errorsOf({ $localip })).toEqual([]);
  },
);

test.each([
  "::::",
  ":",
  "1:2",
  "1:2:3:4:5:6:7:8:9",
  "1:2:3:4:5:6:7::8",
  "::12345",
  "::1::",
  "1.2.3",
  "10.0.0.1::",
])("the checker rejects the address %s", ($localip) => {
  expect(errorsOf({ $localip })).toEqual([`$localip is ${$localip} (Device attributes)`]);
});

describe("the checker reports", () => {
  test.each<[string, Record<string, string | null | undefined>, string]>([
    ["another version", { $homie: "4.0.0" }, "$homie is 4.0.0 (Device attributes)"],
    ["a state that is none", { $state: "online" }, "$state is online (Device attributes)"],
    ["a MAC in lower case", { $mac: "de:ad:be:ef:fe:ed" }, "$mac is de:ad:be:ef:fe:ed"],
    ["an address that is none", { $localip: "192.168.0.256" }, "$localip is 192.168.0.256"],
    ["a firmware's name that is no id", { "$fw/name": "My Firmware" }, "$fw/name is My Firmware"],
    ["statistics without uptime", { $stats: "signal", "$stats/uptime": null }, "$stats is without uptime"],
    ["a signal of 101 %", { "$stats/signal": "101" }, "$stats/signal is 101"],
    ["an interval that is no number", { "$stats/interval": "1 min" }, "$stats/interval is 1 min"],
    ["a statistic in no list", { "$stats/supply": "3.3" }, "$stats/supply is not part of it"],
    ["an upper-case node", { $nodes: "Engine" }, "$nodes is Engine"],
    ["a node with a hyphen at its end", { $nodes: "engine-" }, "the node engine- has no id (Topic IDs)"],
    ["a node twice", { $nodes: "wheels,engine,engine,lights[]" }, "$nodes has something twice"],
    ["a node that is not listed", { $nodes: "engine,lights[]" }, "wheels/$name is not part of it"],
    ["a property with an underscore", { "wheels/$properties": "a_b" }, "the property wheels/a_b has no id"],
    ["a property that is not listed", { "engine/colour": "red" }, "engine/colour is not part of it"],
    [
      "an attribute that no node has",
      { "engine/$state": "ready" },
      "engine/$state is no attribute (Node attributes)",
    ],
    [
      "an attribute that no property has",
      { "engine/speed/$colour": "x" },
      "engine/speed/$colour is no attribute",
    ],
    ["an attribute that no device has", { $colour: "red" }, "$colour is not part of it"],
    ["a datatype that is none", { "engine/speed/$datatype": "number" }, "engine/speed/$datatype is number"],
    ["settable that is no boolean", { "engine/temperature/$settable": "no" }, "$settable is no"],
    ["a range that is none", { "engine/temperature/$format": "cold" }, "$format is cold, for float"],
    ["a range that runs down", { "engine/temperature/$format": "120:-20" }, "$format is 120:-20"],
    ["a format of a string", { "wheels/angle/$format": "1:2" }, "$format is 1:2, for string"],
    ["a word twice", { "engine/direction/$format": "on,on" }, "$format is on,on, for enum"],
    ["a colour's format that is none", { "engine/paint/$format": "cmyk" }, "$format is cmyk, for color"],
    ["an integer that is none", { "engine/speed": "1.5" }, "engine/speed is 1.5, for integer (Payload)"],
    ["a number beside its range", { "engine/temperature": "120.5" }, "engine/temperature is 120.5"],
    ["a float that is none", { "engine/temperature": "1e3" }, "engine/temperature is 1e3"],
    ["a boolean that is none", { "engine/on": "TRUE" }, "engine/on is TRUE, for boolean"],
    ["a word that is not in the enum", { "engine/direction": "a" }, "engine/direction is a, for enum"],
    ["a colour beyond its limits", { "engine/paint": "256,0,0" }, "engine/paint is 256,0,0"],
    [
      "a momentary event that is retained",
      { "engine/horn": "on" },
      "engine/horn is retained, and says that it is not",
    ],
    ["a set that is retained", { "engine/on/set": "true" }, "engine/on/set is not part of it"],
    ["an empty payload", { "wheels/angle": "" }, "wheels/angle is empty (Payload)"],
    ["a payload that is not UTF-8", { "wheels/angle": undefined }, "wheels/angle is not UTF-8 (Payload)"],
    ["an array without a range", { "lights/$array": "two" }, "lights/$array is two (Arrays)"],
    [
      "an array's element outside its range",
      { "lights_2/intensity": "1" },
      "lights_2/intensity is not part of it",
    ],
    ["an array's value beside its range", { "lights_1/intensity": "101" }, "lights_1/intensity is 101"],
    ["an array that is none", { "wheels/$array": "0-1" }, "wheels has $array and is no array"],
  ])("%s", (_name, changes, error) => {
    expect(errorsOf(changes).join("\n")).toContain(error);
  });

  test.each(["Super-Car", "-car", "car-", "super_car", ""])("the device id %j", (deviceId) => {
    expect(errorsOf({}, deviceId).join()).toContain("is no id (Topic IDs)");
  });
});

describe("the platform's extension", () => {
  const extended = new Map<string, string | undefined>([
    ...Object.entries(CAR),
    ["engine/$state", "ready"],
    ["$options", "eco"],
    ["$options/eco", "true"],
    ["$options/eco/$datatype", "boolean"],
    ["$telemetry", "signal"],
    ["$telemetry/signal", "80"],
    ["$telemetry/signal/$datatype", "integer"],
  ]);
  const errors = (changes: [string, string][] = [], extension?: typeof PLATFORM_EXTENSION) =>
    homieErrors({ deviceId: "super-car", values: new Map([...extended, ...changes]) }, extension);

  test("is allowed only where it is enabled", () => {
    expect(errors([], PLATFORM_EXTENSION)).toEqual([]);
    expect(errors()).toHaveLength(7);
  });

  test.each<[string, string]>([
    ["engine/$state", "busy"],
    ["$options/eco", "maybe"],
    ["$options/other", "true"],
    ["$telemetry/signal/$datatype", "percent"],
  ])("has rules, too: %s cannot be %s", (topic, value) => {
    expect(errors([[topic, value]], PLATFORM_EXTENSION)).not.toEqual([]);
  });
});
