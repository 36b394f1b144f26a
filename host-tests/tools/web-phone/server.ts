import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleForBrowser } from "../../../platform-stub/admin/bundle-for-browser.js";

const FOLDER = dirname(fileURLToPath(import.meta.url));
/** Oldest Chrome version that supports every part of Web Bluetooth used here. */
const TARGET = "chrome90";

export interface WebPhone {
  readonly url: string;
  close(): void;
}

/** Serves the page on loopback, where browsers allow Bluetooth without TLS. `port` 0 selects a free port. */
export async function serveWebPhone(port: number): Promise<WebPhone> {
  const script = await bundleForBrowser({ file: join(FOLDER, "page.ts"), target: TARGET });
  const files = new Map([
    ["/", { type: "text/html; charset=utf-8", body: readFileSync(join(FOLDER, "page.html")) }],
    ["/page.js", { type: "text/javascript; charset=utf-8", body: script }],
  ]);
  const server = createServer(({ method, url }, response) => {
    const file = files.get(url ?? "");
    if (!file || (method !== "GET" && method !== "HEAD")) {
      response.writeHead(file ? 405 : 404).end();
      return;
    }
    response.writeHead(200, { "content-type": file.type, "cache-control": "no-store" });
    response.end(method === "HEAD" ? undefined : file.body);
  });
  await listen(server, port);
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}/`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const why = error.code === "EADDRINUSE" ? "is in use" : `cannot be opened (${error.code})`;
      reject(new Error(`port ${port} ${why}; choose another with --port`));
    });
    server.listen(port, "127.0.0.1", resolve);
  });
}
