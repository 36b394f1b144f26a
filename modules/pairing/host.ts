import type { IO } from "../board/index.js";
import type { MQTTFailure } from "../mqtt/index.js";
import type { Route } from "../web/index.js";
import type { PairingFailure } from "./failure.js";
import type { PairingParameters } from "./parameters.js";

/** The station that is paired. */
export interface PairingHost {
  /** Whether `/pair` needs the admin login now. */
  readonly pairNeedsLogin: boolean;
  /** Connects to the broker once and reports the result. */
  tryBroker(parameters: PairingParameters, done: (failure: MQTTFailure | undefined) => void): IO;
  /** Returns further routes of the HTTP API. */
  apiRoutes(): readonly Route[];
  /** Returns the fields of `/status` about firmware and station, without secrets. */
  describe(): Readonly<Record<string, unknown>>;
  /** A candidate needs the link and the account. The station releases both, then calls `begin`. */
  handleTrying(parameters: PairingParameters): void;
  /** The broker was reached with the parameters, and they are stored. */
  handlePaired(parameters: PairingParameters): void;
  /** The parameters failed; the previous ones stay in use. */
  handlePairingFailed(failure: PairingFailure): void;
  /** Restarts the station on request; the response is already sent. */
  handleRestartRequest(): void;
  /** Resets the station to its provisioned state; the response is already sent. */
  handleResetRequest(): void;
}
