import type { Board, IO } from "../modules/board/index.js";
import { type MQTTFailure, MQTTSession, type MQTTState } from "../modules/mqtt/index.js";
import type { PairingParameters } from "../modules/pairing/index.js";
import { Requests } from "../modules/requests/index.js";
import { farewell, type LogLevel, lastWill, Telemetry, type Tree } from "../modules/telemetry/index.js";
import { brokerAccount, type StationIdentity, userOf } from "./identity.js";

export interface PlatformConnectionOptions {
  readonly board: Board;
  readonly identity: StationIdentity;
  readonly parameters: PairingParameters;
  readonly tree: Tree;
  readonly localIP: () => string | undefined;
  /** `failure` is why the station is not online, where it was tried. */
  readonly onChanged: (online: boolean, failure: MQTTFailure | undefined) => void;
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
  private _telemetry: Telemetry;
  private _session: MQTTSession;
  private _whenClosed: (() => void) | undefined;
  /** While it leaves: the broker has acknowledged everything, or has gone. */
  private _whenDrained: (() => void) | undefined;
  private _whenLost: (() => void) | undefined;

  constructor(options: PlatformConnectionOptions) {
    const { board, identity, parameters } = options;
    this._options = options;
    this._user = userOf(board.crypto, parameters);
    this._session = new MQTTSession({
      ...sessionOptions(board, parameters),
      clientId: identity.deviceId,
      will: lastWill({ user: this._user, deviceId: identity.deviceId }),
      clean: false,
      reconnect: true,
      onState: (state) => this._follow(state),
      onDrained: () => this._whenDrained?.(),
      onMessage: ({ topic, payload, retain }) => {
        // A retained command would come again at each connection: "start" to whatever vehicle is plugged then.
        if (!this.requests?.receive(topic, payload) && !retain) this._telemetry.receive(topic, payload);
      },
      onRefusedSubscription: (filter) =>
        board.log(`platform: the broker refused the subscription to ${filter}`),
    });
    this._telemetry = new Telemetry({
      clock: board.clock,
      identity: { ...identity, user: this._user },
      tree: options.tree,
      publish: (message) =>
        this._session.queuedMessages < TELEMETRY_MESSAGES && this._session.publish(message) === "accepted",
    });
    this._session.subscribe(this._telemetry.setFilter, 1);
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
   * Takes back all that is retained under this owner, then closes. `done` comes in any case, and is told whether the
   * broker has acknowledged all of that.
   */
  leave(done: (isClean: boolean) => void): void {
    const { clock } = this._options.board;
    const end = (isClean: boolean) => {
      if (this._whenClosed) return;
      clock.clear(timer);
      this._whenClosed = () => done(isClean);
      this.requests?.close();
      this._telemetry.close();
      this._session.close();
    };
    const timer = clock.set(() => end(false), LEAVING_MS);
    this._whenLost = () => end(false);
    this._telemetry.clear((isWhole) => {
      if (isWhole && this._session.queuedMessages > 0) this._whenDrained = () => end(true);
      else end(isWhole);
    });
  }

  /** Says goodbye where it can: the broker then does not publish the will. That takes a second at most. */
  close(done: () => void = () => {}): void {
    if (this._whenClosed) return;
    this._whenClosed = done;
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

  private _follow(state: MQTTState): void {
    if (this._whenClosed) {
      if (state.type === "closed") this._whenClosed();
      return;
    }
    if (state.type === "online") this._telemetry.goOnline(this._options.localIP() ?? "");
    else this._telemetry.goOffline();
    if (state.type !== "online") this._whenLost?.();
    if (this._whenClosed) return;
    this._options.onChanged(state.type === "online", state.type === "offline" ? state.reason : undefined);
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
