import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Default validity. It starts at the time at which a certificate is made. */
export const VALID_DAYS = 30;

/** A certificate and its key, as files in PEM and DER. */
export interface Issued {
  readonly cert: string;
  readonly key: string;
  readonly certFile: string;
  readonly keyFile: string;
  readonly der: string;
  readonly keyDer: string;
}

export interface CertificateOptions {
  /** Distinguished name, as `/CN=name`. */
  readonly subject: string;
  /** Issuer; without, the certificate is self-signed. */
  readonly issuer?: Issued;
  /** Key, as OpenSSL's `-newkey` with `-pkeyopt`; default: a new one on P-256. */
  readonly key?: "P-256" | "P-384" | "P-224" | "rsa:2048" | "rsa:1024";
  /** Values of extensions, as OpenSSL's `-addext`. */
  readonly extensions?: readonly string[];
  readonly digest?: "md5" | "sha1" | "sha256" | "sha384";
  readonly validDays?: number;
}

/** Makes certificates by OpenSSL's command line, in a folder. */
export class CertificateMaker {
  readonly #folder: string;
  #count = 0;

  constructor(folder: string) {
    this.#folder = folder;
    // Without a configuration of its own, OpenSSL adds basicConstraints CA:TRUE to every certificate.
    writeFileSync(join(folder, "openssl.cnf"), "[req]\ndistinguished_name = name\n[name]\n");
  }

  authority(subject: string, options: Partial<CertificateOptions> = {}): Issued {
    const extensions = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"];
    return this.issue({ subject, extensions, ...options });
  }

  /** Issues a server's certificate for names. */
  server(
    issuer: Issued | undefined,
    names: readonly string[],
    options: Partial<CertificateOptions> = {},
  ): Issued {
    const altNames = `subjectAltName=${names.map((name) => `DNS:${name}`).join(",")}`;
    const { extensions = [], ...others } = options;
    return this.issue({
      subject: `/CN=${names[0]}`,
      extensions: [altNames, ...extensions],
      ...(issuer && { issuer }),
      ...others,
    });
  }

  issue({
    subject,
    issuer,
    key = "P-256",
    extensions = [],
    digest = "sha256",
    validDays = VALID_DAYS,
  }: CertificateOptions): Issued {
    const base = join(this.#folder, String(this.#count++));
    const [certFile, keyFile, der, keyDer] = ["pem", "key", "der", "key.der"].map(
      (end) => `${base}.${end}`,
    ) as [string, string, string, string];
    const newKey = key.startsWith("rsa")
      ? ["-newkey", key]
      : ["-newkey", "ec", "-pkeyopt", `ec_paramgen_curve:${key}`];
    openSSL([
      ...["req", "-x509", "-config", join(this.#folder, "openssl.cnf"), "-nodes", `-${digest}`, ...newKey],
      ...["-subj", subject, "-days", String(validDays), "-out", certFile, "-keyout", keyFile],
      ...(issuer ? ["-CA", issuer.certFile, "-CAkey", issuer.keyFile] : []),
      ...extensions.flatMap((extension) => ["-addext", extension]),
    ]);
    openSSL(["x509", "-in", certFile, "-outform", "DER", "-out", der]);
    openSSL(["pkey", "-in", keyFile, "-outform", "DER", "-out", keyDer]);
    const cert = readFileSync(certFile, "utf8");
    return { cert, key: readFileSync(keyFile, "utf8"), certFile, keyFile, der, keyDer };
  }
}

/** Returns an identity whose certificate was changed after it was signed. */
export function changed(identity: Issued, change: (der: Buffer) => void): Issued {
  const der = readFileSync(identity.der);
  change(der);
  const cert = `-----BEGIN CERTIFICATE-----\n${der.toString("base64")}\n-----END CERTIFICATE-----\n`;
  return { ...identity, cert };
}

function openSSL(options: readonly string[]): void {
  execFileSync("openssl", options, { stdio: ["ignore", "ignore", "pipe"] });
}
