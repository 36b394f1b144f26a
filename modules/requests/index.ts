export { type RequestFailure, type RequestOutcome, Requests, type RequestsOptions } from "./requests.js";
