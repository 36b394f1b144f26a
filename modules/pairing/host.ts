import type { IO } from "../board/index.js";
import type { MQTTFailure } from "../mqtt/index.js";
import type { Route } from "../web/index.js";
import type { PairingFailure } from "./failure.js";
import type { PairingParameters } from "./parameters.js";

/** Client that reads `/status`. */
export interface StatusViewer {
  readonly isLoggedIn: boolean;
}

/** The station that is paired. */
export interface PairingHost {
  /** Whether the station has an owner. `/pair` and `/scan` then need the admin login. */
  readonly isOwned: boolean;
  /** Connects to the broker once and reports the result. */
  tryBroker(parameters: PairingParameters, done: (failure: MQTTFailure | undefined) => void): IO;
  /** Returns further routes of the HTTP API. */
  apiRoutes(): readonly Route[];
  /** Returns the fields of `/status` about firmware and station, without secrets. Without the login no card shows. */
  describe(viewer: StatusViewer): Readonly<Record<string, unknown>>;
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
