import type {
  Clock,
  HTTPServer,
  HTTPServerConstructor,
  HTTPServerOptions,
  Listener,
  ListenerConstructor,
  TCP,
  TCPConstructor,
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

class BoundedHTTPServer implements HTTPServer, ConnectionServer {
  readonly options: HTTPServerOptions;
  readonly parts: HTTPServerParts;
  private readonly _listener: Listener;
  private readonly _connections = new Set<Connection>();
  /** Connections of addresses that have their share already. They give way to connections of other addresses. */
  private _waiting: TCP[] = [];

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
    while (this._connections.size < this.options.maxConnections) {
      const socket = this._listener.read();
      if (!socket) return;
      this._place(socket);
    }
  }

  /** Serves a connection, or lets it wait. All connections together stay within the limit. */
  private _place(socket: TCP): void {
    const { maxConnections, maxConnectionsPerAddress } = this.options;
    const isFull = this._connections.size + this._waiting.length >= maxConnections;
    let share = 0;
    for (const { remoteAddress } of this._connections) {
      if (remoteAddress === socket.remoteAddress) share++;
    }
    if (share < maxConnectionsPerAddress) {
      if (isFull) this._waiting.pop()?.close();
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
