import { describe, expect, test } from "@jest/globals";
import { portOption } from "../../../platform-stub/command-line.js";
import {
  deviceIdOption,
  placeOption,
  pskOption,
  ssidOption,
  updateKeyOption,
} from "../../tools/cli/options.js";

describe.each<[string, (text: string) => unknown, readonly string[], readonly string[]]>([
  ["a port", portOption, ["0", "65535"], ["", "-1", "65536", "1e3"]],
  ["a host and port", placeOption, ["broker.example:1883"], ["", "1883", "a:65536", "a:b:1"]],
  ["a device id", deviceIdOption, ["cafe-1", "x".repeat(64)], ["", "a/b", "+", "x".repeat(65)]],
  ["an SSID", ssidOption, ["Café", "x".repeat(32)], ["", `Café${"x".repeat(28)}`]],
  ["an update key", updateKeyOption, ["0".repeat(64)], ["", "0".repeat(63), "x".repeat(64)]],
  ["a Wi-Fi password", pskOption, ["", "x".repeat(8), "x".repeat(63)], ["short", "x".repeat(64)]],
])("the option for %s", (_name, option, right, wrong) => {
  test.each(right)("accepts %j", (text) => {
    expect(() => option(text)).not.toThrow();
  });

  test.each(wrong)("rejects %j", (text) => {
    expect(() => option(text)).toThrow();
  });
});
