/** The platform, as the other parts of the station use it: one object that outlives every connection. */

import type { Board, Clock, IO, Timer } from "../../modules/board/index.js";
import type { JSONObject } from "../../modules/json/index.js";
import type { MQTTFailure } from "../../modules/mqtt/index.js";
import type { Link } from "../../modules/network/index.js";
import type { PairingParameters } from "../../modules/pairing/index.js";
import {
  type Requester,
  type RequestFailure,
  type RequestOutcome,
  requestFailure,
} from "../../modules/requests/index.js";
import type { LogLevel } from "../../modules/telemetry/index.js";
import type { Trace } from "../../modules/trace/index.js";
import type { StationIdentity } from "./identity.js";
import {
  PlatformConnection,
  type PlatformConnectionListener,
  type StationDevice,
  type StationSource,
} from "./platform-connection.js";

/** Receives changes of the connection. Listeners are called in the order of subscription. */
export interface PlatformListener {
  handlePlatformChanged(): void;
}

export interface PlatformOptions {
  readonly board: Board;
  readonly identity: StationIdentity;
  readonly link: Pick<Link, "state">;
  readonly device: StationDevice;
  readonly trace: Pick<Trace, "add" | "report">;
}

interface Notification {
  readonly message: string;
  readonly logLevel: LogLevel;
}

/** Maximum number of notifications that wait for a connection. A further one replaces the oldest. */
const MAX_WAITING_NOTIFICATIONS = 4;

export class Platform implements Requester, IO, PlatformConnectionListener {
  private readonly _options: PlatformOptions;
  private readonly _listeners: PlatformListener[] = [];
  private _connection: PlatformConnection | undefined;
  /** The connection whose retained topics are being removed. */
  private _leaving: PlatformConnection | undefined;
  private _failure: MQTTFailure | undefined;
  private _notifications: Notification[] = [];

  constructor(options: PlatformOptions) {
    this._options = options;
  }

  get isOnline(): boolean {
    return this._connection?.isOnline === true;
  }

  /** Why the latest attempt to reach the broker failed; `undefined` while it is reached. */
  get failure(): MQTTFailure | undefined {
    return this._failure;
  }

  /** Registers a listener until `close`. */
  subscribe(listener: PlatformListener): void {
    this._listeners.push(listener);
  }

  /** Connects under an owner's account, and stays connected until `disconnect` or `leave`. Needs a network. */
  connect({ parameters, source }: { parameters: PairingParameters; source: StationSource }): void {
    const { board, identity, link, device, trace } = this._options;
    this.disconnect();
    this._failure = undefined;
    this._connection = new PlatformConnection({
      board,
      identity,
      parameters,
      device,
      source,
      link,
      trace,
      listener: this,
    });
    for (const { message, logLevel } of this._notifications.splice(0)) {
      this._connection.notify(message, logLevel);
    }
  }

  /** Ends the connection within a second, with a farewell if the broker is reached. */
  disconnect(done?: () => void): void {
    const connection = this._connection;
    this._connection = undefined;
    const last = connection ?? this._leaving;
    // A removal of retained topics under way continues, unless the station itself closes.
    if (connection || done) last?.close(done);
    if (!last) done?.();
    if (connection) this._notifyListeners();
  }

  /**
   * Removes all retained topics of the present owner, then disconnects. `isClean`: the broker has acknowledged all of
   * it. A call during a removal joins that removal.
   */
  leave(done: (isClean: boolean) => void): void {
    const connection = this._connection ?? this._leaving;
    const isNew = this._connection !== undefined;
    this._leaving = connection;
    this._connection = undefined;
    if (!connection) {
      done(false);
      return;
    }
    connection.leave((isClean) => {
      if (this._leaving === connection) this._leaving = undefined;
      done(isClean);
    });
    if (isNew) this._notifyListeners();
  }

  /** `true` while retained topics are being removed. */
  get isLeaving(): boolean {
    return this._leaving !== undefined;
  }

  request(endpoint: string, data: JSONObject, done: (outcome: RequestOutcome) => void): IO {
    const { board, identity } = this._options;
    if (!identity.responseKey) return new FailedRequest(board.clock, requestFailure("unprovisioned"), done);
    const requests = this._connection?.requests;
    if (!requests) return new FailedRequest(board.clock, requestFailure("offline"), done);
    return requests.request(endpoint, data, done);
  }

  /** Publishes the properties that have changed. */
  update(): void {
    this._connection?.update();
  }

  rename(name: string): void {
    this._connection?.rename(name);
  }

  /** Sends a notification to the owner's app, at the next connection if there is no connection now. */
  notify(message: string, logLevel: LogLevel): void {
    if (this._connection) {
      this._connection.notify(message, logLevel);
      return;
    }
    this._notifications.push({ message, logLevel });
    if (this._notifications.length > MAX_WAITING_NOTIFICATIONS) this._notifications.shift();
  }

  /** Drops the waiting notifications: they belong to the previous owner. */
  forgetOwner(): void {
    this._notifications = [];
  }

  close(done: () => void = () => {}): void {
    this._listeners.length = 0;
    this.disconnect(done);
  }

  handleConnectionChanged(failure: MQTTFailure | undefined): void {
    if (failure) this._options.board.log(`platform: ${failure.message}`);
    if (this.isOnline || failure) this._failure = failure;
    this._notifyListeners();
  }

  private _notifyListeners(): void {
    for (const listener of this._listeners) listener.handlePlatformChanged();
  }
}

/** A request that cannot be sent. It fails in the next turn of the clock. */
class FailedRequest implements IO {
  private readonly _clock: Clock;
  private readonly _timer: Timer;

  constructor(clock: Clock, failure: RequestFailure, done: (outcome: RequestOutcome) => void) {
    this._clock = clock;
    this._timer = clock.set(() => done({ ok: false, failure }), 0);
  }

  close(): void {
    this._clock.clear(this._timer);
  }
}
