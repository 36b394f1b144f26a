import type { OpeningReason } from "../board/index.js";
import type { Fault } from "../faults/index.js";
import type { StationStatus } from "./charging.js";
import type { ChargingSession, SessionEnd } from "./machine.js";

/** Event that `Charging` reports. */
export type ChargingEvent =
  | { readonly type: "status"; readonly status: StationStatus }
  | { readonly type: "session-started"; readonly session: ChargingSession }
  | { readonly type: "session-ended"; readonly sessionId: string; readonly why: SessionEnd }
  | { readonly type: "faulted"; readonly fault: Fault }
  /** A fault that does not end the session. */
  | { readonly type: "warning"; readonly fault: Fault }
  /** The board's guard has opened the contactor, or has not closed it. A fault that follows is an event of its own. */
  | { readonly type: "guard-opened"; readonly reason: OpeningReason };

export interface ChargingListener {
  handleChargingEvent(event: ChargingEvent): void;
}
