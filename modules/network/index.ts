export { type Link, type LinkListener, type LinkState, makeLink } from "./link.js";
export type { ScanResults } from "./scanner.js";
export type { Credentials, LinkFailure, LinkFailureCode } from "./wifi-machine.js";
