import type { Clock } from "../../../modules/board/index.js";
import { Endpoint, type EndpointUser, type Medium } from "./connection.js";

/** A port at which a host accepts connections. */
export interface ListeningPort {
  readonly port: number;
  /** Name in the certificate, if the port accepts only TLS. */
  readonly certificateName: string | undefined;
  /** Accepts a connection. `false`: the backlog is full, and the caller gets no answer. */
  take(endpoint: Endpoint): boolean;
}

export interface NetworkOptions {
  readonly clock: Clock;
  /** Delay between any two hosts in one direction, ms. */
  readonly latencyMs?: number;
  /** Maximum length of a segment, bytes. Written data arrives in segments. */
  readonly segmentBytes?: number;
}

const LATENCY_MS = 2;
const SEGMENT_BYTES = 1460;
/** Time after which an unanswered SYN is sent again, ms. It doubles each time (lwIP on the ESP32). */
const SYN_RETRY_MS = 1500;
/** Timeout of a connection attempt, ms. */
const CONNECT_TIMEOUT_MS = 18_000;
/** Time after which a resolver gives up on a name server, ms (lwIP: 4 attempts). */
const RESOLVE_TIMEOUT_MS = 7000;
/** Time after which a resolver asks again, ms (lwIP: DNS_TMR_INTERVAL). */
const RESOLVE_RETRY_MS = 1000;
const LOOPBACK = "127.0.0.1";
const FIRST_EPHEMERAL_PORT = 49_152;
const LAST_PORT = 65_535;

/**
 * An in-memory IPv4 network. Packets are lost only at a host that is cut off, or if `loses` returns `true`.
 */
export class Network implements Medium {
  readonly clock: Clock;
  readonly latencyMs: number;
  readonly segmentBytes: number;
  /** Returns whether a packet is lost. The sender retransmits lost packets. */
  loses: () => boolean = () => false;
  readonly #hosts = new Set<Host>();

  constructor(options: NetworkOptions) {
    this.clock = options.clock;
    this.latencyMs = options.latencyMs ?? LATENCY_MS;
    this.segmentBytes = options.segmentBytes ?? SEGMENT_BYTES;
  }

  /** Adds a host. A host without an address is not in the network. */
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
  /** Names of the host in DNS. */
  names: readonly string[];
  /** Address of the host, while it has one. */
  address: string | undefined;
  /**
   * Second address, on the network of the host's access point. Only hosts that have joined it can reach this
   * address.
   */
  ownAddress: string | undefined;
  /** Host whose access point this host has joined. */
  joined: Host | undefined;
  /** All packets to and from the host are lost, as with an unplugged cable. */
  isCut = false;
  readonly #ports = new Map<number, ListeningPort>();
  #nextPort = FIRST_EPHEMERAL_PORT;

  constructor(network: Network, options: { address?: string; names?: readonly string[] }) {
    this.network = network;
    this.address = options.address;
    this.names = options.names ?? [];
  }

  /**
   * Resolves a name asynchronously; `undefined` for an unknown name, or without a network. In the network of
   * a station, its DNS server resolves every name to the station.
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

  /** Opens a port; 0 selects a free port. Throws if the port is in use. */
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

  /** Whether an interface has a route to `address`. */
  hasRouteTo(address: string): boolean {
    return (
      address === LOOPBACK || [this.address, this.ownAddress, this.joined].some((way) => way !== undefined)
    );
  }

  /** Opens a connection. The endpoint reports the outcome. */
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
    // Packets are transmitted while both hosts keep their addresses.
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

  /** Accepts a connection and notifies the caller. Returns `false` without an answer if there is no room. */
  #answer(caller: Endpoint, listening: ListeningPort, tlsHost: string | undefined): boolean {
    const local = { address: caller.remote.address, port: listening.port };
    const endpoint = caller.makePeer(local);
    const { certificateName } = listening;
    if (certificateName !== undefined && tlsHost === undefined) {
      // A TLS server disconnects a caller without TLS at its first data.
      endpoint.user = disconnectingUser(() => endpoint.close());
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

/** Endpoint user that disconnects when data arrives. */
function disconnectingUser(hangUp: () => void): EndpointUser {
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
