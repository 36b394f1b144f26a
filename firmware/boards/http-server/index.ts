import type {
  Clock,
  HTTPServer,
  HTTPServerConstructor,
  HTTPServerOptions,
  Listener,
  ListenerConstructor,
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
    for (const connection of [...this._connections]) connection.close();
  }

  handleClosed(connection: Connection): void {
    this._connections.delete(connection);
    this.parts.guard.soon(() => this._acceptAll());
  }

  private _acceptAll(): void {
    while (this._connections.size < this.options.maxConnections) {
      const socket = this._listener.read();
      if (!socket) return;
      const connection = new Connection(socket, this);
      this._connections.add(connection);
      this.options.onConnect(connection);
      if (!connection.isAccepted) connection.close();
    }
  }
}
