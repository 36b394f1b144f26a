/** An MQTT client and a broker in virtual time, for the tests of modules/mqtt. */

import type { Board, TCP } from "../../../modules/board/index.js";
import { asUint8Array, concatBytes } from "../../../modules/bytes/index.js";
import {
  type IncomingMessage,
  MQTTClient,
  type MQTTFailure,
  type MQTTListener,
  type MQTTSessionOptions,
  type MQTTState,
} from "../../../modules/mqtt/index.js";
import { FirmwareRun, makeSockets } from "../../virtual/board/index.js";
import { WorldBroker } from "../../virtual/world/broker.js";
import { virtualWorld } from "../../virtual/world/world.js";

export const BROKER = { name: "broker.example", address: "10.0.0.1", port: 1883 };

const NOW_MS = 1_800_000_000_000;

const NO_SOCKET = class {
  constructor() {
    throw new Error("text of the engine");
  }
} as unknown as Board["io"]["TCP"];

export interface ClientOptions extends Omit<Partial<MQTTSessionOptions>, "listener"> {
  readonly listener?: Partial<MQTTListener>;
  /** The board throws in place of opening a socket. */
  readonly hasNoSocket?: boolean;
  readonly sendBufferBytes?: number;
  readonly segmentBytes?: number;
  /** Starts no broker. */
  readonly hasNoBroker?: boolean;
  readonly isTLS?: boolean;
  /** The time is unknown. */
  readonly hasNoTime?: boolean;
  readonly certificateName?: string;
}

/** A client in a network with a broker. */
export class Client {
  readonly world;
  readonly host;
  readonly brokerHost;
  readonly brokerSockets;
  readonly broker: WorldBroker | undefined;
  readonly session: MQTTClient;
  readonly states: MQTTState[] = [];
  readonly messages: IncomingMessage[] = [];
  readonly refused: string[] = [];
  readonly events: string[] = [];

  constructor(options: ClientOptions = {}) {
    const { sendBufferBytes, segmentBytes, hasNoBroker, hasNoSocket, isTLS, hasNoTime, ...others } = options;
    const { certificateName, listener, ...session } = others;
    this.world = virtualWorld({ segmentBytes });
    const { clock, network } = this.world;
    if (!hasNoTime) clock.setEpochMs(NOW_MS);
    const firmware = () =>
      new FirmwareRun({
        clock,
        onEnd: (end) => {
          if (end.type === "crash") throw end.error;
        },
      });
    this.host = network.host({ address: "10.0.0.2" });
    this.brokerHost = network.host({ address: BROKER.address, names: [BROKER.name] });
    this.brokerSockets = makeSockets(this.brokerHost, firmware(), { maxSockets: 100 });
    const { port } = BROKER;
    if (!hasNoBroker)
      this.broker = new WorldBroker({ clock, sockets: this.brokerSockets, port, certificateName });
    const { TCP, TLS } = makeSockets(this.host, firmware(), { sendBufferBytes });
    this.session = new MQTTClient({
      board: {
        clock,
        crypto: { random: (byteLength) => this.world.random.bytes(byteLength).buffer },
        resolve: (host, done) => this.host.resolve(host, done),
        io: { TCP: hasNoSocket ? NO_SOCKET : TCP, TLS },
      },
      tls: isTLS === true,
      host: BROKER.name,
      port,
      clientId: "client-1",
      username: "user",
      password: "secret",
      clean: false,
      reconnect: true,
      trace: { add: (event, detail) => this.events.push(`${event} ${detail ?? ""}`.trim()) },
      listener: {
        handleState: (state) => this.states.push(state),
        handleMessage: (message) => this.messages.push(message),
        handleRefusedSubscription: (filter) => this.refused.push(filter),
        ...listener,
      },
      ...session,
    });
  }

  advance(durationMs: number): void {
    this.world.clock.advance(durationMs);
  }

  until(what: string, condition: () => boolean, limitMs = 120_000): void {
    if (!this.world.clock.runUntil(condition, limitMs)) throw new Error(`not reached: ${what}`);
  }

  goOnline(): this {
    this.until("online", () => this.session.state.type === "online");
    return this;
  }

  /** Failure of the last connection. */
  get failure(): MQTTFailure | undefined {
    const last = this.states.findLast((state) => state.type === "offline");
    return last?.type === "offline" ? last.reason : undefined;
  }

  get good(): WorldBroker {
    if (!this.broker) throw new Error("there is no broker");
    return this.broker;
  }
}

/** A server that accepts connections; the test writes its packets. */
export class Puppet {
  received: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  connections = 0;
  socket: TCP | undefined;

  constructor(client: Client, options: { onReadable?: (puppet: Puppet) => void; reads?: boolean } = {}) {
    const { TCP, Listener } = client.brokerSockets;
    const listener = new Listener({
      port: BROKER.port,
      onReadable: () => {
        const from = listener.read();
        if (!from) return;
        this.connections++;
        const socket = new TCP({
          from,
          onReadable: () => {
            if (options.reads === false) return;
            this.received = concatBytes(this.received, asUint8Array(socket.read() ?? new ArrayBuffer(0)));
            options.onReadable?.(this);
          },
          onError: () => socket.close(),
        });
        this.socket = socket;
      },
    });
  }

  send(...bytes: number[]): void {
    this.socket?.write(Uint8Array.from(bytes));
  }
}

export const CONNACK = [0x20, 0x02, 0x00, 0x00];

/** A client that is online at a puppet broker. */
export function withPuppet(options: ClientOptions = {}): { client: Client; puppet: Puppet } {
  const client = new Client({ ...options, hasNoBroker: true });
  let isAccepted = false;
  const puppet = new Puppet(client, {
    onReadable: (one) => {
      if (!isAccepted) one.send(...CONNACK);
      isAccepted = true;
    },
  });
  client.goOnline();
  puppet.received = new Uint8Array(0);
  return { client, puppet };
}
