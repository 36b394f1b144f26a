import { generateKeyPairSync, randomBytes } from "node:crypto";
import forge from "node-forge";

const KEY_BITS = 2048;
const DAY_MS = 24 * 60 * 60_000;

/** A certificate and its private key, both in PEM. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}

export interface IdentityOptions {
  /** Name that the certificate is for. */
  readonly name: string;
  /** Addresses that the certificate is for, IPv4. */
  readonly addresses?: readonly string[];
  /** End of validity relative to now, ms. Negative: the certificate has expired. */
  readonly validForMs?: number;
}

/** Certificate authority for tests. Keys are RSA, as the chip's TLS requires. */
export class Authority {
  /** Certificate of the authority itself, PEM. */
  readonly cert: string;
  readonly #key: forge.pki.rsa.PrivateKey;
  readonly #name: forge.pki.CertificateField[];

  /** `known` is an authority that is built into a firmware; default: a new one. */
  constructor(name = "PlugPass test authority", known?: Identity) {
    if (known) {
      this.cert = known.cert;
      this.#key = forge.pki.privateKeyFromPem(known.key);
      this.#name = forge.pki.certificateFromPem(known.cert).subject.attributes;
      return;
    }
    const { publicKey, privateKey } = makeKeys();
    this.#key = privateKey;
    this.#name = [{ name: "commonName", value: name }];
    this.cert = this.#sign({
      publicKey,
      subject: this.#name,
      validForMs: DAY_MS,
      extensions: [{ name: "basicConstraints", cA: true, critical: true }],
    });
  }

  /** Private key of the authority itself, PEM. */
  get key(): string {
    return forge.pki.privateKeyToPem(this.#key);
  }

  /** Issues a server certificate. */
  issue({ name, addresses = [], validForMs = DAY_MS }: IdentityOptions): Identity {
    const { publicKey, privateKey } = makeKeys();
    const altNames = [
      { type: ALT_NAME_DNS, value: name },
      ...addresses.map((ip) => ({ type: ALT_NAME_IP, ip })),
    ];
    const cert = this.#sign({
      publicKey,
      subject: [{ name: "commonName", value: name }],
      validForMs,
      extensions: [{ name: "subjectAltName", altNames }],
    });
    return { cert, key: forge.pki.privateKeyToPem(privateKey) };
  }

  /** Issues a server certificate, followed by the authority's own. */
  issueChain(options: IdentityOptions): Identity {
    const { cert, key } = this.issue(options);
    return { cert: cert + this.cert, key };
  }

  #sign(options: {
    readonly publicKey: forge.pki.rsa.PublicKey;
    readonly subject: forge.pki.CertificateField[];
    readonly validForMs: number;
    readonly extensions: object[];
  }): string {
    const certificate = forge.pki.createCertificate();
    certificate.publicKey = options.publicKey;
    // The first byte keeps the number positive, and its encoding short (RFC 5280 4.1.2.2, X.690 8.3.2).
    certificate.serialNumber = `01${randomBytes(8).toString("hex")}`;
    const endMs = Date.now() + options.validForMs;
    certificate.validity.notBefore = new Date(Math.min(Date.now(), endMs) - DAY_MS);
    certificate.validity.notAfter = new Date(endMs);
    certificate.setSubject(options.subject);
    certificate.setIssuer(this.#name);
    certificate.setExtensions(options.extensions);
    certificate.sign(this.#key, forge.md.sha256.create());
    return forge.pki.certificateToPem(certificate);
  }
}

/** Types of alternative names (RFC 5280 4.2.1.6). */
const ALT_NAME_DNS = 2;
const ALT_NAME_IP = 7;

/** Node makes the keys: forge takes seconds for one. */
function makeKeys(): { publicKey: forge.pki.rsa.PublicKey; privateKey: forge.pki.rsa.PrivateKey } {
  const pem = generateKeyPairSync("rsa", {
    modulusLength: KEY_BITS,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  return {
    publicKey: forge.pki.publicKeyFromPem(pem.publicKey),
    privateKey: forge.pki.privateKeyFromPem(pem.privateKey),
  };
}
