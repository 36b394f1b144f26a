import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { readCertificates } from "../../tools/cli/certificates.js";

const CERTIFICATE = rootCertificates[0] ?? "";
const BROKEN = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "plugpass-certificates-"));
  file = join(folder, "ca.pem");
});

afterEach(() => rmSync(folder, { recursive: true }));

test.each([
  ["one certificate", CERTIFICATE],
  ["several certificates and text between them", `first:\n${CERTIFICATE}\nsecond:\n${CERTIFICATE}\n`],
])("a PEM file with %s is read", (_name, text) => {
  writeFileSync(file, text);
  expect(readCertificates(file)).toBe(text);
});

test.each([
  ["no content", ""],
  ["text that is not PEM", "nonsense"],
  ["an invalid certificate", BROKEN],
  ["an invalid certificate after a valid one", `${CERTIFICATE}\n${BROKEN}`],
])("a file with %s is rejected", (_name, text) => {
  writeFileSync(file, text);
  expect(() => readCertificates(file)).toThrow(`${file} holds no certificates in PEM`);
});

test("a missing file is reported", () => {
  expect(() => readCertificates(file)).toThrow(`there is no file ${file}`);
});
