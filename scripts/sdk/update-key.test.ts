import { expect, test } from "@jest/globals";
import { targetOf } from "./targets.js";
import { checkUpdateKey, updateKeyLine } from "./update-key.js";

const RELEASE = { debug: false, unsigned: false };
const KEYED = { updateKey: "ab".repeat(32) };
const BOARDS = ["esp32", "esp32-ethernet", "esp32c3", "esp32c3-ethernet", "esp32s3"];
const SIGNED = ["esp32-signed", "esp32c3-signed"];

function check(
  name: string,
  options: Partial<typeof RELEASE>,
  config: { updateKey?: string } = {},
): () => void {
  return () => checkUpdateKey(targetOf(name), { ...RELEASE, ...options }, config);
}

test.each([...BOARDS, ...SIGNED])("a release of %s without an update key is refused", (name) => {
  expect(check(name, {})).toThrow(/config\.updateKey is not set.*npm run sign -- key/);
  expect(check(name, {}, KEYED)).not.toThrow();
});

test.each(BOARDS)("%s can be built without a key if --unsigned or --debug insists", (name) => {
  expect(check(name, { unsigned: true })).not.toThrow();
  expect(check(name, { debug: true })).not.toThrow();
});

test.each(SIGNED)("%s is never built without a key: nothing could change its firmware", (name) => {
  expect(check(name, { debug: true })).toThrow("config.updateKey is not set");
  expect(check(name, { unsigned: true })).toThrow("cannot be built with --unsigned");
  expect(check(name, { unsigned: true }, KEYED)).toThrow("cannot be built with --unsigned");
});

test.each(["lin", "esp32c3-qemu"])("%s is for development and needs no key", (name) => {
  expect(check(name, {})).not.toThrow();
  expect(updateKeyLine(targetOf(name), {})).toBeUndefined();
});

test("the build's last line names the key, or reports that it is missing", () => {
  expect(updateKeyLine(targetOf("esp32"), KEYED)).toBe(
    `updates           signed by the key ${KEYED.updateKey}`,
  );
  expect(updateKeyLine(targetOf("esp32"), {})).toMatch(
    /NONE: .* development only; .* firmware\.isSigned false$/,
  );
});
