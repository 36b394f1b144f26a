import type { Settings } from "./settings.js";

/** The owner's commands. Each method returns why it cannot be performed; `undefined` if it was. */
export interface StationCommands {
  change(settings: Partial<Settings>): string | undefined;
  /** Authorizes the plugged-in vehicle without a card. */
  start(): string | undefined;
  /** Ends the session under way, or an authorization that is not used yet. */
  stop(): undefined;
  setLearning(isOn: boolean): undefined;
  /** Starts an ownership transfer; its outcome is reported in telemetry and `/status`. */
  transferTo(email: string): string | undefined;
  update(options: { readonly allowsDowngrade: boolean }): string | undefined;
}
