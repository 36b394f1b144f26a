import { describe, expect, test } from "@jest/globals";
import { usesPresetBroker } from "./offer.js";
import type { PairingParameters } from "./parameters.js";

const PLAIN: PairingParameters = {
  wifi: { ssid: "Cafe", password: "espresso-doppio" },
  email: "owner@cafe.example",
  token: "token",
  host: "broker.example",
  port: 1883,
  tls: false,
};
const SECURE: PairingParameters = { ...PLAIN, port: 8883, tls: true };

describe("usesPresetBroker", () => {
  test.each<[string, PairingParameters, Record<string, string>, boolean]>([
    ["accepts any broker without preset fields", PLAIN, {}, true],
    ["accepts the preset host and port", PLAIN, { host: "broker.example", brport: "1883" }, true],
    ["accepts the preset port for TLS", SECURE, { mqtts_port: "8883", security: "tls" }, true],
    [
      "ignores preset fields that are not the broker's",
      PLAIN,
      { wsp: "other@cafe.example", ssid: "Bar" },
      true,
    ],
    ["accepts a board on Ethernet", { ...PLAIN, wifi: undefined }, { host: "broker.example" }, true],
    ["refuses another host", PLAIN, { host: "other.example" }, false],
    ["refuses another port", PLAIN, { brport: "1884" }, false],
    ["refuses plain MQTT beside a preset port for TLS", PLAIN, { mqtts_port: "1883" }, false],
    ["refuses TLS beside a preset port for plain MQTT", SECURE, { brport: "8883" }, false],
    ["refuses plain MQTT where TLS is required", PLAIN, { security: "tls" }, false],
  ])("%s", (_name, parameters, preset, isUsed) => {
    expect(usesPresetBroker(parameters, new Map(Object.entries(preset)))).toBe(isUsed);
  });
});
