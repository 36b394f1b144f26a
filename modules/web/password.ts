import type { Crypto } from "../board/index.js";
import { asUint8Array } from "../bytes/index.js";

/** Characters of a generated password, without easily confused ones: 5 bits of entropy each. */
const ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789";

/** Generates a password for people. */
export function generatePassword(crypto: Pick<Crypto, "random">, length: number): string {
  let password = "";
  for (const byte of asUint8Array(crypto.random(length))) password += ALPHABET.charAt(byte & 31);
  return password;
}
