import type { Clock } from "../../../modules/board/index.js";
import { Endpoint, type EndpointUser, type Medium } from "./connection.js";

/** What a host can take a connection on. */
export interface ListeningPort {
  readonly port: number;
  /** Set: only TLS is spoken here, with a certificate for this name. */
  readonly certificateName: string | undefined;
  /** `false`: no room; the caller goes unanswered, as from a full backlog. */
  take(endpoint: Endpoint): boolean;
}

export interface NetworkOptions {
  readonly clock: Clock;
  /** From one host to any other, one way. */
  readonly latencyMs?: number;
  /** The largest piece that travels at a time: what a writer wrote arrives in these. */
  readonly segmentBytes?: number;
}

const LATENCY_MS = 2;
const SEGMENT_BYTES = 1460;
/** A SYN that nobody answers is sent again after this, then after twice as long each time (lwIP on the ESP32). */
const SYN_RETRY_MS = 1500;
/** How long a connection may take before it is over. */
const CONNECT_TIMEOUT_MS = 18_000;
/** How long a resolver takes to give up on a name server that does not answer (lwIP: 4 attempts). */
const RESOLVE_TIMEOUT_MS = 7000;
/** When it asks again (lwIP: DNS_TMR_INTERVAL). */
const RESOLVE_RETRY_MS = 1000;
const LOOPBACK = "127.0.0.1";
const FIRST_EPHEMERAL_PORT = 49_152;
const LAST_PORT = 65_535;

/** An in-memory IPv4 network. Nothing is lost on it but by a host that is cut off, and where `loses` says so. */
export class Network implements Medium {
  readonly clock: Clock;
  readonly latencyMs: number;
  readonly segmentBytes: number;
  /** Asked for each packet whether it gets lost. Who has sent it sends it again. */
  loses: () => boolean = () => false;
  #hosts = new Set<Host>();

  constructor(options: NetworkOptions) {
    this.clock = options.clock;
    this.latencyMs = options.latencyMs ?? LATENCY_MS;
    this.segmentBytes = options.segmentBytes ?? SEGMENT_BYTES;
  }

  /** A host with no address yet is on no network. */
  host(options: { address?: string; names?: readonly string[] } = {}): Host {
    const host = new Host(this, options);
    this.#hosts.add(host);
    return host;
  }

