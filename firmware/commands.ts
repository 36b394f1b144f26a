import type { Failure } from "../modules/failure/index.js";
import type { Settings } from "./settings.js";

/** Why a command was refused (docs/protocol.md, section 5). */
export type CommandFailureCode =
  | "invalid"
  /** The storage fails; nothing has changed. */
  | "storage-failed"
  /** No vehicle is plugged in, or it has a session already. */
  | "no-vehicle"
  /** Something else is under way: a session, an update, an ownership transfer. */
  | "busy"
  /** The command needs the platform, which is not reached. */
  | "offline"
  /** The firmware has no update key. */
  | "no-key";

export type CommandFailure = Failure<CommandFailureCode>;

/** The owner's commands. Each method returns why it cannot be performed; `undefined` if it was. */
export interface StationCommands {
  change(settings: Partial<Settings>): CommandFailure | undefined;
  /** Authorizes the plugged-in vehicle without a card. */
  start(): CommandFailure | undefined;
  /** Ends the session under way, or an authorization that is not used yet. */
  stop(): undefined;
  /** Sets the energy manager's limit for the time of its lease, A. */
  setManagedLimit(limitA: number): CommandFailure | undefined;
  /** Pauses or resumes charging without an end of the session. */
  setPaused(isPaused: boolean): undefined;
  setLearning(isOn: boolean): undefined;
  /** Starts an ownership transfer; its outcome is reported in telemetry and `/status`. */
  transferTo(email: string): CommandFailure | undefined;
  update(options: { readonly allowsDowngrade: boolean }): CommandFailure | undefined;
}
