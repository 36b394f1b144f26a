import Net from "net";
import type { Board, Clock } from "../../../modules/board/index.js";
import type { Guard } from "../guard.js";
import { isIPv4 } from "./ipv4.js";

/** The SDK's resolver; an address gives itself, and a name that cannot even be asked for is not found. */
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
