/**
 * Whether a request is for another host than the station. The host must be an IP address: an attacker can make a name
 * resolve to the station (DNS rebinding), but no address. Apps with HTTP/1.0 send no host.
 */
export function isMisdirected(headers: ReadonlyMap<string, string>): boolean {
  return headers.has("host") && ownOrigin(headers) === undefined;
}

/** Whether a browser's headers show that a request comes from a page of another site. Apps send neither header. */
export function isForeign(headers: ReadonlyMap<string, string>): boolean {
  const site = headers.get("sec-fetch-site");
  if (site === "cross-site" || site === "same-site") return true;
  const origin = headers.get("origin");
  return origin !== undefined && origin !== ownOrigin(headers);
}

/**
 * Whether a browser's GET lacks proof that it comes from the station's own page. Over http browsers send no
 * `Sec-Fetch-Site`. For an image or a script on a foreign page they send no `Origin` either, but the remembered login.
 */
export function isUnexplained(headers: ReadonlyMap<string, string>): boolean {
  if (!isFromBrowser(headers)) return false;
  const own = ownOrigin(headers);
  if (own === undefined) return true;
  return headers.get("origin") !== own && headers.get("referer")?.startsWith(`${own}/`) !== true;
}

/** Headers that browsers send, and apps do not. Node's `fetch` sends `Sec-Fetch-Mode`, too. */
const BROWSER_HEADERS = ["sec-fetch-site", "sec-fetch-dest", "origin", "referer"];

function isFromBrowser(headers: ReadonlyMap<string, string>): boolean {
  return (
    BROWSER_HEADERS.some((name) => headers.has(name)) ||
    headers.get("user-agent")?.startsWith("Mozilla/") === true ||
    /text\/html|image\//i.test(headers.get("accept") ?? "")
  );
}

function ownOrigin(headers: ReadonlyMap<string, string>): string | undefined {
  const host = headers.get("host") ?? "";
  return /^\d{1,3}(\.\d{1,3}){3}(:\d{1,5})?$/.test(host) ? `http://${host}` : undefined;
}
