/**
 * Whether a browser says that a request comes from a page that is not the station's. An app sends neither header.
 *
 * `Origin` must be the address that the request went to, and that must be a number: a name could be anybody's that
 * was made to resolve to the station (DNS rebinding).
 */
export function isForeign(headers: ReadonlyMap<string, string>): boolean {
  const site = headers.get("sec-fetch-site");
  if (site === "cross-site" || site === "same-site") return true;
  const origin = headers.get("origin");
  return origin !== undefined && origin !== ownOrigin(headers);
}

/**
 * Whether a browser's GET gives no sign that it comes from the station's own page. To a station, which has no https,
 * browsers send no `Sec-Fetch-Site`, and an image on a foreign page is asked for without `Origin`, but with the login
 * that the browser remembers.
 */
export function isUnexplained(headers: ReadonlyMap<string, string>): boolean {
  if (!headers.get("user-agent")?.startsWith("Mozilla/")) return false;
  return headers.get("referer")?.startsWith(`${ownOrigin(headers)}/`) !== true;
}

function ownOrigin(headers: ReadonlyMap<string, string>): string | undefined {
  const host = headers.get("host") ?? "";
  return /^\d{1,3}(\.\d{1,3}){3}(:\d{1,5})?$/.test(host) ? `http://${host}` : undefined;
}
