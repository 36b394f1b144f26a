import { createHash, timingSafeEqual } from "node:crypto";

/** Environment variable with the token that the platform and the provisioning command share. */
export const TOKEN_VARIABLE = "PLUGPASS_PROVISIONING_TOKEN";

/** Reads the token. Throws when it is missing, too short, or contains characters that a header cannot carry. */
export function tokenFrom(environment: NodeJS.ProcessEnv): string {
  const token = environment[TOKEN_VARIABLE] ?? "";
  if (!/^[\x21-\x7e]{16,256}$/.test(token)) {
    throw new Error(
      `set ${TOKEN_VARIABLE} to 16-256 ASCII characters without spaces, the same for the platform and for provisioning`,
    );
  }
  return token;
}

/** Whether an `Authorization` header carries the token. Compares in constant time. */
export function isAuthorized(header: string | undefined, token: string): boolean {
  const [, given = ""] = /^Bearer +(.*)$/i.exec(header ?? "") ?? [];
  return timingSafeEqual(digest(given), digest(token));
}

/** Hashes a text, because the comparison needs values of equal length. */
function digest(text: string): Buffer {
  return createHash("sha256").update(text, "utf8").digest();
}
