/** What is kept of an update across the restart, and what it means at the next start. */

import type { ResetReason } from "../board/index.js";
import { isJSONObject, type JSONObject, numberField, textField } from "../json/index.js";
import type { RecordFormat } from "../settings/index.js";
import { MAX_VERSION } from "./image.js";

/** A new firmware that has not proven itself. */
export interface Trial {
  readonly from: number;
  readonly to: number;
  /** `installed`: the old firmware has written it. `started`: the new one runs. `confirmed`: it is about to be kept. */
  readonly stage: "installed" | "started" | "confirmed";
  /** The broker was reached before: the new firmware has to reach it, too. */
  readonly hadBroker: boolean;
  /** The new firmware has restarted because it did not prove itself in time. */
  readonly hasGivenUp?: boolean;
}

export interface Rollback {
  readonly version: number;
  readonly why: string;
  /** The firmware's fault, or the second time: that version is not tried again by itself. */
  readonly isFault: boolean;
}

export interface UpdateRecord {
  readonly trial?: Trial;
  /** Until the next firmware has proven itself. */
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

export type Verdict =
  /** Nothing was under way. */
  | { readonly type: "none" }
  /** This firmware is the new one. It has to be confirmed; `hasWayBack` where the bootloader takes it back otherwise. */
  | { readonly type: "trial"; readonly trial: Trial; readonly hasWayBack: boolean }
  /** This firmware is the new one, and was about to be kept when the power went. */
  | { readonly type: "confirmed" }
  /** The old firmware runs again. */
  | { readonly type: "rolled-back"; readonly rollback: Rollback };

/** What the start of a firmware says about an update. */
export function evaluate(record: UpdateRecord, runningVersion: number, resetReason: ResetReason): Verdict {
  const { trial } = record;
  if (!trial) return { type: "none" };
  if (trial.to === runningVersion) {
    if (trial.stage === "confirmed") return { type: "confirmed" };
    // A bootloader with rollback gives one start; one without gives as many as there are.
    return { type: "trial", trial, hasWayBack: trial.stage === "installed" };
  }
  const { why, isFault } = causeOf(trial, resetReason);
  const version = trial.to;
  // What goes wrong twice is not by chance: a firmware may be what pulls the supply down.
  const isSecond = record.rollback?.version === version;
  return { type: "rolled-back", rollback: { version, why, isFault: isFault || isSecond } };
}

function causeOf(trial: Trial, resetReason: ResetReason): Omit<Rollback, "version"> {
  if (resetReason.type === "power")
    return { why: "the power went before the new firmware was confirmed", isFault: false };
  if (resetReason.type === "restart" && trial.stage === "installed")
    return { why: "the new firmware did not start", isFault: true };
  const isFault = resetReason.type === "crash" || trial.hasGivenUp === true;
  return { why: resetReason.reason.slice(0, MAX_WHY_CHARS), isFault };
}
