export {
  type IncomingMessage,
  MQTTClient,
  type MQTTListener,
  type MQTTSessionOptions,
  type MQTTState,
  type PublishOutcome,
} from "./client.js";
export type { MQTTFailure, MQTTFailureCode } from "./failure.js";
