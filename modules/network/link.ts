import { Backoff } from "../backoff/index.js";
import type { Board, Ethernet, IO, Timer, WiFi } from "../board/index.js";
import { Scanner, type ScanResults } from "./scanner.js";
import {
  type Credentials,
  type LinkFailure,
  nextWiFi,
  type WiFiEffect,
  type WiFiInput,
  type WiFiState,
} from "./wifi-machine.js";

/** Whether the station has a place in a network. */
export type LinkState =
  | { readonly type: "down" }
  /** On its way; `failure` is why the last try did not get there. It goes on trying. */
  | { readonly type: "joining"; readonly failure: LinkFailure | undefined }
  | { readonly type: "up"; readonly address: string; readonly ssid?: string };

/** Receives changes of a link. Listeners are called in the order in which they subscribed. */
export interface LinkListener {
  handleLinkState?(state: LinkState): void;
  /** The radio is about to join a network on this channel. Called from inside the link, which must not be used here. */
  handleLinkChannel?(channel: number): void;
}

/** The station's connection to a local network: Wi-Fi or Ethernet, whichever the board has. */
export interface Link extends IO {
  readonly state: LinkState;
  /** Why the latest attempt to join failed; `undefined` once the network is up, and after `join` and `leave`. */
  readonly failure: LinkFailure | undefined;
  /** Registers a listener for the life of the link. */
  subscribe(listener: LinkListener): void;
  /** 0-100, of the Wi-Fi network; `undefined` on a wire and without a network. */
  readonly signalPercent: number | undefined;
  /** Joins and stays joined, trying again for ever, until `leave` or another `join`. Ethernet needs no credentials. */
  join(credentials: Credentials | undefined): void;
  leave(): void;
  /** What networks there are, later, once, within 10 s; none on Ethernet. */
  scan(done: (heard: ScanResults) => void): void;
}

export function makeLink(board: Board): Link {
  return board.io.network.kind === "wifi" ? new WiFiLink(board) : new EthernetLink(board);
}

const MIN_BACKOFF_MS = 1000;
const MAX_BACKOFF_MS = 60_000;
/** Events are missed now and then (OpenEVSE #969); a look is cheap. */
const CHECK_MS = 30_000;

/** Performs the effects of the Wi-Fi machine. */
class WiFiLink implements Link {
  private _board: Board;
  private _listeners: LinkListener[] = [];
  private _failure: LinkFailure | undefined;
  private _wifi: WiFi;
  private _scanner: Scanner;
  private _machine: WiFiState = { type: "down" };
  private _backoff: Backoff;
  private _timer: Timer | undefined;
  private _check: Timer;
  private _reported: LinkState = { type: "down" };

  constructor(board: Board) {
    if (board.io.network.kind !== "wifi") throw new Error("the board has no Wi-Fi");
    this._board = board;
    this._backoff = new Backoff({
      minMs: MIN_BACKOFF_MS,
      maxMs: MAX_BACKOFF_MS,
      random: (byteLength) => board.crypto.random(byteLength),
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

  /** -100 dBm is nothing, -50 dBm is all. */
  get signalPercent(): number | undefined {
    const { rssi } = this._wifi;
    return rssi === undefined ? undefined : Math.min(100, Math.max(0, 2 * (rssi + 100)));
  }

  join(credentials: Credentials | undefined): void {
    if (!credentials) throw new Error("a Wi-Fi network has credentials");
    this._backoff.reset();
    this._failure = undefined;
    this._input({ type: "join", credentials });
  }

  leave(): void {
    this._failure = undefined;
    this._input({ type: "leave" });
  }

  scan(done: (heard: ScanResults) => void): void {
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
        this._scanner.scan((heard) => {
          for (const { ssid, channel } of heard) this._input({ type: "heard", ssid, channel });
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
        break;
    }
  }

  private _setTimer(delayMs: number): void {
    this._board.clock.clear(this._timer);
    this._timer = this._board.clock.set(() => this._input({ type: "timer" }), delayMs);
  }

  private _report(): void {
    const state = this.state;
    if (JSON.stringify(state) === JSON.stringify(this._reported)) return;
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

/** A cable: joined while it has an address. */
class EthernetLink implements Link {
  private _ethernet: Ethernet | undefined;
  readonly signalPercent = undefined;
  readonly failure = undefined;
  private _board: Board;
  private _listeners: LinkListener[] = [];

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
    // A cable that has an address already causes no event of its own.
    this._board.clock.set(() => this._report(), 0);
  }

  scan(done: (heard: ScanResults) => void): void {
    this._board.clock.set(() => done([]), 0);
  }

  /** A cable stays in: there is nothing to leave, and the HTTP API is reached over it. */
  leave(): void {}

  close(): void {
    this._ethernet?.close();
    this._ethernet = undefined;
  }

  private _report(): void {
    for (const listener of this._listeners) listener.handleLinkState?.(this.state);
  }
}
