export { type RequestFailure, type RequestFailureCode, requestFailure } from "./failure.js";
export {
  type RequestConnection,
  type Requester,
  type RequestOutcome,
  Requests,
  type RequestsOptions,
  responseFilter,
} from "./requests.js";
export { keyFormat, keyIdOf, ResponseKey } from "./response-key.js";
export { rotateKey } from "./rotate-key.js";
