import type { Board } from "../board/index.js";
import { encodeHex } from "../bytes/index.js";
import { type FormRoute, GET } from "./http-api.js";

interface File {
  /** Name of the board's resource, gzipped by scripts/bundle-panel.js. */
  readonly resource: string;
  /** Content type. */
  readonly type: string;
}

const PAGE: File = { resource: "panel-html.gz", type: "text/html; charset=utf-8" };
/** Files of the panel by path. One page serves all routes; its script shows the section of the path. */
const FILES: Readonly<Record<string, File>> = {
  "/": PAGE,
  "/index.html": PAGE,
  "/wifi.html": PAGE,
  "/system.html": PAGE,
  "/panel.css": { resource: "panel-css.gz", type: "text/css; charset=utf-8" },
  "/panel.js": { resource: "panel-js.gz", type: "text/javascript; charset=utf-8" },
};

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const ETAG_CHARS = 16;

/** Returns the route of a panel file. Browsers revalidate a file by its ETag and download it once per version. */
export function panelRoute(
  { resource, crypto }: Pick<Board, "resource" | "crypto">,
  path: string,
): FormRoute | undefined {
  const file = Object.hasOwn(FILES, path) ? FILES[path] : undefined;
  const bytes = file && resource(file.resource);
  if (!bytes) return undefined;
  return {
    path,
    methods: GET,
    needsLogin: true,
    answer(_fields, head) {
      const etag = `"${encodeHex(crypto.sha256(bytes)).slice(0, ETAG_CHARS)}"`;
      const headers = {
        etag,
        "cache-control": "private, no-cache",
        "content-encoding": "gzip",
        "content-security-policy": POLICY,
      };
      const isKnown = head.headers.get("if-none-match") === etag;
      const body = isKnown ? "" : bytes;
      return { status: isKnown ? 304 : 200, body, type: file.type, headers };
    },
  };
}
