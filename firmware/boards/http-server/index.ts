import type {
  Clock,
  HTTPServer,
  HTTPServerConstructor,
  HTTPServerOptions,
  Listener,
  ListenerConstructor,
  TCP,
  TCPConstructor,
  Timer,
} from "../../../modules/board/index.js";
import type { Guard } from "../guard.js";
import { withParts } from "../with-parts.js";
import { Connection, type ConnectionServer } from "./connection.js";

export interface HTTPServerParts {
  readonly TCP: TCPConstructor;
  readonly Listener: ListenerConstructor;
  readonly clock: Clock;
  readonly guard: Guard;
  /** Whether the memory suffices for another request. Otherwise it gets 503. */
  readonly hasRoom?: () => boolean;
}

/**
 * Returns an HTTP/1.1 server over a board's sockets, within the limits of modules/board/http.ts. The chip and the virtual
 * board use the same one (docs/decisions/005).
 */
export function makeHTTPServer(parts: HTTPServerParts): HTTPServerConstructor {
  return withParts(BoundedHTTPServer, parts);
}

/** Interval at which a full server looks for slow connections, ms. */
const CROWDED_MS = 100;

class BoundedHTTPServer implements HTTPServer, ConnectionServer {
  readonly options: HTTPServerOptions;
  readonly parts: HTTPServerParts;
  private readonly _listener: Listener;
  private readonly _connections = new Set<Connection>();
  /** Connections of addresses that have their share already. They give way to connections of other addresses. */
  private _waiting: TCP[] = [];
  private _crowdedTimer: Timer | undefined;

  constructor(options: HTTPServerOptions, parts: HTTPServerParts) {
    this.options = options;
    this.parts = parts;
    this._listener = new parts.Listener({ port: options.port, onReadable: () => this._acceptAll() });
  }

  get port(): number {
    return this._listener.port;
  }

  close(): void {
    this._listener.close();
    this.parts.clock.clear(this._crowdedTimer);
    for (const connection of [...this._waiting, ...this._connections]) connection.close();
    this._waiting = [];
  }

  handleClosed(connection: Connection): void {
    this._connections.delete(connection);
    this.parts.guard.soon(() => this._acceptAll());
  }

  private _acceptAll(): void {
    const waiting = this._waiting;
    this._waiting = [];
    for (const socket of waiting) this._place(socket);
    while (!this._isCrowded || this._slowConnection()) {
      const socket = this._listener.read();
      if (!socket) return;
      this._place(socket);
    }
    this._crowdedTimer ??= this.parts.clock.set(() => {
      this._crowdedTimer = undefined;
      this._acceptAll();
    }, CROWDED_MS);
  }

  private get _isCrowded(): boolean {
    return this._connections.size >= this.options.maxConnections;
  }

  /** The oldest slow connection of the address that has the most connections. It gives way to another address. */
  private _slowConnection(): Connection | undefined {
    const shareOf = ({ remoteAddress }: Connection) => this._shareOf(remoteAddress);
    let found: Connection | undefined;
    for (const one of this._connections) {
      if (one.isSlow && (!found || shareOf(one) > shareOf(found))) found = one;
    }
    return found;
  }

  private _shareOf(address: string | undefined): number {
    let share = 0;
    for (const { remoteAddress } of this._connections) if (remoteAddress === address) share++;
    return share;
  }

  /** Serves a connection, or lets it wait. All connections together stay within the limit. */
  private _place(socket: TCP): void {
    const { maxConnections, maxConnectionsPerAddress } = this.options;
    const isFull = this._connections.size + this._waiting.length >= maxConnections;
    if (this._shareOf(socket.remoteAddress) < maxConnectionsPerAddress) {
      if (isFull) this._waiting.pop()?.close();
      if (this._isCrowded) this._slowConnection()?.abandon();
      this._serve(socket);
    } else if (isFull) {
      socket.close();
    } else {
      this._waiting.push(socket);
    }
  }

  private _serve(socket: TCP): void {
    const connection = new Connection(socket, this);
    this._connections.add(connection);
    this.options.onConnect(connection);
    if (!connection.isAccepted) connection.close();
  }
}
