import { describe, expect, test } from "@jest/globals";
import { deviceFormat } from "./index.js";

const RECORD = {
  deviceId: "cafe-1a2b3c4d",
  productId: "cafe",
  responseKey: "0f".repeat(32),
  cipher: "aes-256-gcm",
  keyInRequest: false,
  mqtt: { username: "cafe-1a2b3c4d", password: "correct" },
  apPassword: "correct horse",
  adminPassword: "battery staple",
  installationLimitA: 10,
};

describe("the record device", () => {
  test("is parsed", () => {
    expect(deviceFormat.parse(RECORD, 1)).toEqual({
      deviceId: "cafe-1a2b3c4d",
      productId: "cafe",
      responseKey: new Uint8Array(32).fill(15),
      cipher: "aes-256-gcm",
      keyInRequest: false,
      mqtt: { username: "cafe-1a2b3c4d", password: "correct" },
      accessPointPassword: "correct horse",
      adminPassword: "battery staple",
      installationLimitA: 10,
    });
  });

  test("may lack every field", () => {
    expect(deviceFormat.parse({}, 1)).toEqual({});
  });

  test.each<[string, unknown]>([
    ["deviceId", "a/b"],
    ["productId", ""],
    ["responseKey", "0f"],
    ["cipher", "rot13"],
    ["keyInRequest", "false"],
    ["mqtt", "cafe"],
    ["mqtt", { username: "cafe-1a2b3c4d" }],
    ["mqtt", { username: "", password: "correct" }],
    ["mqtt", { username: "cafe-1a2b3c4d", password: "x".repeat(129) }],
    ["apPassword", "seven77"],
    ["adminPassword", "seven77"],
    ["adminPassword", "x".repeat(64)],
    ["adminPassword", 12_345_678],
    ["installationLimitA", 5],
    ["installationLimitA", 33],
    ["installationLimitA", "10"],
  ])("is rejected with an invalid %s: %p", (field, value) => {
    expect(deviceFormat.parse({ ...RECORD, [field]: value }, 1)).toBeUndefined();
  });
});
