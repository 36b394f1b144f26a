import Net from "net";
import type { Board, Clock } from "../../../modules/board/index.js";
import type { Guard } from "../guard.js";

const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/;

/** The SDK's resolver; an address gives itself, and a name that cannot even be asked for is not found. */
export function makeResolve(clock: Clock, guard: Guard): Board["resolve"] {
  return (host, done) => {
    if (IPV4.test(host)) {
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
