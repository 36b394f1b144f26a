export { accessPointName } from "./access-point.js";
export type { PairingFailure, PairingFailureCode } from "./candidate.js";
export { Pairing, type PairingOptions } from "./pairing.js";
export { type PairingParameters, parametersFormat } from "./parameters.js";
