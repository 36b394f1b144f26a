export {
  Authorization,
  type AuthorizationOptions,
  type Gate,
  type TagSource,
  type Visitor,
} from "./authorization.js";
export { PlatformVerifier } from "./platform-verifier.js";
export { type AttemptResult, type ResultCode, resultOf } from "./result.js";
export { isTag, tagEnd, tagHash } from "./tag.js";
export type { Card, Method, Verdict, Verifier } from "./verifier.js";
