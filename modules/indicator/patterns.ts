import type { StationStatus } from "../charging/index.js";

/** Milliseconds on, off, on, off and so on. */
export type Pattern = readonly number[];

/** What somebody who has just done something is told, once. */
export type Signal = "authorized" | "rejected" | "failed" | "busy" | "ended" | "learned";

/** What the lamp shows all the time: on, off, or a pattern again and again. */
export const STATUS_PATTERNS: Readonly<Record<StationStatus, Pattern | "on" | "off">> = {
  available: "off",
  plugged: [1000, 1000],
  authorized: [250, 250],
  charging: "on",
  finishing: [200, 1800],
  faulted: [100, 100],
  unavailable: "off",
};

/** Each ends with an off that sets it apart from what comes after it. */
export const SIGNAL_PATTERNS: Readonly<Record<Signal, Pattern>> = {
  authorized: [300, 300],
  learned: [100, 100, 300, 300],
  ended: [300, 100, 100, 300],
  rejected: [100, 100, 100, 100, 100, 300],
  failed: [1000, 300],
  busy: [100, 100, 100, 300],
};