  at(address: string): Host | undefined {
    for (const host of this.#hosts) if (host.address === address) return host;
    return undefined;
  }

  addressOf(name: string): string | undefined {
    for (const host of this.#hosts) if (host.names.includes(name)) return host.address;
    return undefined;
  }
}

export class Host {
  readonly network: Network;
  /** Names that a resolver knows it by. */
  names: readonly string[];
  /** Its address, while it has one. */
  address: string | undefined;
  /** A second address, on a network of its own: its access point's. Only hosts that have joined that reach it. */
  ownAddress: string | undefined;
  /** The host whose access point this one has joined. */
  joined: Host | undefined;
  /** Everything to it and from it vanishes, as with a pulled plug. */
  isCut = false;
  #ports = new Map<number, ListeningPort>();
  #nextPort = FIRST_EPHEMERAL_PORT;

  constructor(network: Network, options: { address?: string; names?: readonly string[] }) {
    this.network = network;
    this.address = options.address;
    this.names = options.names ?? [];
  }

  /**
   * Calls back later; `undefined` for a name that nobody has, or while this host is on no network. In the network of a
   * station every name is the station's: its DNS server says so.
   */
  resolve(name: string, done: (address: string | undefined) => void): void {
    const { clock, latencyMs } = this.network;
    const portal = this.joined?.ownAddress;
    if (isIPv4(name)) {
      clock.set(() => done(name), 0);
    } else if (portal !== undefined) {
      clock.set(() => done(portal), 2 * latencyMs);
    } else if (this.isCut && this.address !== undefined) {
      clock.set(() => done(undefined), RESOLVE_TIMEOUT_MS);
    } else {
      const lookUp = () => (this.address === undefined ? undefined : this.network.addressOf(name));
      const lostMs = this.network.loses() ? RESOLVE_RETRY_MS : 0;
      clock.set(() => done(lookUp()), lostMs + 2 * latencyMs);
    }
  }

  /** Opens a port; 0 takes a free one. Throws when it is taken. */
  listen(options: Omit<ListeningPort, "port"> & { port: number }): ListeningPort {
    const port = options.port === 0 ? this.#freePort() : options.port;
    if (this.#ports.has(port)) throw new Error(`port ${port} is taken`);
    const listening: ListeningPort = {
      port,
      certificateName: options.certificateName,
      take: (endpoint) => options.take(endpoint),
    };
    this.#ports.set(port, listening);
    return listening;
  }

  unlisten(port: number): void {
    this.#ports.delete(port);
  }

  /** There is an interface that a packet for `address` could leave by. */
  hasRouteTo(address: string): boolean {
    return (
      address === LOOPBACK || [this.address, this.ownAddress, this.joined].some((way) => way !== undefined)
    );
  }

  /** Begins a connection; the endpoint tells how that went. */
  connect(options: {
    address: string;
    port: number;
    tlsHost: string | undefined;
    bufferBytes: number;
  }): Endpoint {
    const { network } = this;
    const { clock, latencyMs } = network;
    const from = this.address;
    let peer: Host | undefined;
    // A packet gets through as long as both ends are where they were.
    const isPathUp = () =>
      peer !== undefined && this.address === from && this.#peerAt(options.address) === peer;
    const local = { address: from ?? "0.0.0.0", port: this.#freePort() };
    const endpoint = new Endpoint({
      network,
      isPathUp,
      local,
      remote: options,
      bufferBytes: options.bufferBytes,
    });
    let isAnswered = false;
    const knock = () => {
      if (isAnswered || endpoint.isClosed || endpoint.isOver) return;
      peer = this.#peerAt(options.address);
      if (!peer || !isPathUp() || network.loses()) return;
      const listening = peer.#ports.get(options.port);
      if (listening) {
        isAnswered = peer.#answer(endpoint, listening, options.tlsHost);
      } else {
        clock.set(() => {
          if (isPathUp()) endpoint.fail();
        }, latencyMs);
      }
    };
    const send = (retryMs: number) => {
      if (isAnswered || endpoint.isClosed || endpoint.isOver) return;
      clock.set(knock, latencyMs);
      clock.set(() => send(2 * retryMs), retryMs);
    };
    send(SYN_RETRY_MS);
    clock.set(() => {
      if (!endpoint.isOpen) endpoint.fail();
    }, CONNECT_TIMEOUT_MS);
    return endpoint;
  }

  /** Takes a connection, and lets the caller know; `false`: there is no room, and the caller hears nothing. */
  #answer(caller: Endpoint, listening: ListeningPort, tlsHost: string | undefined): boolean {
    const local = { address: caller.remote.address, port: listening.port };
    const endpoint = caller.makePeer(local);
    const { certificateName } = listening;
    if (certificateName !== undefined && tlsHost === undefined) {
      // Who does not speak TLS to a TLS server is connected until the first word.
      endpoint.user = deaf(() => endpoint.close());
    } else if (!listening.take(endpoint)) {
      return false;
    }
    endpoint.transmit(() => {
      if (tlsHost === undefined || certificateName === tlsHost) caller.open();
      else caller.failHandshake();
    });
    return true;
  }

  #peerAt(address: string): Host | undefined {
    if (address === LOOPBACK) return this;
    if (this.isCut) return undefined;
    const peer = this.joined?.ownAddress === address ? this.joined : this.network.at(address);
    const isOnSameNetwork = peer === this.joined || this.address !== undefined;
    return peer && isOnSameNetwork && !peer.isCut ? peer : undefined;
  }

  #freePort(): number {
    for (let tried = FIRST_EPHEMERAL_PORT; tried <= LAST_PORT; tried++) {
      const port = this.#nextPort;
      this.#nextPort = port === LAST_PORT ? FIRST_EPHEMERAL_PORT : port + 1;
      if (!this.#ports.has(port)) return port;
    }
    throw new Error("no free port");
  }
}

/** A user that hangs up when something arrives. */
function deaf(hangUp: () => void): EndpointUser {
  const nothing = () => {};
  return {
    opened: nothing,
    readable: hangUp,
    writable: nothing,
    over: nothing,
    handshakeFailed: nothing,
  };
}

export function isIPv4(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
}
