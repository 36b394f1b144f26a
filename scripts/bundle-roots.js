/**
 * Builds build/roots.der: the public certificate authorities that the chip trusts, DER, one after the other. They are
 * taken from Node's list, which is Mozilla's, by the fingerprints below. Each costs its size in flash, and no memory.
 */

import { X509Certificate } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { rootCertificates } from "node:tls";
import { fileURLToPath } from "node:url";

const folder = join(dirname(fileURLToPath(import.meta.url)), "..", "build");

/** SHA-256 fingerprint to common name. */
const ROOTS = {
  "96:BC:EC:06:26:49:76:F3:74:60:77:9A:CF:28:C5:A7:CF:E8:A3:C0:AA:E1:1A:8F:FC:EE:05:C0:BD:DF:08:C6":
    "ISRG Root X1",
  "69:72:9B:8E:15:A8:6E:FC:17:7A:57:AF:B7:17:1D:FC:64:AD:D2:8C:2F:CA:8C:F1:50:7E:34:45:3C:CB:14:70":
    "ISRG Root X2",
  "CB:3C:CB:B7:60:31:E5:E0:13:8F:8D:D3:9A:23:F9:DE:47:FF:C3:5E:43:C1:14:4C:EA:27:D4:6A:5A:B1:CB:5F":
    "DigiCert Global Root G2",
  "31:AD:66:48:F8:10:41:38:C7:38:F3:9E:A4:32:01:33:39:3E:3A:18:CC:02:29:6E:F9:7C:2A:C9:EF:67:31:D0":
    "DigiCert Global Root G3",
  "D9:47:43:2A:BD:E7:B7:FA:90:FC:2E:6B:59:10:1B:12:80:E0:E1:C7:E4:E4:0F:A3:C6:88:7F:FF:57:A7:F4:CF":
    "GTS Root R1",
  "34:9D:FA:40:58:C5:E2:63:12:3B:39:8A:E7:95:57:3C:4E:13:13:C8:3F:E6:8F:93:55:6C:D5:E8:03:1B:3C:7D":
    "GTS Root R4",
  "8E:CD:E6:88:4F:3D:87:B1:12:5B:A3:1A:C3:FC:B1:3D:70:16:DE:7F:57:CC:90:4F:E1:CB:97:C6:AE:98:19:6E":
    "Amazon Root CA 1",
  "E7:93:C9:B0:2F:D8:AA:13:E2:1C:31:22:8A:CC:B0:81:19:64:3B:74:9C:89:89:64:B1:74:6D:46:C3:D4:CB:D2":
    "USERTrust RSA Certification Authority",
};

const known = new Map(
  rootCertificates.map((pem) => {
    const certificate = new X509Certificate(pem);
    return [certificate.fingerprint256, certificate.raw];
  }),
);
const certificates = Object.entries(ROOTS).map(([fingerprint, name]) => {
  const raw = known.get(fingerprint);
  if (!raw) throw new Error(`Node ${process.version} does not have the certificate authority ${name}`);
  return raw;
});

mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, "roots.der"), Buffer.concat(certificates));
