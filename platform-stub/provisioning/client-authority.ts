import {
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from "node:crypto";
import { readFileSync } from "node:fs";
import type { ClientCertificate } from "../../modules/settings/index.js";

/** Types of ASN.1 values (X.690 8), and the context-specific ones of a certificate. */
const BOOLEAN = 0x01;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const OBJECT_IDENTIFIER = 0x06;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
const SEQUENCE = 0x30;
const SET = 0x31;
const VERSION = 0xa0;
const EXTENSIONS = 0xa3;
const ECDSA_WITH_SHA256 = "2a8648ce3d040302";
const RSA_WITH_SHA256 = "2a864886f70d01010b";
const COMMON_NAME = "550403";
const BASIC_CONSTRAINTS = "551d13";
const KEY_USAGE = "551d0f";
const EXTENDED_KEY_USAGE = "551d25";
const CLIENT_AUTHENTICATION = "2b06010505070302";
/** Key usage `digitalSignature`, as a BIT STRING with 7 unused bits. */
const DIGITAL_SIGNATURE = Buffer.from([BIT_STRING, 2, 7, 0x80]);
/** No well-defined end (RFC 5280 4.1.2.5): nothing renews a station's certificate. */
const NEVER = "99991231235959Z";
/** Start of the validity before its issue, ms: the platform's clock may be behind. */
const BEFORE_MS = 24 * 60 * 60 * 1000;

/** An authority of the manufacturer that issues each station a client certificate on P-256. */
export class ClientAuthority {
  readonly #key: KeyObject;
  readonly #issuer: Buffer;

  /** Reads a certificate and its private key (RSA or ECDSA) from one PEM file. Throws a message without secrets. */
  constructor(file: string) {
    let certificate: X509Certificate;
    try {
      const pem = readFileSync(file);
      certificate = new X509Certificate(pem);
      this.#key = createPrivateKey(pem);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new Error(`${file} has no certificate with a private key in PEM (${code ?? "invalid"})`);
    }
    if (!certificate.checkPrivateKey(this.#key))
      throw new Error(`the key in ${file} is another certificate's`);
    if (!certificate.ca) throw new Error(`the certificate in ${file} is not of an authority`);
    const [toBeSigned = Buffer.alloc(0)] = childrenOf(certificate.raw);
    // Version, serial number, algorithm, issuer, validity, subject (RFC 5280 4.1).
    this.#issuer = childrenOf(toBeSigned)[5] as Buffer;
  }

  /** Issues a certificate whose common name is the device id. */
  issue(deviceId: string, now: Date): ClientCertificate {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const isRSA = this.#key.asymmetricKeyType === "rsa";
    const algorithm = isRSA
      ? der(SEQUENCE, oid(RSA_WITH_SHA256), Buffer.from([5, 0]))
      : der(SEQUENCE, oid(ECDSA_WITH_SHA256));
    const toBeSigned = der(
      SEQUENCE,
      der(VERSION, der(INTEGER, Buffer.from([2]))),
      // A number that is positive and has no leading zeros.
      der(INTEGER, Buffer.concat([Buffer.from([0x40]), randomBytes(15)])),
      algorithm,
      this.#issuer,
      der(SEQUENCE, timeOf(new Date(now.getTime() - BEFORE_MS)), der(GENERALIZED_TIME, Buffer.from(NEVER))),
      der(SEQUENCE, der(SET, der(SEQUENCE, oid(COMMON_NAME), der(UTF8_STRING, Buffer.from(deviceId))))),
      publicKey.export({ format: "der", type: "spki" }),
      der(
        EXTENSIONS,
        der(
          SEQUENCE,
          extension(BASIC_CONSTRAINTS, der(SEQUENCE)),
          extension(KEY_USAGE, DIGITAL_SIGNATURE),
          extension(EXTENDED_KEY_USAGE, der(SEQUENCE, oid(CLIENT_AUTHENTICATION))),
        ),
      ),
    );
    const signature = Buffer.concat([Buffer.from([0]), sign("sha256", toBeSigned, this.#key)]);
    return {
      certificate: bytesOf(der(SEQUENCE, toBeSigned, algorithm, der(BIT_STRING, signature))),
      key: bytesOf(privateKey.export({ format: "der", type: "pkcs8" })),
    };
  }
}

function bytesOf(buffer: Buffer): ArrayBuffer {
  return new Uint8Array(buffer).buffer;
}

function der(type: number, ...contents: Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.from([type, length]), content]);
  const long = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([type, ...long]), content]);
}

function oid(hex: string): Buffer {
  return der(OBJECT_IDENTIFIER, Buffer.from(hex, "hex"));
}

function extension(id: string, value: Buffer): Buffer {
  return der(SEQUENCE, oid(id), der(BOOLEAN, Buffer.from([0xff])), der(OCTET_STRING, value));
}

/** Time before 2050 (RFC 5280 4.1.2.5.1). */
function timeOf(date: Date): Buffer {
  const text = date.toISOString().replace(/\.\d+/, "").replace(/[-:T]/g, "");
  return der(UTC_TIME, Buffer.from(text.slice(2)));
}

/** The values inside of a DER value, each with its header. */
function childrenOf(value: Buffer): Buffer[] {
  const children: Buffer[] = [];
  for (let at = headerBytes(value, 0); at < value.length; ) {
    const end = at + headerBytes(value, at) + contentBytes(value, at);
    children.push(value.subarray(at, end));
    at = end;
  }
  return children;
}

function headerBytes(value: Buffer, at: number): number {
  const length = value.readUInt8(at + 1);
  return length < 0x80 ? 2 : 2 + (length & 0x7f);
}

function contentBytes(value: Buffer, at: number): number {
  const length = value.readUInt8(at + 1);
  return length < 0x80 ? length : value.readUIntBE(at + 2, length & 0x7f);
}
