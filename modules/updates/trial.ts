/** The record of an update that survives the restart, and its evaluation at the next start. */

import type { ResetReason } from "../board/index.js";
import { isJSONObject, type JSONObject, numberField, textField } from "../json/index.js";
import type { RecordFormat } from "../settings/index.js";
import { MAX_VERSION } from "./image.js";

/** A new firmware that is pending verification. */
export interface Trial {
  /** Version of the firmware that installed the image. */
  readonly from: number;
  /** Version of the new firmware. */
  readonly to: number;
  /**
   * `installed`: the image is written. `started`: the new firmware runs. `confirmed`: it is validated; the bootloader
   * follows.
   */
  readonly stage: "installed" | "started" | "confirmed";
  /** Whether the old firmware reached the broker. If so, the new one must reach it too. */
  readonly hadBroker: boolean;
  /** Whether the new firmware has restarted itself because it was not validated in time. */
  readonly hasGivenUp?: boolean;
}

/** A firmware that was rolled back. */
export interface Rollback {
  readonly version: number;
  /** A sentence for the owner. */
  readonly why: string;
  /** Whether the firmware caused the rollback, or it was the second one. Automatic updates then skip this version. */
  readonly isFault: boolean;
}

/** Content of the record `ota`. */
export interface UpdateRecord {
  readonly trial?: Trial;
  /** The latest rollback; cleared when a firmware is validated. */
  readonly rollback?: Rollback;
}

const MAX_WHY_CHARS = 200;
const VERSIONS = { min: 0, max: MAX_VERSION };
const STAGES: readonly Trial["stage"][] = ["installed", "started", "confirmed"];

/** The record `ota`: `{v, trial?: {from, to, stage, hadBroker, hasGivenUp?}, rollback?: {version, why, isFault}}`. */
export const updateFormat: RecordFormat<UpdateRecord> = {
  key: "ota",
  version: 1,
  parse: (fields) => ({ trial: parseTrial(fields.trial), rollback: parseRollback(fields.rollback) }),
  format: ({ trial, rollback }) => ({ trial, rollback }),
};

function parseTrial(value: unknown): Trial | undefined {
  if (!isJSONObject(value)) return undefined;
  const from = numberField(value, "from", VERSIONS);
  const to = numberField(value, "to", VERSIONS);
  const stage = STAGES.find((one) => one === value.stage);
  if (from === undefined || to === undefined || !stage) return undefined;
  const hasGivenUp = value.hasGivenUp === true || undefined;
  return { from, to, stage, hadBroker: value.hadBroker !== false, hasGivenUp };
}

function parseRollback(value: unknown): Rollback | undefined {
  if (!isJSONObject(value)) return undefined;
  const version = numberField(value, "version", VERSIONS);
  if (version === undefined) return undefined;
  return { version, why: whyOf(value), isFault: value.isFault !== false };
}

function whyOf(value: JSONObject): string {
  return textField(value, "why", MAX_WHY_CHARS) ?? "unknown";
}

/** The state of an update at the start of a firmware. */
export type TrialOutcome =
  /** No update was under way. */
  | { readonly type: "none" }
  /** This firmware is new and pending verification. `canRollBack`: the bootloader still has the old firmware. */
  | { readonly type: "trial"; readonly trial: Trial; readonly canRollBack: boolean }
  /** This firmware is validated, but the power failed before the bootloader was updated. */
  | { readonly type: "validated" }
  /** The old firmware runs again. */
  | { readonly type: "rolled-back"; readonly rollback: Rollback };

/** Evaluates the record at the start of a firmware. */
export function evaluate(
  record: UpdateRecord,
  runningVersion: number,
  resetReason: ResetReason,
): TrialOutcome {
  const { trial } = record;
  if (!trial) return { type: "none" };
  if (trial.to === runningVersion) {
    if (trial.stage === "confirmed") return { type: "validated" };
    // A bootloader with rollback starts an unvalidated image once; a second start means that it has no rollback.
    return { type: "trial", trial, canRollBack: trial.stage === "installed" };
  }
  const { why, isFault } = causeOf(trial, resetReason);
  const version = trial.to;
  // A second rollback is not a coincidence: the firmware itself may overload the supply.
  const isSecond = record.rollback?.version === version;
  return { type: "rolled-back", rollback: { version, why, isFault: isFault || isSecond } };
}

function causeOf(trial: Trial, resetReason: ResetReason): Omit<Rollback, "version"> {
  if (resetReason.type === "power")
    return { why: "the power failed before the new firmware was validated", isFault: false };
  if (resetReason.type === "restart" && trial.stage === "installed")
    return { why: "the new firmware did not start", isFault: true };
  const isFault = resetReason.type === "crash" || trial.hasGivenUp === true;
  return { why: resetReason.reason.slice(0, MAX_WHY_CHARS), isFault };
}
