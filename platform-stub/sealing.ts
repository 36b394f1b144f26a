import { createCipheriv, randomBytes } from "node:crypto";
import type { Cipher } from "./entries.js";

/** An answer to a request, before encryption. */
export interface Answer {
  /** The response topic. GCM authenticates it together with id, status and code. */
  readonly topic: string;
  /** Id of the request. */
  readonly id: string;
  /** 1: success, 0: error. */
  readonly status: "0" | "1";
  /** A code in the manner of HTTP. */
  readonly code: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** The message on the response topic. */
export interface Response {
  readonly status: string;
  readonly code: string;
  readonly id: string;
  /** The encrypted data, base64. */
  readonly data: string;
}

/** Encrypts an answer with the response key of a device (docs/protocol.md, section 4). */
export function sealAnswer(
  answer: Answer,
  device: { readonly cipher: Cipher; readonly key: string },
): Response {
  const { status, code, id } = answer;
  const key = Buffer.from(device.key, "hex");
  const plain = Buffer.from(JSON.stringify(answer.data), "utf8");
  const sealed = device.cipher === "aes-256-gcm" ? sealGCM(answer, key, plain) : sealCBC(key, plain);
  return { status, code, id, data: sealed.toString("base64") };
}

/** Encrypts to iv (12 bytes) ‖ ciphertext ‖ tag (16 bytes). */
function sealGCM({ topic, id, status, code }: Answer, key: Buffer, plain: Buffer): Buffer {
  const iv = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", key, iv);
  cipher.setAAD(Buffer.from(`${topic}|${id}|${status}|${code}`, "utf8"));
  return Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** Encrypts to iv (16 bytes) ‖ ciphertext with PKCS#7 padding. CBC does not authenticate. */
function sealCBC(key: Buffer, plain: Buffer): Buffer {
  const iv = randomBytes(16);
  const cipher = createCipheriv("aes-256-cbc", key, iv);
  return Buffer.concat([iv, cipher.update(plain), cipher.final()]);
}
