export { BoundedMap } from "./bounded-map.js";
export { GrowingPause } from "./growing-pause.js";
export { AttemptLimiter } from "./limiter.js";
export { TokenBucket } from "./token-bucket.js";
