/**
 * Whether a browser's headers show that a request comes from a page of another site. Apps send neither header.
 *
 * `Origin` must be the address of the request, and that must be an IP address: an attacker could make a name resolve
 * to the station (DNS rebinding).
 */
export function isForeign(headers: ReadonlyMap<string, string>): boolean {
  const site = headers.get("sec-fetch-site");
  if (site === "cross-site" || site === "same-site") return true;
  const origin = headers.get("origin");
  return origin !== undefined && origin !== ownOrigin(headers);
}

/**
 * Whether a browser's GET lacks proof that it comes from the station's own page. Over http browsers send no
 * `Sec-Fetch-Site`. For an image on a foreign page they send no `Origin` either, but the remembered login.
 */
export function isUnexplained(headers: ReadonlyMap<string, string>): boolean {
  if (!headers.get("user-agent")?.startsWith("Mozilla/")) return false;
  const origin = ownOrigin(headers);
  return origin === undefined || headers.get("referer")?.startsWith(`${origin}/`) !== true;
}

function ownOrigin(headers: ReadonlyMap<string, string>): string | undefined {
  const host = headers.get("host") ?? "";
  return /^\d{1,3}(\.\d{1,3}){3}(:\d{1,5})?$/.test(host) ? `http://${host}` : undefined;
}
