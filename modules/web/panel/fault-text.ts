import type { ConnectionFailureCode, FaultCode } from "../../faults/index.js";

/** Languages of the panel. */
export type Language = "en" | "cs" | "de" | "uk";
export type FaultText = readonly [what: string, remedy: string];
export type FaultTexts = Readonly<Record<FaultCode | ConnectionFailureCode, FaultText>>;
