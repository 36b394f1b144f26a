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
  if (origin === undefined) return false;
  const host = headers.get("host") ?? "";
  return !/^\d{1,3}(\.\d{1,3}){3}(:\d{1,5})?$/.test(host) || origin !== `http://${host}`;
}
