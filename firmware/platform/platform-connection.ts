import type { Board, IO, Timer } from "../../modules/board/index.js";
import {
  type IncomingMessage,
  MQTTClient,
  type MQTTFailure,
  type MQTTState,
} from "../../modules/mqtt/index.js";
import type { Link } from "../../modules/network/index.js";
import type { PairingParameters } from "../../modules/pairing/index.js";
import { Requests } from "../../modules/requests/index.js";
import {
  farewell,
  type HomieDevice,
  type LogLevel,
  lastWill,
  Telemetry,
  type TelemetrySource,
} from "../../modules/telemetry/index.js";
import type { StationCommands } from "../commands.js";
import type { StationSnapshot } from "../snapshot.js";
import { brokerAccount, type StationIdentity, userOf } from "./identity.js";

export type StationDevice = HomieDevice<StationSnapshot, StationCommands>;
export type StationSource = TelemetrySource<StationSnapshot, StationCommands>;

export interface PlatformConnectionOptions {
  readonly board: Board;
  readonly identity: StationIdentity;
  readonly parameters: PairingParameters;
  readonly device: StationDevice;
  readonly source: StationSource;
  readonly link: Pick<Link, "state">;
  /** `isOnline` may have changed; `failure` is why the broker was not reached, after an attempt that failed. */
  readonly onChanged: (failure: MQTTFailure | undefined) => void;
}

/** As many may wait for telemetry to send more: requests always find room. */
const TELEMETRY_MESSAGES = 16;
/** For the tree to be taken back. */
const LEAVING_MS = 30_000;

/** A session with the broker under an owner's account, and all that goes over it: requests and telemetry. */
export class PlatformConnection implements IO {
  readonly requests: Requests | undefined;
  private _options: PlatformConnectionOptions;
  private _user: string;
  private _telemetry: Telemetry<StationSnapshot, StationCommands>;
  private _session: MQTTClient;
  private _whenClosed: (() => void) | undefined;
  /** Who waits for it to have left. */
  private _leavers: ((isClean: boolean) => void)[] = [];
  private _leaving: Timer | undefined;
  /** What is left is the broker's acknowledgement. */
  private _isTakenBack = false;
  /** A message that was too long has been logged: one line tells enough, and a sender may repeat it for ever. */
  private _hasLoggedSkipped = false;

  constructor(options: PlatformConnectionOptions) {
    const { board, identity, parameters } = options;
    this._options = options;
    this._user = userOf(board.crypto, parameters);
    this._session = new MQTTClient({
      ...sessionOptions(board, parameters),
      clientId: identity.deviceId,
      will: lastWill({ user: this._user, deviceId: identity.deviceId }),
      clean: false,
      reconnect: true,
      onState: (state) => this._follow(state),
      onDrained: () => {
        if (this._isTakenBack) this._endLeaving(true);
      },
      onMessage: (message) => this._receive(message),
      onSkipped: (byteLength) => this._logSkipped(byteLength),
      onRefusedSubscription: (filter) =>
        board.log(`platform: the broker refused the subscription to ${filter}`),
    });
    this._telemetry = new Telemetry({
      clock: board.clock,
      identity: { ...identity, user: this._user },
      device: options.device,
      source: options.source,
      publish: (message) =>
        this._session.queuedMessages < TELEMETRY_MESSAGES && this._session.publish(message) === "accepted",
    });
    const { filter, qos } = this._telemetry.setSubscription;
    this._session.subscribe(filter, qos);
    this.requests = identity.responseKey && this._makeRequests(identity.responseKey);
  }

  get isOnline(): boolean {
    return this._session.state.type === "online";
  }

  /** What the station says of itself may have changed. */
  update(): void {
    this._telemetry.update();
  }

  rename(name: string): void {
    this._telemetry.rename(name);
  }

  /** For people, in their app. */
  notify(message: string, logLevel: LogLevel): void {
    this._telemetry.notify(message, logLevel);
  }

