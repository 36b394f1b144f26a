import { Backoff } from "../backoff/index.js";
import type { Board, Ethernet, IO, Timer, WiFi } from "../board/index.js";
import { formatJSON } from "../json/index.js";
import { Scanner, type ScanResults } from "./scanner.js";
import {
  type Credentials,
  type LinkFailure,
  nextWiFi,
  type WiFiEffect,
  type WiFiInput,
  type WiFiState,
} from "./wifi-machine.js";

/** State of a link. */
export type LinkState =
  | { readonly type: "down" }
  /** The link is joining. `failure` is the reason why the last try failed; the link retries. */
  | { readonly type: "joining"; readonly failure: LinkFailure | undefined }
  | { readonly type: "up"; readonly address: string; readonly ssid?: string };

/** Receives changes of a link. Listeners are called in the order in which they subscribed. */
export interface LinkListener {
  handleLinkState?(state: LinkState): void;
  /** The radio is about to change to this channel. The listener must not call the link. */
  handleLinkChannel?(channel: number): void;
}

/** The station's connection to a local network: Wi-Fi or Ethernet, whichever the board has. */
export interface Link extends IO {
  readonly state: LinkState;
  /** Why the latest attempt to join failed; `undefined` once the network is up, and after `join` and `leave`. */
  readonly failure: LinkFailure | undefined;
  /** Registers a listener for the life of the link. */
  subscribe(listener: LinkListener): void;
  /** Signal strength of the Wi-Fi network, 0-100 %; `undefined` on Ethernet and while not joined. */
  readonly signalPercent: number | undefined;
  /** Joins a network and rejoins it after a loss, until `leave` or another `join`. Ethernet needs no credentials. */
  join(credentials: Credentials | undefined): void;
  /** Leaves the network. */
  leave(): void;
  /** Scans for networks. Calls `done` once, asynchronously, within 10 s. The result is empty on Ethernet. */
  scan(done: (results: ScanResults) => void): void;
}

/** Makes the link of the board's network interface. */
export function makeLink(board: Board): Link {
  return board.io.network.kind === "wifi" ? new WiFiLink(board) : new EthernetLink(board);
}

const MIN_BACKOFF_MS = 1000;
const MAX_BACKOFF_MS = 60_000;
/** Period of the address check, ms. It recovers from missed events (OpenEVSE #969). */
const CHECK_MS = 30_000;

/** Driver of the Wi-Fi state machine: performs its effects. */
class WiFiLink implements Link {
  private readonly _board: Board;
  private readonly _listeners: LinkListener[] = [];
  private _failure: LinkFailure | undefined;
  private readonly _wifi: WiFi;
  private readonly _scanner: Scanner;
  private _machine: WiFiState = { type: "down" };
  private readonly _backoff: Backoff;
  private _timer: Timer | undefined;
  private readonly _check: Timer;
  private _reported: LinkState = { type: "down" };

  constructor(board: Board) {
    if (board.io.network.kind !== "wifi") throw new Error("the board has no Wi-Fi");
    this._board = board;
    this._backoff = new Backoff({
      minMs: MIN_BACKOFF_MS,
      maxMs: MAX_BACKOFF_MS,
      crypto: board.crypto,
    });
    this._wifi = new board.io.network.WiFi({ onChanged: (event) => this._input(event) });
    this._scanner = new Scanner({ clock: board.clock, wifi: this._wifi });
    this._check = board.clock.repeat(
      () => this._input({ type: "checked", address: this._wifi.address }),
      CHECK_MS,
    );
  }

  get state(): LinkState {
    return linkState(this._machine);
  }

  get failure(): LinkFailure | undefined {
    return this._failure;
  }

  subscribe(listener: LinkListener): void {
    this._listeners.push(listener);
  }

  /** Maps -100 dBm to 0 % and -50 dBm to 100 %. */
  get signalPercent(): number | undefined {
    const { rssi } = this._wifi;
    return rssi === undefined ? undefined : Math.min(100, Math.max(0, 2 * (rssi + 100)));
  }

