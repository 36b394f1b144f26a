import { lookup } from "node:dns";
import { isIPv4 } from "node:net";
import type { BoardParts, FirmwareRun } from "../board/index.js";
import { nodeCrypto } from "./crypto.js";
import { makeNodeHTTPServer } from "./http-server.js";
import { makeNodeSockets, type NodeSocketOptions } from "./sockets.js";

export { NodeClock } from "./clock.js";
export { readResource } from "./resources.js";
export type { NodeSocketOptions } from "./sockets.js";

/**
 * Board parts on Node's real sockets, HTTP server, resolver and cryptography, to replace those of the virtual
 * board.
 */
export function nodeParts(firmware: FirmwareRun, options: NodeSocketOptions = {}): BoardParts {
  const sockets = makeNodeSockets(firmware, options);
  return {
    crypto: nodeCrypto,
    io: { ...sockets, HTTPServer: makeNodeHTTPServer(firmware, options) },
    resolve: (host, done) => {
      if (isIPv4(host)) {
        firmware.soon(() => done(host));
        return;
      }
      lookup(host, { family: 4 }, (error, address) => firmware.run(() => done(error ? undefined : address)));
    },
  };
}
