import Net from "net";
import type { Board, Clock } from "../../../modules/board/index.js";
import type { Guard } from "../guard.js";
import { isIPv4 } from "./ipv4.js";

/**
 * Returns a resolver over the SDK's. An IPv4 address resolves to itself. A name for which the SDK cannot start a query
 * is reported as not found.
 */
export function makeResolve(clock: Clock, guard: Guard): Board["resolve"] {
  return (host, done) => {
    if (isIPv4(host)) {
      clock.set(() => done(host), 0);
      return;
    }
    try {
      Net.resolve(host, (_host, address) => guard.run(() => done(address)));
    } catch {
      clock.set(() => done(undefined), 0);
    }
  };
}
