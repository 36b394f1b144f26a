/** An ownership transfer that the present owner has requested (docs/protocol.md, section 4). */

import type { Board, IO } from "../../modules/board/index.js";
import type { Fault } from "../../modules/faults/index.js";
import { numberField, textField } from "../../modules/json/index.js";
import {
  type PairingParameters,
  pairingFormat,
  problemOfPart,
  usesPresetBroker,
} from "../../modules/pairing/index.js";
import type { Requester, RequestOutcome } from "../../modules/requests/index.js";
import type { CommandFailure } from "../commands.js";
import type { Records } from "../records.js";
import { tryBroker } from "./broker-trial.js";
import { type StationIdentity, userOf } from "./identity.js";

export interface OwnerTransferOptions {
  readonly board: Board;
  readonly station: Pick<StationIdentity, "deviceId" | "account" | "preset">;
  readonly records: Records;
  readonly platform: Requester;
  readonly host: OwnerTransferHost;
}

/** Interface of the station that a transfer uses. */
export interface OwnerTransferHost {
  /** Proven parameters of the present owner; `undefined` for an unpaired station. */
  readonly parameters: PairingParameters | undefined;
  /** Why the station cannot be transferred now; `undefined` if it can. */
  readonly transferBlocker: string | undefined;
  /** The host removes the present owner's retained topics and ends the connection, then calls `continue`. */
  handleTransferLeaving(): void;
  /** The broker was reached with the new owner's account, and the parameters are stored. */
  handleTransferred(parameters: PairingParameters): void;
  /** The station still belongs to the present owner. */
  handleTransferFailed(fault: Fault): void;
}

/** Progress of a transfer. */
type Step =
  | { readonly type: "idle" }
  /** The platform has been requested to return the new owner's account. */
  | { readonly type: "requesting"; readonly request: IO }
  /** The retained topics of the present owner are being removed. */
  | { readonly type: "leaving"; readonly parameters: PairingParameters }
  /** The account is being tried; no other connection uses link and client id meanwhile. */
  | { readonly type: "trying"; readonly attempt: IO };

const IDLE: Step = { type: "idle" };

const MAX_TEXT_CHARS = 128;
const MAX_PORT = 65_535;
/** The platform's error code while the new owner has not accepted the transfer. */
const FORBIDDEN = 403;

/**
 * Transfers the station to a new owner: requests the account from the platform, tries it, and stores it in one write.
 * Until that write the station belongs to the present owner.
 */
export class OwnerTransfer implements IO {
  private readonly _options: OwnerTransferOptions;
  private _step: Step = IDLE;

  constructor(options: OwnerTransferOptions) {
    this._options = options;
  }

  get isUnderWay(): boolean {
    return this._step.type !== "idle";
  }

  /**
   * Starts a transfer to an owner, given by e-mail. Returns why it cannot start; `undefined` if it has, and the host
   * receives the outcome.
   */
  start(owner: string): CommandFailure | undefined {
    const { platform, host } = this._options;
    const { parameters } = host;
    if (problemOfPart(new Map([["wsp", owner]])))
      return { code: "invalid", message: "the new owner must be an e-mail address" };
    const blocker = this.isUnderWay ? "an ownership transfer is under way" : host.transferBlocker;
    if (blocker) return { code: "busy", message: blocker };
    if (!platform.isOnline || !parameters)
      return { code: "offline", message: "the station is not connected" };
    const request = platform.request("change-owner", { owner }, (outcome) => {
      this._step = IDLE;
      const account = parametersOf(this._options, parameters, owner, outcome);
      const isForbidden =
        !outcome.ok && outcome.failure.code === "refused" && outcome.failure.platformCode === FORBIDDEN;
      if (isForbidden) this._fail("the new owner has not accepted the transfer", "transfer-refused");
      else if (typeof account === "string") this._fail(account);
      else if (host.transferBlocker) this._fail(host.transferBlocker);
      else this._leave(account);
    });
    this._step = { type: "requesting", request };
    return undefined;
  }

  /** The present owner's connection has ended; `isClean`: all of its retained topics are removed. */
  continue(isClean: boolean): void {
    if (this._step.type !== "leaving") return;
    const { parameters } = this._step;
    this._step = IDLE;
    if (isClean) this._try(parameters);
    else this._fail("the connection was lost while the retained telemetry was removed");
  }

  /** Cancels the transfer without a call of the host. The station stays with the present owner. */
  close(): void {
    const { _step: step } = this;
    this._step = IDLE;
    if (step.type === "requesting") step.request.close();
    else if (step.type === "trying") step.attempt.close();
  }

  private _leave(parameters: PairingParameters): void {
    this._step = { type: "leaving", parameters };
    this._options.host.handleTransferLeaving();
  }

  private _try(parameters: PairingParameters): void {
    const { board, station, host } = this._options;
    const attempt = tryBroker({ board, station, parameters }, (failure) => {
      this._step = IDLE;
      const problem = failure?.message ?? this._options.records.open(pairingFormat).tryWrite(parameters);
      if (problem) this._fail(problem);
      else host.handleTransferred(parameters);
    });
    this._step = { type: "trying", attempt };
  }

  private _fail(why: string, code: Fault["code"] = "transfer-failed"): void {
    this._options.host.handleTransferFailed({ code, message: `the owner has not changed: ${why}` });
  }
}

/** Returns the new owner's parameters for the same network, or a message why the platform gave no account. */
function parametersOf(
  { board, station }: OwnerTransferOptions,
  before: PairingParameters,
  email: string,
  outcome: RequestOutcome,
): PairingParameters | string {
  if (!outcome.ok) return outcome.failure.message;
  const { data } = outcome;
  const user = textField(data, "user", MAX_TEXT_CHARS);
  const token = textField(data, "token", MAX_TEXT_CHARS);
  if (!user || !token) return "the platform's response has no user or no token";
  const host = textField(data, "host", MAX_TEXT_CHARS) ?? before.host;
  const port = numberField(data, "port", { min: 1, max: MAX_PORT }) ?? before.port;
  const account = { ...before, email, token, host, port, rootTopic: undefined };
  const parameters = userOf(board.crypto, account) === user ? account : { ...account, rootTopic: user };
  // Parameters that cannot be read back would leave the station without an owner.
  const { format, parse, version } = pairingFormat;
  const read = parse(format(parameters), version);
  if (!read) return "the platform's response is not a valid account";
  return usesPresetBroker(read, station.preset)
    ? read
    : "the new account is at another broker than the built-in or provisioned one";
}
