export {
  type RequestFailure,
  type RequestOutcome,
  Requests,
  type RequestsOptions,
  responseFilter,
} from "./requests.js";
