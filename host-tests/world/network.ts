import type { Clock } from "../../modules/board/index.js";
import { Endpoint } from "./connection.js";

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
/** lwIP sends a SYN again 6 times before it gives up (TCP_SYNMAXRTX); somewhat less on the chip's settings. */
const CONNECT_TIMEOUT_MS = 18_000;
const FIRST_EPHEMERAL_PORT = 49_152;
const LAST_PORT = 65_535;

/** An in-memory IPv4 network. Nothing is lost on it but by a host that is cut off. */
export class Network {
  readonly clock: Clock;
  readonly latencyMs: number;
  readonly segmentBytes: number;
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

  /** Calls back later; `undefined` for a name that nobody has, or while this host is on no network. */
  resolve(name: string, done: (address: string | undefined) => void): void {
    const { clock, latencyMs } = this.network;
    const lookUp = () => {
      if (isIPv4(name)) return name;
      return this.address !== undefined && !this.isCut ? this.network.addressOf(name) : undefined;
    };
    clock.set(() => done(lookUp()), 2 * latencyMs);
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

  /** Begins a connection; the endpoint tells how that went. */
  connect(options: {
    address: string;
    port: number;
    tlsHost: string | undefined;
    bufferBytes: number;
  }): Endpoint {
    const { network } = this;
    const from = this.address;
    const peer = this.#peerAt(options.address);
    // A packet gets through as long as both ends are where they were.
    const isPathUp = () =>
      peer !== undefined && this.address === from && this.#peerAt(options.address) === peer;
    const local = { host: this, address: from ?? "0.0.0.0", port: this.#freePort() };
    const endpoint = new Endpoint({
      network,
      isPathUp,
      local,
      remote: options,
      bufferBytes: options.bufferBytes,
    });
    const giveUp = network.clock.set(() => endpoint.fail(), CONNECT_TIMEOUT_MS);
    network.clock.set(() => {
      if (!peer || !isPathUp() || endpoint.isClosed) return;
      const listening = peer.#ports.get(options.port);
      const local = { host: peer, address: options.address, port: options.port };
      if (listening && !listening.take(endpoint.makePeer(local))) return;
      network.clock.set(() => {
        if (!isPathUp()) return;
        network.clock.clear(giveUp);
        if (!listening) endpoint.fail();
        else if (listening.certificateName === options.tlsHost) endpoint.open();
        else endpoint.failHandshake();
      }, network.latencyMs);
    }, network.latencyMs);
    return endpoint;
  }

  #peerAt(address: string): Host | undefined {
    if (address === "127.0.0.1") return this;
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

export function isIPv4(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
}