  /**
   * Takes back all that is retained under this owner, then closes. `done` is told whether the broker has acknowledged
   * all of that; it comes in any case but `close`, and so for each who asks.
   */
  leave(done: (isClean: boolean) => void): void {
    this._leavers.push(done);
    if (this._leavers.length > 1) return;
    this._leaving = this._options.board.clock.set(() => this._endLeaving(false), LEAVING_MS);
    this.requests?.close();
    this._telemetry.clear((isWhole) => {
      // Nothing is said any more, whatever changes.
      this._telemetry.close();
      this._isTakenBack = isWhole;
      if (!isWhole || this._session.queuedMessages === 0) this._endLeaving(isWhole);
    });
  }

  private _endLeaving(isClean: boolean): void {
    if (this._whenClosed) return;
    this._whenClosed = () => {
      for (const done of this._leavers.splice(0)) done(isClean);
    };
    this._options.board.clock.clear(this._leaving);
    this._telemetry.close();
    this._session.close();
  }

  /** Says goodbye where it can: the broker then does not publish the will. That takes a second at most. */
  close(done: () => void = () => {}): void {
    if (this._whenClosed) return;
    this._whenClosed = done;
    this._options.board.clock.clear(this._leaving);
    this.requests?.close();
    this._telemetry.close();
    if (this.isOnline) {
      this._session.publish(farewell({ user: this._user, deviceId: this._options.identity.deviceId }));
    }
    this._session.close();
  }

  private _makeRequests(responseKey: Uint8Array<ArrayBuffer>): Requests {
    const { board, identity } = this._options;
    const requests = new Requests({
      clock: board.clock,
      crypto: board.crypto,
      user: this._user,
      deviceId: identity.deviceId,
      responseKey,
      cipher: identity.cipher,
      isOnline: () => this.isOnline,
      publish: (topic, payload) =>
        this._session.publish({ topic, payload, qos: 1, retain: false }) === "accepted",
    });
    this._session.subscribe(requests.responseFilter, 1);
    return requests;
  }

  private _receive({ topic, payload, qos, retain }: IncomingMessage): void {
    if (this.requests?.receive(topic, payload)) return;
    // A command that is older than the connection does nothing: "start" to whatever vehicle is plugged in by now. It is
    // retained, or has waited since a firmware before this one, which subscribed with QoS 1.
    const isOld = retain || qos > this._telemetry.setSubscription.qos;
    if (!isOld && this._leavers.length === 0) this._telemetry.receive(topic, payload);
  }

  private _logSkipped(byteLength: number): void {
    if (this._hasLoggedSkipped) return;
    this._hasLoggedSkipped = true;
    this._options.board.log(
      `platform: skipped a message of ${byteLength} bytes, which is too long; further ones are not logged`,
    );
  }

  private _follow(state: MQTTState): void {
    if (this._whenClosed) {
      if (state.type === "closed") this._whenClosed();
      return;
    }
    const { state: link } = this._options.link;
    if (state.type === "online") this._telemetry.goOnline(link.type === "up" ? link.address : "");
    else this._telemetry.goOffline();
    if (state.type !== "online" && this._leavers.length > 0) this._endLeaving(false);
    if (this._whenClosed) return;
    this._options.onChanged(state.type === "offline" ? state.reason : undefined);
  }
}

/** How a broker is reached, the same for trying and for staying. */
export function sessionOptions(board: Board, parameters: PairingParameters) {
  const { TCP, TLS } = board.io;
  const account = brokerAccount(board.crypto, parameters);
  return {
    clock: board.clock,
    crypto: board.crypto,
    resolve: board.resolve.bind(board),
    connect: parameters.tls
      ? (options: ConstructorParameters<typeof TLS>[0]) => new TLS(options)
      : (options: ConstructorParameters<typeof TLS>[0]) => new TCP(options),
    host: parameters.host,
    port: parameters.port,
    username: account.username,
    password: account.password,
  };
}
