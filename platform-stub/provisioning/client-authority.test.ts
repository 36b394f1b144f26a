import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Authority } from "../../host-tests/virtual/node-board/authority.js";
import { ClientAuthority } from "./client-authority.js";

const ID = "cafe-1a2b3c4d";
const NOW = new Date("2027-01-15T10:00:00Z");

describe("ClientAuthority", () => {
  let folder: string;
  let authority: Authority;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "plugpass-client-authority-"));
    authority = new Authority("Stations");
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  function fileOf(...pems: string[]): string {
    const file = join(folder, "authority.pem");
    writeFileSync(file, pems.join(""));
    return file;
  }

  test("issues a certificate for a device id and its private key", () => {
    const issued = new ClientAuthority(fileOf(authority.cert, authority.key)).issue(ID, NOW);
    const certificate = new X509Certificate(Buffer.from(issued.certificate));
    const issuer = new X509Certificate(authority.cert);
    expect(certificate.subject).toBe(`CN=${ID}`);
    expect(certificate.checkIssued(issuer)).toBe(true);
    expect(certificate.verify(issuer.publicKey)).toBe(true);
    expect(certificate.ca).toBe(false);
    expect(certificate.keyUsage).toEqual(["1.3.6.1.5.5.7.3.2"]);
    expect(new Date(certificate.validFrom).toISOString()).toBe("2027-01-14T10:00:00.000Z");
    expect(certificate.validTo).toBe("Dec 31 23:59:59 9999 GMT");
    const key = createPrivateKey({ key: Buffer.from(issued.key), format: "der", type: "pkcs8" });
    expect(certificate.checkPrivateKey(key)).toBe(true);
  });

  test("issues another key and serial number each time", () => {
    const issuer = new ClientAuthority(fileOf(authority.cert, authority.key));
    const [first, second] = [issuer.issue(ID, NOW), issuer.issue(ID, NOW)].map(
      ({ certificate }) => new X509Certificate(Buffer.from(certificate)),
    );
    expect(first?.serialNumber).not.toBe(second?.serialNumber);
    expect(first?.publicKey.equals(second?.publicKey as typeof first.publicKey)).toBe(false);
  });

  test("refuses files that are no authority, without their content", () => {
    const other = new Authority("Other");
    const leaf = authority.issue({ name: "broker.example" });
    const refused = (file: string) => expect(() => new ClientAuthority(file));
    refused(join(folder, "missing.pem")).toThrow("has no certificate with a private key in PEM (ENOENT)");
    refused(fileOf(authority.cert)).toThrow("has no certificate with a private key in PEM");
    refused(fileOf("text")).toThrow("has no certificate with a private key in PEM");
    refused(fileOf(authority.cert, other.key)).toThrow("is another certificate's");
    refused(fileOf(leaf.cert, leaf.key)).toThrow("is not of an authority");
  });
});
