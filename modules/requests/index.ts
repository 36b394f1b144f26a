export {
  type RequestConnection,
  type Requester,
  type RequestFailure,
  type RequestOutcome,
  Requests,
  type RequestsOptions,
  responseFilter,
} from "./requests.js";
