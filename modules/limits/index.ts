export { BoundedMap } from "./bounded-map.js";
export { AttemptLimiter } from "./limiter.js";
