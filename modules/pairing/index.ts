export { accessPointName, DEFAULT_TITLE, MAX_TITLE_BYTES } from "./access-point.js";
export type { PairingFailure, PairingFailureCode } from "./failure.js";
export { type FirmwareUploadOptions, firmwareUploadRoute } from "./firmware-upload.js";
export { type FormRoute, GET_AND_POST, type Route } from "./http-api.js";
export { Login, loginFormat } from "./login.js";
export { Pairing, type PairingOptions } from "./pairing.js";
export {
  candidateFormat,
  type Fields,
  type PairingParameters,
  pairingFormat,
  problemOfPart,
} from "./parameters.js";
export { OK, text } from "./reply.js";
