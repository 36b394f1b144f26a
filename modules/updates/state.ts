import type { Failure } from "../failure/index.js";
import { NO_KEY, type RefusalCode } from "./refusal.js";

/** Why an update failed. */
export type UpdateFailureCode =
  | RefusalCode
  /** The version check or the download failed; an automatic update is retried. */
  | "not-downloaded"
  /** The sender of an upload has disconnected. */
  | "interrupted";

/** State of the updates. */
export type UpdateState =
  /** The running firmware has no update key and cannot install anything. */
  | { readonly type: "off" }
  /** No check since the start. */
  | { readonly type: "idle" }
  | { readonly type: "checking" }
  | { readonly type: "up-to-date" }
  /** An update is under way. Without a percentage it waits for the end of a session or for the first byte. */
  | { readonly type: "updating"; readonly percent?: number }
  /** The running firmware is new and validated. */
  | { readonly type: "updated" }
  | { readonly type: "failed"; readonly failure: Failure<UpdateFailureCode> }
  | { readonly type: "rolled-back"; readonly version: number; readonly why: string };

/** Text of the property `updatestate` (docs/protocol.md); `undefined` without one. */
export function describeState(state: UpdateState): string | undefined {
  switch (state.type) {
    case "off":
      return `Off: ${NO_KEY.message}`;
    case "idle":
      return undefined;
    case "checking":
      return "Checking for updates";
    case "up-to-date":
      return "Firmware is up to date";
    case "updating":
      return state.percent === undefined ? "Updating" : `Updating ${state.percent}%`;
    case "updated":
      return "Updated successfully";
    case "failed":
      return `Update failed: ${state.failure.message}`;
    case "rolled-back":
      return `Rolled back: version ${state.version}: ${state.why}`;
  }
}
