export type { MQTTFailure, MQTTFailureCode } from "./failure.js";
export {
  type IncomingMessage,
  MQTTSession,
  type MQTTSessionOptions,
  type MQTTState,
  type PublishOutcome,
} from "./session.js";
