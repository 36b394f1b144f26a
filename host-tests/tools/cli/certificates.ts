import { X509Certificate } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";

/** Reads a PEM file of certificates. Throws if one is invalid, because TLS would ignore it silently. */
export function readCertificates(file: string): string {
  if (!existsSync(file)) throw new Error(`there is no file ${file}`);
  const text = readFileSync(file, "utf8");
  const certificates = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (certificates.length === 0 || !certificates.every(isCertificate))
    throw new Error(`${file} holds no certificates in PEM`);
  return text;
}

function isCertificate(pem: string): boolean {
  try {
    new X509Certificate(pem);
    return true;
  } catch {
    return false;
  }
}