  join(credentials: Credentials | undefined): void {
    if (!credentials) throw new Error("joining a Wi-Fi network needs credentials");
    this._backoff.reset();
    this._failure = undefined;
    this._input({ type: "join", credentials });
  }

  leave(): void {
    this._failure = undefined;
    this._input({ type: "leave" });
  }

  scan(done: (results: ScanResults) => void): void {
    this._scanner.scan(done);
  }

  close(): void {
    this._board.clock.clear(this._timer);
    this._board.clock.clear(this._check);
    this._scanner.close();
    this._wifi.close();
  }

  private _input(input: WiFiInput): void {
    const { state, effects } = nextWiFi(this._machine, input);
    this._machine = state;
    for (const effect of effects) this._perform(effect);
    if (state.type === "up") this._backoff.reset();
    this._report();
  }

  private _perform(effect: WiFiEffect): void {
    switch (effect.type) {
      case "scan":
        this._scanner.scan((results) => {
          for (const { ssid, channel } of results) this._input({ type: "found", ssid, channel });
          this._input({ type: "scanned" });
        });
        break;
      case "channel":
        for (const listener of this._listeners) listener.handleLinkChannel?.(effect.channel);
        break;
      case "connect":
        this._wifi.connect(effect.credentials);
        break;
      case "disconnect":
        this._wifi.disconnect();
        break;
      case "timer":
        this._setTimer(effect.delayMs === "backoff" ? this._backoff.next() : effect.delayMs);
        break;
      case "no-timer":
        this._board.clock.clear(this._timer);
        this._timer = undefined;
        break;
    }
  }

  private _setTimer(delayMs: number): void {
    this._board.clock.clear(this._timer);
    this._timer = this._board.clock.set(() => this._input({ type: "timer" }), delayMs);
  }

  private _report(): void {
    const state = this.state;
    if (formatJSON(state) === formatJSON(this._reported)) return;
    this._reported = state;
    if (state.type === "up") this._failure = undefined;
    else if (state.type === "joining" && state.failure) this._failure = state.failure;
    for (const listener of this._listeners) listener.handleLinkState?.(state);
  }
}

function linkState(state: WiFiState): LinkState {
  switch (state.type) {
    case "down":
      return { type: "down" };
    case "up":
      return { type: "up", address: state.address, ssid: state.credentials.ssid };
    case "waiting":
      return { type: "joining", failure: state.failure };
    case "scanning":
    case "associating":
    case "addressing":
      return { type: "joining", failure: undefined };
  }
}

/** Ethernet: the link is up while the interface has an address. */
class EthernetLink implements Link {
  private _ethernet: Ethernet | undefined;
  readonly signalPercent = undefined;
  readonly failure = undefined;
  private readonly _board: Board;
  private readonly _listeners: LinkListener[] = [];

  constructor(board: Board) {
    this._board = board;
  }

  subscribe(listener: LinkListener): void {
    this._listeners.push(listener);
  }

  get state(): LinkState {
    if (!this._ethernet) return { type: "down" };
    const { address } = this._ethernet;
    return address === undefined ? { type: "joining", failure: undefined } : { type: "up", address };
  }

  join(): void {
    const { network } = this._board.io;
    if (network.kind !== "ethernet") throw new Error("the board has no Ethernet");
    this._ethernet ??= new network.Ethernet({ onChanged: () => this._report() });
    // An interface that already has an address causes no event.
    this._board.clock.set(() => this._report(), 0);
  }

  scan(done: (results: ScanResults) => void): void {
    this._board.clock.set(() => done([]), 0);
  }

  /** Does nothing: the cable stays plugged in, and the HTTP API stays reachable. */
  leave(): void {}

  close(): void {
    this._ethernet?.close();
    this._ethernet = undefined;
  }

  private _report(): void {
    for (const listener of this._listeners) listener.handleLinkState?.(this.state);
  }
}
