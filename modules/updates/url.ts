/** As much of a URL as an image can stand at. */
export interface URLParts {
  readonly tls: boolean;
  readonly host: string;
  readonly port: number;
  /** With its query, from the first `/`. */
  readonly path: string;
}

/** `http://` or `https://`, a name or an IPv4 address, a port. `undefined` for anything else. */
export function parseURL(text: string): URLParts | undefined {
  const found = /^(https?):\/\/([A-Za-z0-9.-]{1,128})(?::(\d{1,5}))?(\/[!-~]{0,512})?$/.exec(text);
  if (!found) return undefined;
  const [, scheme, host = "", portText, path = "/"] = found;
  const tls = scheme === "https";
  const port = portText === undefined ? (tls ? 443 : 80) : Number(portText);
  return port >= 1 && port <= 65_535 ? { tls, host, port, path: path.replace(/#.*/, "") } : undefined;
}

/** Where a `Location` leads from a place; `undefined` when nobody should follow: nowhere, or from TLS to plain text. */
export function redirected(from: URLParts, location: string | undefined): URLParts | undefined {
  if (location === undefined) return undefined;
  if (/^\/(?!\/)/.test(location)) return parseURL(urlOf({ ...from, path: location }));
  const to = parseURL(location.startsWith("//") ? `${from.tls ? "https" : "http"}:${location}` : location);
  return to && (to.tls || !from.tls) ? to : undefined;
}

export function urlOf({ tls, host, port, path }: URLParts): string {
  return `${tls ? "https" : "http"}://${host}:${port}${path}`;
}
