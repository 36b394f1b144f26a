export { accessPointName, DEFAULT_TITLE, MAX_TITLE_BYTES } from "./access-point.js";
export { accessPointFormat, accessPointPassword } from "./access-point-password.js";
export type { PairingFailure, PairingFailureCode } from "./failure.js";
export type { PairingHost, StatusViewer } from "./host.js";
export { usesPresetBroker } from "./offer.js";
export { Pairing, type PairingOptions } from "./pairing.js";
export {
  candidateFormat,
  type Fields,
  type PairingParameters,
  pairingFormat,
  problemOfPart,
} from "./parameters.js";
