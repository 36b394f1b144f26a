export { accessPointName } from "./access-point.js";
export type { PairingFailure, PairingFailureCode } from "./candidate.js";
export { Login, loginFormat } from "./login.js";
export { Pairing, type PairingOptions } from "./pairing.js";
export {
  candidateFormat,
  type Fields,
  type PairingParameters,
  pairingFormat,
  problemOfPart,
} from "./parameters.js";
