import { NO_KEY } from "./refusal.js";

/** Where an update is. */
export type UpdateState =
  /** The running firmware has no update key: it installs nothing. */
  | { readonly type: "off" }
  /** Nobody has looked since the start. */
  | { readonly type: "idle" }
  | { readonly type: "checking" }
  | { readonly type: "up-to-date" }
  /** Under way; without a percentage it waits for the vehicle that charges, or for the first byte. */
  | { readonly type: "updating"; readonly percent?: number }
  /** This firmware is the new one, and has proven itself. */
  | { readonly type: "updated" }
  | { readonly type: "failed"; readonly why: string }
  | { readonly type: "rolled-back"; readonly version: number; readonly why: string };

/** What `updatestate` says (docs/protocol.md); `undefined` for nothing to say. */
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
      return `Update failed: ${state.why}`;
    case "rolled-back":
      return `Rolled back: version ${state.version}: ${state.why}`;
  }
}
