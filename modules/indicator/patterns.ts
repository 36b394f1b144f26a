import type { StationStatus } from "../charging/index.js";

/** Durations in ms, alternately on and off. */
export type Pattern = readonly number[];

/** Result of a user's action, signaled once. */
export type Signal = "authorized" | "rejected" | "failed" | "busy" | "ended" | "learned";

/** Lamp output of each status: on, off, or a repeated pattern. */
export const STATUS_PATTERNS: Readonly<Record<StationStatus, Pattern | "on" | "off">> = {
  available: "off",
  plugged: [1000, 1000],
  authorized: [250, 250],
  charging: "on",
  finishing: [200, 1800],
  faulted: [100, 100],
  unavailable: "off",
  "suspended-by-vehicle": [1800, 200],
  "suspended-by-station": [1800, 200],
};

/** Pattern of each signal. It ends with an off time that separates it from the next output. */
export const SIGNAL_PATTERNS: Readonly<Record<Signal, Pattern>> = {
  authorized: [300, 300],
  learned: [100, 100, 300, 300],
  ended: [300, 100, 100, 300],
  rejected: [100, 100, 100, 100, 100, 300],
  failed: [1000, 300],
  busy: [100, 100, 100, 300],
};
