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
import { Connection, type ConnectionOptions } from "./connection.js";

export interface HTTPServerParts {
  readonly TCP: TCPConstructor;
  readonly Listener: ListenerConstructor;
  readonly clock: Clock;
  readonly guard: Guard;
}

/**
 * Returns an HTTP/1.1 server over a board's sockets, within the limits of modules/board/http.ts. The chip and the virtual
 * board use the same one (docs/decisions/005).
 */
export function makeHTTPServer(parts: HTTPServerParts): HTTPServerConstructor {
  return withParts(BoundedHTTPServer, parts);
}

class BoundedHTTPServer implements HTTPServer {
  private readonly _listener: Listener;
  private readonly _options: HTTPServerOptions;
  private readonly _connectionOptions: ConnectionOptions;
  private readonly _connections = new Set<Connection>();

  constructor(options: HTTPServerOptions, { TCP, Listener, clock, guard }: HTTPServerParts) {
    this._options = options;
    this._connectionOptions = {
      TCP,
      clock,
      guard,
      maxHeadBytes: options.maxHeadBytes,
      requestTimeoutMs: options.requestTimeoutMs,
      onClose: (connection) => {
        this._connections.delete(connection);
        guard.soon(() => this._acceptAll());
      },
    };
    this._listener = new Listener({ port: options.port, onReadable: () => this._acceptAll() });
  }

  get port(): number {
    return this._listener.port;
  }

  close(): void {
    this._listener.close();
    for (const connection of [...this._connections]) connection.close();
  }

  private _acceptAll(): void {
    while (this._connections.size < this._options.maxConnections) {
      const socket = this._listener.read();
      if (!socket) return;
      const connection = new Connection(socket, this._connectionOptions);
      this._connections.add(connection);
      this._options.onConnect(connection);
      if (!connection.isAccepted) connection.close();
    }
  }
}
