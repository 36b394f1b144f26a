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
  #options: PlatformConnectionOptions;
  #user: string;
  #telemetry: Telemetry;
  #session: MQTTSession;
  #whenClosed: (() => void) | undefined;

  constructor(options: PlatformConnectionOptions) {
    const { board, identity, parameters } = options;
    this.#options = options;
    this.#user = userOf(board.crypto, parameters);
    this.#session = new MQTTSession({
      ...sessionOptions(board, parameters),
      clientId: identity.deviceId,
      will: lastWill({ user: this.#user, deviceId: identity.deviceId }),
      clean: false,
      reconnect: true,
      onState: (state) => this.#follow(state),
      onMessage: ({ topic, payload }) => {
        if (!this.requests?.receive(topic, payload)) this.#telemetry.receive(topic, payload);
      },
      onRefusedSubscription: (filter) =>
        board.log(`platform: the broker refused the subscription to ${filter}`),
    });
    this.#telemetry = new Telemetry({
      clock: board.clock,
      identity: { ...identity, user: this.#user },
      tree: options.tree,
      publish: (message) =>
        this.#session.queuedMessages < TELEMETRY_MESSAGES && this.#session.publish(message) === "accepted",
    });
    this.#session.subscribe(this.#telemetry.setFilter, 1);
    this.requests = identity.responseKey && this.#makeRequests(identity.responseKey);
  }

  get isOnline(): boolean {
    return this.#session.state.type === "online";
  }

  /** What the station says of itself may have changed. */
  update(): void {
    this.#telemetry.update();
  }

  rename(name: string): void {
    this.#telemetry.rename(name);
  }

  /** For people, in their app. */
  notify(message: string, logLevel: LogLevel): void {
    this.#telemetry.notify(message, logLevel);
  }

  /** Takes back all that is retained under this owner, then closes; `done` comes in any case. */
  leave(done: () => void): void {
    const { clock } = this.#options.board;
    let isOver = false;
    const end = () => {
      if (isOver) return;
      isOver = true;
      clock.clear(timer);
      this.#whenClosed = done;
      this.requests?.close();
      this.#telemetry.close();
      this.#session.close();
    };
    const timer = clock.set(end, LEAVING_MS);
    this.#telemetry.clear(end);
  }

  /** Says goodbye where it can: the broker then does not publish the will. That takes a second at most. */
  close(done: () => void = () => {}): void {
    if (this.#whenClosed) return;
    this.#whenClosed = done;
    this.requests?.close();
    this.#telemetry.close();
    if (this.isOnline) {
      this.#session.publish(farewell({ user: this.#user, deviceId: this.#options.identity.deviceId }));
    }
    this.#session.close();
  }

  #makeRequests(responseKey: Uint8Array<ArrayBuffer>): Requests {
    const { board, identity } = this.#options;
    const requests = new Requests({
      clock: board.clock,
      crypto: board.crypto,
      user: this.#user,
      deviceId: identity.deviceId,
      responseKey,
      cipher: identity.cipher,
      isOnline: () => this.isOnline,
      publish: (topic, payload) =>
        this.#session.publish({ topic, payload, qos: 1, retain: false }) === "accepted",
    });
    this.#session.subscribe(requests.responseFilter, 1);
    return requests;
  }

  #follow(state: MQTTState): void {
    if (this.#whenClosed) {
      if (state.type === "closed") this.#whenClosed();
      return;
    }
    if (state.type === "online") this.#telemetry.goOnline(this.#options.localIP() ?? "");
    else this.#telemetry.goOffline();
    this.#options.onChanged(state.type === "online", state.type === "offline" ? state.reason : undefined);
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
