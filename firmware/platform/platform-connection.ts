import type { Board, IO, Timer } from "../../modules/board/index.js";
import {
  type IncomingMessage,
  MQTTClient,
  type MQTTFailure,
  type MQTTListener,
  type MQTTState,
} from "../../modules/mqtt/index.js";
import type { Link } from "../../modules/network/index.js";
import type { PairingParameters } from "../../modules/pairing/index.js";
import {
  type RequestConnection,
  Requests,
  type ResponseKey,
  rotateKey,
} from "../../modules/requests/index.js";
import {
  farewell,
  type HomieDevice,
  type LogLevel,
  lastWill,
  Telemetry,
  type TelemetryMessage,
  type TelemetryOutlet,
  type TelemetrySource,
} from "../../modules/telemetry/index.js";
import type { Trace } from "../../modules/trace/index.js";
import type { StationCommands } from "../commands.js";
import type { StationSnapshot } from "../snapshot.js";
import { ownerAccount, type StationIdentity, userOf } from "./identity.js";

export type StationDevice = HomieDevice<StationSnapshot, StationCommands>;
export type StationSource = TelemetrySource<StationSnapshot, StationCommands>;

export interface PlatformConnectionOptions {
  readonly board: Board;
  readonly identity: StationIdentity;
  readonly parameters: PairingParameters;
  readonly device: StationDevice;
  readonly source: StationSource;
  readonly link: Pick<Link, "state">;
  readonly trace: Pick<Trace, "add" | "report">;
  readonly listener: PlatformConnectionListener;
}

export interface PlatformConnectionListener {
  /** `isOnline` may have changed; `failure` is why the broker was not reached, after an attempt that failed. */
  handleConnectionChanged(failure: MQTTFailure | undefined): void;
}

/** Maximum number of queued messages at which telemetry adds more. The rest of the queue is reserved for requests. */
const TELEMETRY_MESSAGES = 16;
/**
 * End of the topic at which the platform asks for diagnostics. It is no property of the Homie device: comparing one more
 * value at each heartbeat would cost more than the rest of the trace.
 */
const DIAGNOSTICS = "/$telemetry/diagnostics/set";
/** End of the topic at which the platform asks the station to replace its response key. */
const ROTATE_KEY = "/$telemetry/rotate-key/set";
/** Timeout of the removal of retained topics, ms. */
const LEAVING_MS = 30_000;

/** A connection to the broker under an owner's account, with requests and telemetry over it. */
export class PlatformConnection implements IO, MQTTListener, RequestConnection, TelemetryOutlet {
  readonly requests: Requests | undefined;
  private readonly _options: PlatformConnectionOptions;
  private readonly _user: string;
  private readonly _telemetry: Telemetry<StationSnapshot, StationCommands>;
  private readonly _client: MQTTClient;
  private _whenClosed: (() => void) | undefined;
  /** Callbacks of `leave`. */
  private _leaveCallbacks: ((isClean: boolean) => void)[] = [];
  private _leaving: Timer | undefined;
  /** Every retained topic is removed, except for the broker's acknowledgements. */
  private _isCleared = false;
  /** A message that was too long has been logged. Further ones are not: a sender may repeat them without end. */
  private _hasLoggedSkipped = false;
  /** A request `diagnostics` is under way. A second one would double the memory that it takes. */
  private _isReporting = false;
  private _isRotating = false;

  constructor(options: PlatformConnectionOptions) {
    const { board, identity, parameters, trace } = options;
    this._options = options;
    this._user = userOf(board.crypto, parameters);
    this._client = new MQTTClient({
      ...sessionOptions({ board, station: identity, parameters }),
      clientId: identity.deviceId,
      will: lastWill({ user: this._user, deviceId: identity.deviceId }),
      clean: false,
      reconnect: true,
      trace,
      listener: this,
    });
    this._telemetry = new Telemetry({
      clock: board.clock,
      user: this._user,
      name: options.source.snapshot.name,
      identity,
      device: options.device,
      source: options.source,
      outlet: this,
    });
    const { filter, qos } = this._telemetry.setSubscription;
    this._client.subscribe(filter, qos);
    this.requests = identity.responseKey && this._makeRequests(identity.responseKey);
  }

  get isOnline(): boolean {
    return this._client.state.type === "online";
  }

  /** Publishes properties that have changed. */
  update(): void {
    this._telemetry.update();
  }

  rename(name: string): void {
    this._telemetry.rename(name);
  }

  /** Sends a notification to the owner's app. */
  notify(message: string, logLevel: LogLevel): void {
    this._telemetry.notify(message, logLevel);
  }

  /**
   * Removes all retained topics of this owner, then closes. `isClean`: the broker has acknowledged all of it. Each
   * caller's `done` is called once, unless `close` is called before.
   */
  leave(done: (isClean: boolean) => void): void {
    this._leaveCallbacks.push(done);
    if (this._leaveCallbacks.length > 1) return;
    this._leaving = this._options.board.clock.set(() => this._endLeaving(false), LEAVING_MS);
    this.requests?.close();
    this._telemetry.clear((isWhole) => {
      // Later changes are not published any more.
      this._telemetry.close();
      this._isCleared = isWhole;
      if (!isWhole || this._client.queuedMessages === 0) this._endLeaving(isWhole);
    });
  }

