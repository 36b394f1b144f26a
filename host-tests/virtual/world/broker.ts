/** An MQTT 3.1.1 broker in memory and virtual time, with faults to switch on. */

import type { Clock, IO, Listener, TCP, Timer } from "../../../modules/board/index.js";
import { asUint8Array, decodeUTF8, encodeUTF8 } from "../../../modules/bytes/index.js";
import type { Sockets } from "../board/sockets.js";
import { makeParser, type PacketParser, type ParsedPacket, writeToStream } from "./packet/mqtt-packet.js";
import { topicMatcher, topicsFor } from "./topic-filter.js";

export interface BrokerMessage {
  readonly topic: string;
  readonly payload: Uint8Array<ArrayBuffer>;
  readonly retain: boolean;
  /** DUP is set: the client may have composed the message before this connection. */
  readonly isRepeated?: boolean;
}

/** Faults of the broker. They may be changed at any time. */
export interface BrokerFaults {
  /** Accepts connections and sends nothing. */
  isSilent: boolean;
  /** Code of CONNACK; 0 accepts the clients that `authenticate` accepts. */
  connackCode: number;
  /** Does not answer PINGREQ. */
  ignoresPings: boolean;
  /** Does not acknowledge PUBLISH. */
  ignoresPublishes: boolean;
  /**
   * Topics that access control denies to every client, as in aedes: 0x80 for a subscription, disconnection
   * for a publication.
   */
  refuses: (topic: string) => boolean;
}

export interface WorldBrokerOptions {
  readonly clock: Clock;
  readonly sockets: Sockets;
  readonly port: number;
  readonly certificateName?: string;
  readonly authenticate?: (username: string, password: string) => boolean;
  /** `false`: `published` stays empty, for long simulations. */
  readonly remembers?: boolean;
}

interface Subscription {
  readonly qos: number;
  readonly matches: (topic: string) => boolean;
}

/** A message to a client. */
interface Delivery extends BrokerMessage {
  readonly qos: number;
  /** Identifier of a message sent with QoS 1, until it is acknowledged. */
  messageId?: number;
}

interface Session {
  /** Subscriptions by filter. */
  readonly subscriptions: Map<string, Subscription>;
  /** Messages with QoS 1 in order: first the sent and unacknowledged ones, then the unsent ones. */
  readonly queue: Delivery[];
  client: Client | undefined;
}

/** Maximum number of unacknowledged messages to a client (Mosquitto's `max_inflight_messages`). */
const MAX_IN_FLIGHT = 20;
/** Maximum number of queued messages for a client (Mosquitto's `max_queued_messages`). */
const MAX_QUEUED = 1000;

interface Client {
  readonly socket: TCP;
  readonly parser: PacketParser;
  id: string | undefined;
  will: BrokerMessage | undefined;
  keepAliveS: number;
  latestPacketMs: number;
  silence: Timer | undefined;
  /** Number of the client's unacknowledged messages with QoS 1. */
  unacknowledged: number;
  unsent: Uint8Array<ArrayBuffer>[];
  writable: number;
}

export class WorldBroker implements IO {
  readonly faults: BrokerFaults = {
    isSilent: false,
    connackCode: 0,
    ignoresPings: false,
    ignoresPublishes: false,
    refuses: () => false,
  };
  /** All published messages, in order. */
  readonly published: BrokerMessage[] = [];
  /** Time of the latest PUBLISH that was not acknowledged on purpose, ms of the monotonic clock. */
  latestUnacknowledgedMs = Number.NEGATIVE_INFINITY;
  /** Highest number of messages that one client has sent without an acknowledgement. */
  mostUnacknowledged = 0;
  readonly retained = new Map<string, Uint8Array<ArrayBuffer>>();
  readonly #options: WorldBrokerOptions;
  #listener: Listener | undefined;
  readonly #clients = new Set<Client>();
  readonly #sessions = new Map<string, Session>();
  /** Subscribers by topic, as a cache: a fleet publishes far more often than it subscribes. */
  readonly #subscribers = new Map<string, Session[]>();
  readonly #watchers = new Set<(message: BrokerMessage) => void>();
  #messageId = 0;

