/** A parsed http or https URL. */
export interface URLParts {
  readonly tls: boolean;
  readonly host: string;
  readonly port: number;
  /** Path with query, starting with `/`. */
  readonly path: string;
}

/** Parses a URL with the scheme http or https and a name or IPv4 address; `undefined` for any other text. */
export function parseURL(text: string): URLParts | undefined {
  const found = /^(https?):\/\/([A-Za-z0-9.-]{1,128})(?::(\d{1,5}))?(\/[!-~]{0,512})?$/.exec(text);
  if (!found) return undefined;
  const [, scheme, host = "", portText, path = "/"] = found;
  const tls = scheme === "https";
  const port = portText === undefined ? (tls ? 443 : 80) : Number(portText);
  return port >= 1 && port <= 65_535 ? { tls, host, port, path: path.replace(/#.*/, "") } : undefined;
}

/** Resolves a `Location` header against a URL; `undefined` when it is invalid or leads from TLS to plain text. */
export function redirected(from: URLParts, location: string | undefined): URLParts | undefined {
  if (location === undefined) return undefined;
  if (/^\/(?!\/)/.test(location)) return parseURL(urlOf({ ...from, path: location }));
  const to = parseURL(location.startsWith("//") ? `${from.tls ? "https" : "http"}:${location}` : location);
  return to && (to.tls || !from.tls) ? to : undefined;
}

/** Formats a URL with an explicit port. */
export function urlOf({ tls, host, port, path }: URLParts): string {
  return `${tls ? "https" : "http"}://${host}:${port}${path}`;
}
