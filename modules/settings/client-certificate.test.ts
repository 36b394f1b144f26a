import { describe, expect, test } from "@jest/globals";
import type { Storage } from "../board/index.js";
import { asUint8Array } from "../bytes/index.js";
import { CLIENT_CERTIFICATE_KEY, CLIENT_KEY_KEY, readClientCertificate } from "./index.js";

function storageWith(values: Readonly<Record<string, number>>): Storage {
  const read = (key: string) => {
    const value = values[key];
    return value === undefined ? undefined : Uint8Array.of(value).buffer;
  };
  return { read, write: () => {}, delete: () => {}, keys: () => Object.keys(values), close: () => {} };
}

describe("readClientCertificate", () => {
  test("returns the certificate and the key", () => {
    const found = readClientCertificate(storageWith({ [CLIENT_CERTIFICATE_KEY]: 1, [CLIENT_KEY_KEY]: 2 }));
    expect(asUint8Array(found?.certificate as ArrayBuffer)[0]).toBe(1);
    expect(asUint8Array(found?.key as ArrayBuffer)[0]).toBe(2);
  });

  test("returns nothing if one of them is missing", () => {
    expect(readClientCertificate(storageWith({}))).toBeUndefined();
    expect(readClientCertificate(storageWith({ [CLIENT_CERTIFICATE_KEY]: 1 }))).toBeUndefined();
    expect(readClientCertificate(storageWith({ [CLIENT_KEY_KEY]: 1 }))).toBeUndefined();
  });
});
