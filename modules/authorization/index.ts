export {
  Authorization,
  type AuthorizationListener,
  type AuthorizationOptions,
  type AuthorizationPolicy,
  type TagSource,
} from "./authorization.js";
export { AnswerCache } from "./cache.js";
export { ListUpdate, type ListUpdateListener, type ListUpdateOptions } from "./list-update.js";
export {
  LIST_PAGE_TAGS,
  type ListIndex,
  type ListPage,
  LocalList,
  listIndexFormat,
  listPageFormat,
  MAX_LISTED_PROOFS,
  MAX_LISTED_TAGS,
} from "./local-list.js";
export { OFFLINE_POLICIES, type OfflinePolicy, OfflineVerifier } from "./offline-verifier.js";
export { PlatformVerifier } from "./platform-verifier.js";
export type { RefusedTags } from "./refusal-limits.js";
export { type AttemptResult, type ResultCode, resultOf } from "./result.js";
export { acceptsStatic, STATIC_CARDS, type StaticCards } from "./static-cards.js";
export { isTag, tagEnd, tagHash } from "./tag.js";
export type { Card, Method, Verdict, VerificationFailureCode, Verifier } from "./verifier.js";
