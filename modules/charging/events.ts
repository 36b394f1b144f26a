import type { OpeningReason } from "../board/index.js";
import type { Fault } from "../faults/index.js";
import type { ChargingSession, SessionEnd } from "./machine.js";
import type { StationStatus } from "./status.js";

/** Event that `Charging` reports. */
export type ChargingEvent =
  | { readonly type: "status"; readonly status: StationStatus }
  | { readonly type: "session-started"; readonly session: ChargingSession }
  /** `endedMs`: monotonic time of the end, ms. It is in the past for a vehicle that has left. */
  | {
      readonly type: "session-ended";
      readonly sessionId: string;
      readonly why: SessionEnd;
      readonly endedMs: number;
    }
  | { readonly type: "faulted"; readonly fault: Fault }
  /** A fault that does not stop the station. */
  | { readonly type: "warning"; readonly fault: Fault }
  /** The vehicle was still in C or D 3 s after the offer was withdrawn. The contactor has opened under load. */
  | { readonly type: "stop-ignored" }
  /** The board's guard has opened the contactor, or has not closed it. A fault that follows is an event of its own. */
  | { readonly type: "guard-opened"; readonly reason: OpeningReason };

export interface ChargingListener {
  handleChargingEvent(event: ChargingEvent): void;
}
