/** A change of owner that the present owner has asked for (docs/protocol.md, section 4). */

import type { Board, IO } from "../../modules/board/index.js";
import { numberField, textField } from "../../modules/json/index.js";
import { type PairingParameters, pairingFormat, problemOfPart } from "../../modules/pairing/index.js";
import type { RequestOutcome, Requests } from "../../modules/requests/index.js";
import type { Records } from "../records.js";
import { tryBroker } from "./broker-trial.js";
import { userOf } from "./identity.js";

export interface OwnerChangeOptions {
  readonly board: Board;
  readonly deviceId: string;
  readonly records: Records;
  /** Why the station cannot change hands now, if it cannot. */
  readonly obstacle: () => string | undefined;
  readonly requests: () => Requests | undefined;
  /** What the station runs on. */
  readonly parameters: () => PairingParameters | undefined;
  /** Takes back what is retained under the present owner, and lets go of the account. `false`: not all of it. */
  readonly leave: (done: (isClean: boolean) => void) => void;
  /** The station has reached the broker as the new owner's, and that is stored. */
  readonly onMoved: (parameters: PairingParameters) => void;
  /** It has not: the owner before goes on. */
  readonly onStayed: (why: string) => void;
}

const MAX_TEXT_CHARS = 128;
const MAX_PORT = 65_535;
/** What a platform answers as long as the new owner has not agreed. */
const FORBIDDEN = 403;

/**
 * Asks the platform for the new owner's account, tries it, and only then keeps it, in one write: until then the
 * station is the present owner's, whatever happens.
 */
export class OwnerChange implements IO {
  private _options: OwnerChangeOptions;
  private _step: IO | undefined;
  private _isTrying = false;

  constructor(options: OwnerChangeOptions) {
    this._options = options;
  }

  /** The account is being tried: the link and the client id are this one's. */
  get isTrying(): boolean {
    return this._isTrying;
  }

  get isUnderWay(): boolean {
    return this._isTrying || this._step !== undefined;
  }

  /** Gives why it cannot begin, if it cannot. */
  start(owner: string): string | undefined {
    const { obstacle, requests, parameters } = this._options;
    const platform = requests();
    const before = parameters();
    if (problemOfPart(new Map([["wsp", owner]]))) return "the owner must be an e-mail address";
    if (this.isUnderWay) return "a change of owner is under way";
    if (!platform || !before) return "the station is not connected";
    const problem = obstacle();
    if (problem) return problem;
    this._step = platform.request("change-owner", { owner }, (outcome) => {
      this._step = undefined;
      const account = parametersOf(this._options.board, before, owner, outcome);
      const why = typeof account === "string" ? account : obstacle();
      if (why || typeof account === "string") this._stay(why ?? "");
      else this._try(account);
    });
    return undefined;
  }

  /** Gives up; the owner before goes on. */
  close(): void {
    this._step?.close();
    this._step = undefined;
    this._isTrying = false;
  }

  private _try(parameters: PairingParameters): void {
    const { board, deviceId, leave } = this._options;
    this._isTrying = true;
    leave((isClean) => {
      if (!this._isTrying) return;
      if (!isClean) {
        this._isTrying = false;
        this._stay("the connection broke off while its telemetry was taken back");
        return;
      }
      this._step = tryBroker({ board, deviceId, parameters }, (failure) => {
        this._step = undefined;
        this._isTrying = false;
        const problem = failure?.message ?? this._keep(parameters);
        if (problem) this._stay(problem);
        else this._options.onMoved(parameters);
      });
    });
  }

  private _keep(parameters: PairingParameters): string | undefined {
    try {
      this._options.records(pairingFormat).write(parameters);
      return undefined;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      return error.message;
    }
  }

  private _stay(why: string): void {
    this._options.onStayed(`the owner has not changed: ${why}`);
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