  constructor(options: WorldBrokerOptions) {
    this.#options = options;
    this.start();
  }

  start(): void {
    const { sockets, port, certificateName } = this.#options;
    this.#listener = new sockets.Listener({
      port,
      certificateName,
      onReadable: () => {
        for (let from = this.#listener?.read(); from; from = this.#listener?.read()) this.#accept(from);
      },
    });
  }

  /** Ends all connections. Sessions and retained messages stay, as on a disk. */
  stop(): void {
    this.#listener?.close();
    this.#listener = undefined;
    for (const client of [...this.#clients]) this.#drop(client, false);
  }

  close(): void {
    this.stop();
    this.#watchers.clear();
  }

  get clientIds(): string[] {
    return [...this.#clients].flatMap((client) => client.id ?? []);
  }

  /** Calls back for every message. Returns a function that stops that. */
  watch(onMessage: (message: BrokerMessage) => void): () => void {
    this.#watchers.add(onMessage);
    return () => this.#watchers.delete(onMessage);
  }

  publish(topic: string, payload: Uint8Array<ArrayBuffer> | string, retain = false): void {
    this.#route({ topic, payload: typeof payload === "string" ? encodeUTF8(payload) : payload, retain });
  }

  /** Adds a subscription to the session of a client, which may be offline. */
  subscribe(clientId: string, filter: string, qos: 0 | 1): void {
    const session = this.#sessions.get(clientId);
    if (!session) throw new Error(`no client ${clientId} has a session`);
    this.#add(session, filter, qos);
    this.#subscribers.clear();
  }

  /** Sends raw bytes to the client that is connected with this id. */
  sendRaw(clientId: string, bytes: Uint8Array<ArrayBuffer>): void {
    for (const client of this.#clients) if (client.id === clientId) this.#write(client, bytes);
  }

  #accept(from: TCP): void {
    const { TCP } = this.#options.sockets;
    const parser = makeParser({ protocolVersion: 4 });
    const client: Client = {
      parser,
      id: undefined,
      will: undefined,
      keepAliveS: 0,
      latestPacketMs: 0,
      silence: undefined,
      unacknowledged: 0,
      unsent: [],
      writable: 0,
      socket: new TCP({
        from,
        onReadable: () => {
          const bytes = client.socket.read();
          if (bytes && !this.faults.isSilent) parser.parse(asUint8Array(bytes));
        },
        onWritable: (count) => {
          client.writable = count;
          this.#flush(client);
        },
        onError: () => this.#drop(client, true),
      }),
    };
    parser.target = {
      handleEvent: (event, argument) => {
        if (event === "packet") this.#receive(client, argument as ParsedPacket);
        else this.#drop(client, true);
      },
    };
    this.#clients.add(client);
  }

  #receive(client: Client, packet: ParsedPacket): void {
    if (packet.cmd === "connect") client.keepAliveS = Number(packet.keepalive);
    this.#listenForSilence(client);
    switch (packet.cmd) {
      case "connect":
        this.#connect(client, packet);
        break;
      case "publish":
        if (this.faults.refuses(String(packet.topic))) {
          this.#drop(client, true);
          break;
        }
        this.#route({
          topic: String(packet.topic),
          payload: packet.payload as Uint8Array<ArrayBuffer>,
          retain: packet.retain === true,
          ...(packet.dup === true ? { isRepeated: true } : {}),
        });
        if (packet.qos === 1) this.#acknowledge(client, packet);
        break;
      case "puback":
        this.#release(client, packet);
        break;
      case "subscribe":
        this.#subscribe(client, packet);
        break;
      case "pingreq":
        if (!this.faults.ignoresPings) this.#send(client, { cmd: "pingresp" });
        break;
      case "disconnect":
        client.will = undefined;
        this.#drop(client, true);
        break;
    }
  }

  #acknowledge(client: Client, { messageId }: ParsedPacket): void {
    if (!this.faults.ignoresPublishes) {
      this.#send(client, { cmd: "puback", messageId });
      return;
    }
    this.latestUnacknowledgedMs = this.#options.clock.monotonicMs();
    client.unacknowledged++;
    this.mostUnacknowledged = Math.max(this.mostUnacknowledged, client.unacknowledged);
  }

  /** Disconnects a client that sends nothing for one and a half times its keep-alive [MQTT-3.1.2-24]. */
  #listenForSilence(client: Client): void {
    const { clock } = this.#options;
    client.latestPacketMs = clock.monotonicMs();
    if (client.keepAliveS > 0 && !client.silence) this.#awaitSilence(client, client.keepAliveS * 1500);
  }

  #awaitSilence(client: Client, delayMs: number): void {
    const { clock } = this.#options;
    client.silence = clock.set(() => {
      const leftMs = client.latestPacketMs + client.keepAliveS * 1500 - clock.monotonicMs();
      if (leftMs > 0) this.#awaitSilence(client, leftMs);
      else this.#drop(client, true);
    }, delayMs);
  }

  #connect(client: Client, packet: ParsedPacket): void {
    const id = String(packet.clientId);
    const username = String(packet.username ?? "");
    const password = decodeUTF8(packet.password as Uint8Array<ArrayBuffer>) ?? "";
    const isKnown = this.#options.authenticate?.(username, password) ?? true;
    const returnCode = this.faults.connackCode || (isKnown ? 0 : 4);
    if (returnCode !== 0) {
      this.#send(client, { cmd: "connack", returnCode, sessionPresent: false });
      this.#drop(client, false);
      return;
    }
    const before = this.#sessions.get(id);
    if (before?.client) this.#drop(before.client, true);
    const isKept = before !== undefined && packet.clean !== true;
    const session = isKept ? before : { subscriptions: new Map(), queue: [], client };
    session.client = client;
    this.#sessions.set(id, session);
    if (before && !isKept) this.#subscribers.clear();
    client.id = id;
    client.will = packet.will as BrokerMessage | undefined;
    this.#send(client, { cmd: "connack", returnCode: 0, sessionPresent: isKept });
    // Unacknowledged messages of the previous connection are sent again [MQTT-4.4.0-1].
    for (const delivery of session.queue) {
      if (delivery.messageId !== undefined) this.#deliver(client, delivery, true);
    }
    this.#pump(session);
  }

  #subscribe(client: Client, packet: ParsedPacket): void {
    const session = client.id === undefined ? undefined : this.#sessions.get(client.id);
    const subscriptions = packet.subscriptions as { topic: string; qos: number }[];
    const granted = subscriptions.map(({ topic, qos }) =>
      this.faults.refuses(topic) ? 0x80 : Math.min(qos, 1),
    );
    for (const [i, { topic }] of subscriptions.entries()) {
      const qos = granted[i] ?? 0x80;
      if (qos !== 0x80 && session) this.#add(session, topic, qos);
    }
    this.#send(client, { cmd: "suback", messageId: packet.messageId, granted });
    for (const [i, { topic: filter }] of subscriptions.entries()) {
      const qos = granted[i] ?? 0x80;
      if (qos === 0x80 || !session) continue;
      for (const topic of topicsFor(filter, this.retained)) {
        const payload = this.retained.get(topic);
        if (payload) this.#offer(session, { topic, payload, qos, retain: true });
      }
    }
  }

  #route(message: BrokerMessage): void {
    if (this.#options.remembers !== false) this.published.push(message);
    if (message.retain) {
      if (message.payload.length > 0) this.retained.set(message.topic, message.payload);
      else this.retained.delete(message.topic);
    }
    for (const onMessage of [...this.#watchers]) onMessage(message);
    const { topic, payload } = message;
    for (const session of this.#subscribersOf(topic)) {
      // Uses the highest QoS of the matching filters [MQTT-3.3.5-1].
      let qos = 0;
      for (const one of session.subscriptions.values())
        if (one.qos > qos && one.matches(topic)) qos = one.qos;
      this.#offer(session, { topic, payload, qos, retain: false });
    }
  }

  #add(session: Session, filter: string, qos: number): void {
    const matches = topicMatcher(filter);
    session.subscriptions.set(filter, { qos, matches });
    for (const topic of topicsFor(filter, this.#subscribers)) {
      const subscribers = this.#subscribers.get(topic);
      if (subscribers?.includes(session) === false) subscribers.push(session);
    }
  }

  #subscribersOf(topic: string): readonly Session[] {
    const known = this.#subscribers.get(topic);
    if (known) return known;
    const found = [...this.#sessions.values()].filter(({ subscriptions }) => {
      for (const { matches } of subscriptions.values()) if (matches(topic)) return true;
      return false;
    });
    this.#subscribers.set(topic, found);
    return found;
  }

  /**
   * Delivers or queues a message. QoS 0 is only for connected clients. QoS 1 is queued, with the retain flag
   * cleared.
   */
  #offer(session: Session, delivery: Delivery): void {
    if (delivery.qos === 0) {
      if (session.client) this.#deliver(session.client, delivery, false);
    } else if (session.queue.length < MAX_QUEUED) {
      session.queue.push(delivery);
      this.#pump(session);
    }
  }

  /** Sends queued messages, as far as the window allows. */
  #pump({ client, queue }: Session): void {
    if (!client) return;
    for (const delivery of queue.slice(0, MAX_IN_FLIGHT)) {
      if (delivery.messageId !== undefined) continue;
      this.#messageId = (this.#messageId % 65_535) + 1;
      delivery.messageId = this.#messageId;
      this.#deliver(client, delivery, false);
    }
  }

  #release(client: Client, { messageId }: ParsedPacket): void {
    const session = client.id === undefined ? undefined : this.#sessions.get(client.id);
    const at = session?.queue.findIndex((delivery) => delivery.messageId === messageId) ?? -1;
    if (!session || at < 0) return;
    session.queue.splice(at, 1);
    this.#pump(session);
  }

  #deliver(client: Client, { topic, payload, qos, retain, messageId }: Delivery, dup: boolean): void {
    this.#send(client, { cmd: "publish", topic, payload, qos, retain, dup, messageId });
  }

  #send(client: Client, packet: object): void {
    writeToStream(packet, {
      write: (chunk) => {
        this.#write(client, typeof chunk === "string" ? encodeUTF8(chunk) : chunk);
        return true;
      },
      destroy: (error) => {
        throw error;
      },
    });
  }

  #write(client: Client, bytes: Uint8Array<ArrayBuffer>): void {
    client.unsent.push(bytes);
    this.#flush(client);
  }

  #flush(client: Client): void {
    for (let first = client.unsent[0]; first && client.writable > 0; first = client.unsent[0]) {
      const piece = first.subarray(0, client.writable);
      client.writable = client.socket.write(piece);
      if (piece.length === first.length) client.unsent.shift();
      else client.unsent[0] = first.subarray(piece.length);
    }
  }

  #drop(client: Client, isWillDue: boolean): void {
    if (!this.#clients.delete(client)) return;
    this.#options.clock.clear(client.silence);
    client.socket.close();
    const session = client.id === undefined ? undefined : this.#sessions.get(client.id);
    if (session?.client === client) session.client = undefined;
    if (isWillDue && client.will) this.#route({ ...client.will, payload: asUint8Array(client.will.payload) });
  }
}
