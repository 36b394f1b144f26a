import { createHash, timingSafeEqual } from "node:crypto";

/** The environment variable with the token that both ends of provisioning share. */
export const TOKEN_VARIABLE = "PLUGPASS_PROVISIONING_TOKEN";

/** Throws when there is none, or one that is easily guessed or stands in no header. */
export function tokenFrom(environment: NodeJS.ProcessEnv): string {
  const token = environment[TOKEN_VARIABLE] ?? "";
  if (!/^[\x21-\x7e]{16,256}$/.test(token)) {
    throw new Error(
      `set ${TOKEN_VARIABLE} to 16-256 ASCII characters without spaces, the same for the platform and for provisioning`,
    );
  }
  return token;
}

/** Whether a request's `Authorization` carries the token; takes as long for a wrong one as for the right one. */
export function isAuthorized(header: string | undefined, token: string): boolean {
  const [, given = ""] = /^Bearer +(.*)$/i.exec(header ?? "") ?? [];
  return timingSafeEqual(digest(given), digest(token));
}

/** Digests are of one length, which the comparison needs. */
function digest(text: string): Buffer {
  return createHash("sha256").update(text, "utf8").digest();
}