  private _endLeaving(isClean: boolean): void {
    if (this._whenClosed) return;
    this._whenClosed = () => {
      for (const done of this._leaveCallbacks.splice(0)) done(isClean);
    };
    this._options.board.clock.clear(this._leaving);
    this._telemetry.close();
    this._client.close();
  }

  /** Disconnects within a second, with a farewell if online: the broker then does not publish the last will. */
  close(done: () => void = () => {}): void {
    if (this._whenClosed) return;
    this._whenClosed = done;
    this._options.board.clock.clear(this._leaving);
    this.requests?.close();
    this._telemetry.close();
    if (this.isOnline) {
      this._client.publish(farewell({ user: this._user, deviceId: this._options.identity.deviceId }));
    }
    this._client.close();
  }

  publishTelemetry(message: TelemetryMessage): boolean {
    return this._client.queuedMessages < TELEMETRY_MESSAGES && this._client.publish(message) === "accepted";
  }

  publishRequest(topic: string, payload: string): boolean {
    return this._client.publish({ topic, payload, qos: 1, retain: false }) === "accepted";
  }

  handleDrained(): void {
    if (this._isCleared) this._endLeaving(true);
  }

  handleRefusedSubscription(filter: string): void {
    const { board, trace } = this._options;
    board.log(`platform: the broker refused the subscription to ${filter}`);
    trace.add("subscriptionRefused");
  }

  private _makeRequests(responseKey: ResponseKey): Requests {
    const { board, identity, trace } = this._options;
    const requests = new Requests({
      clock: board.clock,
      crypto: board.crypto,
      user: this._user,
      deviceId: identity.deviceId,
      responseKey,
      cipher: identity.cipher,
      keyInRequest: identity.keyInRequest,
      trace,
      connection: this,
    });
    this._client.subscribe(requests.responseFilter, 1);
    return requests;
  }

  handleMessage({ topic, payload, qos, retain }: IncomingMessage): void {
    if (this.requests?.receive(topic, payload)) return;
    // Ignore commands that are older than the connection: an old "start" would authorize a vehicle that has plugged in
    // since. Such a command is retained, or was queued for an earlier firmware, which subscribed with QoS 1.
    const isOld = retain || qos > this._telemetry.setSubscription.qos;
    if (isOld) this._options.trace.add("commandIgnored");
    // While the station leaves its owner or disconnects, a setting would be stored after a factory reset has erased them.
    if (isOld || this._whenClosed || this._leaveCallbacks.length > 0) return;
    if (topic.endsWith(DIAGNOSTICS)) this._sendDiagnostics();
    else if (topic.endsWith(ROTATE_KEY)) this._rotateKey();
    else this._telemetry.receive(topic, payload);
  }

  private _sendDiagnostics(): void {
    if (this._isReporting) return;
    this._isReporting = true;
    this.requests?.request("diagnostics", this._options.trace.report(), () => {
      this._isReporting = false;
    });
  }

  private _rotateKey(): void {
    const { requests } = this;
    const { board, identity } = this._options;
    const { responseKey } = identity;
    // CBC does not authenticate an answer, so that a forged one could replace the key.
    if (this._isRotating || !requests || !responseKey || identity.cipher !== "aes-256-gcm") return;
    this._isRotating = true;
    rotateKey({ requests, responseKey }, (problem) => {
      this._isRotating = false;
      board.log(`platform: the response key was ${problem ? `not replaced: ${problem}` : "replaced"}`);
    });
  }

  handleSkipped(byteLength: number): void {
    if (this._hasLoggedSkipped) return;
    this._hasLoggedSkipped = true;
    this._options.board.log(
      `platform: skipped a message of ${byteLength} bytes, which is too long; further ones are not logged`,
    );
  }

  handleState(state: MQTTState): void {
    if (this._whenClosed) {
      if (state.type === "closed") this._whenClosed();
      return;
    }
    const { state: link } = this._options.link;
    if (state.type === "online") this._telemetry.goOnline(link.type === "up" ? link.address : "");
    else this._telemetry.goOffline();
    if (state.type !== "online" && this._leaveCallbacks.length > 0) this._endLeaving(false);
    if (this._whenClosed) return;
    this._options.listener.handleConnectionChanged(state.type === "offline" ? state.reason : undefined);
  }
}

/**
 * Options of the MQTT client for parameters, for a trial and for a lasting connection. The station's own account, if it
 * has one, is used in place of the owner's.
 */
export function sessionOptions(options: {
  board: Board;
  station: Pick<StationIdentity, "account">;
  parameters: PairingParameters;
}) {
  const { board, station, parameters } = options;
  const account = station.account ?? ownerAccount(board.crypto, parameters);
  return {
    board,
    host: parameters.host,
    port: parameters.port,
    tls: parameters.tls,
    username: account.username,
    password: account.password,
  };
}
