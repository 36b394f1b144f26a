/** An ownership transfer that the present owner has requested (docs/protocol.md, section 4). */

import type { Board, IO } from "../../modules/board/index.js";
import { numberField, textField } from "../../modules/json/index.js";
import { type PairingParameters, pairingFormat, problemOfPart } from "../../modules/pairing/index.js";
import type { Requester, RequestOutcome } from "../../modules/requests/index.js";
import type { Records } from "../records.js";
import { tryBroker } from "./broker-trial.js";
import { userOf } from "./identity.js";

export interface OwnerTransferOptions {
  readonly board: Board;
  readonly deviceId: string;
  readonly records: Records;
  readonly platform: Requester;
  readonly host: OwnerTransferHost;
}

/** What a transfer needs of the station. */
export interface OwnerTransferHost {
  /** Proven parameters of the present owner; `undefined` for an unpaired station. */
  readonly parameters: PairingParameters | undefined;
  /** Why the station cannot be transferred now; `undefined` if it can. */
  readonly transferBlocker: string | undefined;
  /** Removes the present owner's retained topics and ends the connection, then calls `continue`. */
  handleTransferLeaving(): void;
  /** The broker was reached with the new owner's account, and the parameters are stored. */
  handleTransferred(parameters: PairingParameters): void;
  /** The station still belongs to the present owner. */
  handleTransferFailed(why: string): void;
}

/** Progress of a transfer. */
type Step =
  | { readonly type: "idle" }
  /** The platform is asked for the new owner's account. */
  | { readonly type: "asking"; readonly request: IO }
  /** The retained topics of the present owner are removed. */
  | { readonly type: "leaving"; readonly parameters: PairingParameters }
  /** The account is tried; link and client id belong to this attempt. */
  | { readonly type: "trying"; readonly attempt: IO };

const IDLE: Step = { type: "idle" };

const MAX_TEXT_CHARS = 128;
const MAX_PORT = 65_535;
/** What a platform answers as long as the new owner has not agreed. */
const FORBIDDEN = 403;

/**
 * Asks the platform for the new owner's account, tries it, and stores it in one write: until then the station belongs
 * to the present owner, whatever happens.
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
  start(owner: string): string | undefined {
    const { platform, host } = this._options;
    const { parameters } = host;
    if (problemOfPart(new Map([["wsp", owner]]))) return "the owner must be an e-mail address";
    if (this.isUnderWay) return "an ownership transfer is under way";
    if (!platform.isOnline || !parameters) return "the station is not connected";
    const blocker = host.transferBlocker;
    if (blocker) return blocker;
    const request = platform.request("change-owner", { owner }, (outcome) => {
      this._step = IDLE;
      const account = parametersOf(this._options.board, parameters, owner, outcome);
      if (typeof account === "string") this._fail(account);
      else if (host.transferBlocker) this._fail(host.transferBlocker);
      else this._leave(account);
    });
    this._step = { type: "asking", request };
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

  /** Cancels the transfer; the present owner stays. The host is not called. */
  close(): void {
    const { _step: step } = this;
    this._step = IDLE;
    if (step.type === "asking") step.request.close();
    else if (step.type === "trying") step.attempt.close();
  }

  private _leave(parameters: PairingParameters): void {
    this._step = { type: "leaving", parameters };
    this._options.host.handleTransferLeaving();
  }

  private _try(parameters: PairingParameters): void {
    const { board, deviceId, host } = this._options;
    const attempt = tryBroker({ board, deviceId, parameters }, (failure) => {
      this._step = IDLE;
      const problem = failure?.message ?? this._store(parameters);
      if (problem) this._fail(problem);
      else host.handleTransferred(parameters);
    });
    this._step = { type: "trying", attempt };
  }

  private _store(parameters: PairingParameters): string | undefined {
    try {
      this._options.records(pairingFormat).write(parameters);
      return undefined;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      return error.message;
    }
  }

  private _fail(why: string): void {
    this._options.host.handleTransferFailed(`the owner has not changed: ${why}`);
  }
}

/** The new owner's parameters in the same network; or why there are none. */
function parametersOf(
  board: Board,
  before: PairingParameters,
  email: string,
  outcome: RequestOutcome,
): PairingParameters | string {
  if (!outcome.ok) {
    const { failure } = outcome;
    const isForbidden = failure.code === "refused" && failure.platformCode === FORBIDDEN;
    return isForbidden ? "the new owner does not expect the station" : `the platform: ${failure.code}`;
  }
  const { data } = outcome;
  const user = textField(data, "user", MAX_TEXT_CHARS);
  const token = textField(data, "token", MAX_TEXT_CHARS);
  if (!user || !token) return "the platform's answer has no user or no token";
  const host = textField(data, "host", MAX_TEXT_CHARS) ?? before.host;
  const port = numberField(data, "port", { min: 1, max: MAX_PORT }) ?? before.port;
  const account = { ...before, email, token, host, port, rootTopic: undefined };
  const parameters = userOf(board.crypto, account) === user ? account : { ...account, rootTopic: user };
  // What could not be read back would leave the station without an owner.
  const { format, parse, version } = pairingFormat;
  return parse(format(parameters), version) ?? "the platform's answer is no account";
}
