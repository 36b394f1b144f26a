export { BodyReader } from "./body.js";
export { type Head, HeadReader, isToken, lengthOf } from "./head.js";
