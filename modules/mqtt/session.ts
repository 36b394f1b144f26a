import { Backoff } from "../backoff/index.js";
import type { Clock, Crypto, IO, Timer } from "../board/index.js";
import type { IncomingPacket, OutgoingWill } from "./codec.js";
import { Connection, type ConnectionOptions } from "./connection.js";
import type { MQTTFailure } from "./failure.js";
import { KeepAlive } from "./keep-alive.js";
import { Outbox, type OutgoingMessage, payloadBytes, type QueuedMessage } from "./outbox.js";
import { Subscriptions } from "./subscriptions.js";

export type MQTTState =
  | { readonly type: "connecting" }
  | { readonly type: "online"; readonly sessionPresent: boolean }
  | { readonly type: "offline"; readonly reason: MQTTFailure; readonly retryInMs: number | undefined }
  | { readonly type: "closed" };

export interface IncomingMessage {
  readonly topic: string;
  readonly payload: Uint8Array<ArrayBuffer>;
  readonly qos: 0 | 1;
  readonly retain: boolean;
  readonly dup: boolean;
}

export interface MQTTSessionOptions
  extends Pick<ConnectionOptions, "clock" | "resolve" | "connect" | "host" | "port"> {
  readonly clock: Clock;
  readonly crypto: Pick<Crypto, "random">;
  readonly clientId: string;
  readonly username: string;
  readonly password: string;
  readonly will?: OutgoingWill;
  /** 5-65535 s. */
  readonly keepAliveS?: number;
  /** `true`: the broker forgets what it kept for this client. */
  readonly clean: boolean;
  /** `false`: one try. */
  readonly reconnect: boolean;
  readonly onState: (state: MQTTState) => void;
  /** A QoS 1 message is acknowledged after this has returned. */
  readonly onMessage: (message: IncomingMessage) => void;
  /** The broker has refused a subscription [MQTT-3.9.3-2]. */
  readonly onRefusedSubscription?: (filter: string) => void;
  /** The broker has acknowledged every QoS 1 message. */
  readonly onDrained?: () => void;
  /** A longer packet from the broker ends the connection. */
  readonly maxPacketBytes?: number;
  readonly maxInFlight?: number;
  readonly maxMessages?: number;
  readonly maxQueuedBytes?: number;
}

export type PublishOutcome = "accepted" | "queue-full" | "offline" | "closed";

const KEEP_ALIVE_S = 60;
/** From the open connection to the CONNACK. */
const CONNACK_TIMEOUT_MS = 10_000;
const MAX_PACKET_BYTES = 16_384;
const MAX_IN_FLIGHT = 8;
const MAX_MESSAGES = 32;
const MAX_QUEUED_BYTES = 16_384;
/** While more than this waits for the socket, QoS 0 messages are dropped and QoS 1 messages wait. */
const MAX_UNSENT_BYTES = 8192;
const MIN_BACKOFF_MS = 1000;
const MAX_BACKOFF_MS = 60_000;
/** A connection that held this long was a good one: the next failure starts from the shortest delay again. */
const STABLE_MS = 30_000;
/** How long `close` waits for what is queued. */
const FAREWELL_MS = 1000;
const LAST_MESSAGE_ID = 65_535;

/**
 * A session with an MQTT 3.1.1 broker that outlives its connections. States and messages come from the clock or
 * the network, never from inside a call, except the state `closed`.
 */
export class MQTTSession implements IO {
  #options: MQTTSessionOptions;
  #state: MQTTState = { type: "connecting" };
  #connection: Connection | undefined;
  #outbox: Outbox;
  #subscriptions: Subscriptions;
  #keepAlive: KeepAlive;
  #backoff: Backoff;
  #timer: Timer | undefined;
  #onlineSinceMs = 0;
  #lastMessageId = 0;
  #isClosing = false;
  /** QoS 0 messages that found no room. */
  #dropped = 0;

  constructor(options: MQTTSessionOptions) {
    this.#options = options;
    this.#outbox = new Outbox({
      maxInFlight: options.maxInFlight ?? MAX_IN_FLIGHT,
      maxMessages: options.maxMessages ?? MAX_MESSAGES,
      maxBytes: options.maxQueuedBytes ?? MAX_QUEUED_BYTES,
    });
    this.#subscriptions = new Subscriptions({
      newMessageId: () => this.#newMessageId(),
      send: (packet) => this.#connection?.send(packet),
      onRefused: (filter) => options.onRefusedSubscription?.(filter),
    });
    this.#keepAlive = new KeepAlive({
      clock: options.clock,
      periodMs: (options.keepAliveS ?? KEEP_ALIVE_S) * 1000,
      ping: () => this.#connection?.send({ cmd: "pingreq" }),
      onMissed: () => this.#fail({ code: "keep-alive-missed", message: "the broker did not answer a ping" }),
    });
    this.#backoff = new Backoff({
      minMs: MIN_BACKOFF_MS,
      maxMs: MAX_BACKOFF_MS,
      random: (byteLength) => options.crypto.random(byteLength),
    });
    this.#timer = options.clock.set(() => this.#connect(), 0);
  }

  get state(): MQTTState {
    return this.#state;
  }

  /** Messages of QoS 1 that the broker has not acknowledged. */
  get queuedMessages(): number {
    return this.#outbox.length;
  }

  get droppedMessages(): number {
    return this.#dropped;
  }

  /**
   * Queues a message. QoS 1: it is kept until the broker has acknowledged it, over any number of connections; QoS 0:
   * it goes now or not at all. Throws for a topic that is not one to publish to.
   */
  publish(message: OutgoingMessage): PublishOutcome {
    // [MQTT-4.7.3-1] [MQTT-3.3.2-2] [MQTT-4.7.3-2]
    if (message.topic === "" || /[+#\0]/.test(message.topic)) {
      throw new RangeError(`"${message.topic}" is no topic to publish to`);
    }
    if (this.#state.type === "closed" || this.#isClosing) return "closed";
    if (message.qos === 1) {
      if (!this.#outbox.add(message)) return "queue-full";
      this.#pump();
      return "accepted";
    }
    const connection = this.#state.type === "online" ? this.#connection : undefined;
    if (!connection) return "offline";
    if (connection.unsentBytes > MAX_UNSENT_BYTES) {
      this.#dropped++;
      return "queue-full";
    }
    const { topic, retain } = message;
    const payload = payloadBytes(message.payload);
    connection.send({ cmd: "publish", topic, payload, retain, qos: 0, dup: false, messageId: undefined });
    this.#keepAlive.noteSent();
    return "accepted";
  }

  /** Subscribes now and after every reconnection for which the broker kept nothing. */
  subscribe(filter: string, qos: 0 | 1): void {
    this.#subscriptions.add(filter, qos, this.#state.type === "online");
  }

  unsubscribe(filter: string): void {
    this.#subscriptions.remove(filter, this.#state.type === "online");
  }

  /** Sends what is queued, for a second at most, then DISCONNECT: the broker then publishes no will. */
  close(): void {
    if (this.#state.type === "closed" || this.#isClosing) return;
    if (this.#state.type !== "online" || this.#outbox.isEmpty) {
      this.#end();
      return;
    }
    this.#isClosing = true;
    this.#options.clock.clear(this.#timer);
    this.#timer = this.#options.clock.set(() => this.#end(), FAREWELL_MS);
  }

  #end(): void {
    this.#options.clock.clear(this.#timer);
    this.#keepAlive.stop();
    if (this.#state.type === "online") this.#connection?.send({ cmd: "disconnect" });
    this.#connection?.close();
    this.#connection = undefined;
    this.#enter({ type: "closed" });
  }

  #connect(): void {
    if (this.#state.type === "closed") return;
    if (this.#state.type !== "connecting") this.#enter({ type: "connecting" });
    const { clock, resolve, connect, host, port, maxPacketBytes = MAX_PACKET_BYTES } = this.#options;
    this.#connection = new Connection({
      clock,
      resolve,
      connect,
      host,
      port,
      maxPacketBytes,
      onOpen: () => this.#introduce(),
      onPacket: (packet) => this.#receive(packet),
      onDrained: () => this.#pump(),
      onFailed: (failure) => this.#fail(failure),
    });
  }

  #introduce(): void {
    const { clientId, username, password, will, clean, clock, keepAliveS = KEEP_ALIVE_S } = this.#options;
    this.#connection?.send({
      cmd: "connect",
      clientId,
      clean,
      keepalive: keepAliveS,
      username,
      password,
      will,
    });
    this.#timer = clock.set(
      () =>
        this.#fail({
          code: "broker-no-answer",
          message: "the broker took the connection and sent no CONNACK",
        }),
      CONNACK_TIMEOUT_MS,
    );
  }

  #receive(packet: IncomingPacket): void {
    this.#keepAlive.noteReceived();
    if (this.#state.type === "connecting") {
      this.#receiveFirst(packet);
      return;
    }
    switch (packet.cmd) {
      case "publish": {
        const { topic, payload, qos, retain, dup, messageId } = packet;
        this.#options.onMessage({ topic, payload, qos, retain, dup });
        if (qos === 1) this.#connection?.send({ cmd: "puback", messageId });
        break;
      }
      case "puback":
        if (!this.#outbox.acknowledge(packet.messageId)) break;
        this.#pump();
        if (this.#outbox.isEmpty) this.#options.onDrained?.();
        break;
      case "suback":
        this.#subscriptions.acknowledge(packet.messageId, packet.granted);
        break;
      case "unsuback":
        this.#subscriptions.acknowledgeRemoval(packet.messageId);
        break;
      case "pingresp":
        break;
      case "connack":
        this.#fail({ code: "protocol-error", message: "a second CONNACK came" });
        break;
    }
  }

  #receiveFirst(packet: IncomingPacket): void {
    // [MQTT-3.2.0-1]
    if (packet.cmd !== "connack") {
      this.#fail({ code: "protocol-error", message: `the first packet was a ${packet.cmd}, not a CONNACK` });
    } else if (packet.returnCode !== 0) {
      const message = `the broker refused the connection with code ${packet.returnCode} (${connackText(packet.returnCode)})`;
      this.#fail({ code: "broker-refused", connackCode: packet.returnCode, message });
    } else if (packet.sessionPresent && this.#options.clean) {
      this.#fail({ code: "protocol-error", message: "the broker kept a session that it was to forget" }); // [MQTT-3.2.2-1]
    } else {
      this.#goOnline(packet.sessionPresent);
    }
  }

  #goOnline(sessionPresent: boolean): void {
    const { clock } = this.#options;
    clock.clear(this.#timer);
    this.#onlineSinceMs = clock.monotonicMs();
    this.#keepAlive.start();
    this.#subscriptions.renew({ sessionPresent });
    for (const message of this.#outbox.inFlight) this.#send(message, true);
    this.#enter({ type: "online", sessionPresent });
    this.#pump();
  }

  #fail(reason: MQTTFailure): void {
    const { clock, reconnect } = this.#options;
    const wasOnline = this.#state.type === "online";
    clock.clear(this.#timer);
    this.#keepAlive.stop();
    this.#connection?.close();
    this.#connection = undefined;
    if (this.#isClosing) {
      this.#enter({ type: "closed" });
      return;
    }
    if (wasOnline && clock.monotonicMs() - this.#onlineSinceMs >= STABLE_MS) this.#backoff.reset();
    const retryInMs = reconnect ? this.#backoff.next() : undefined;
    if (retryInMs !== undefined) this.#timer = clock.set(() => this.#connect(), retryInMs);
    this.#enter({ type: "offline", reason, retryInMs });
  }

  #enter(state: MQTTState): void {
    this.#state = state;
    this.#options.onState(state);
  }

  /** Sends what may go: the window and the socket decide. */
  #pump(): void {
    while (
      this.#state.type === "online" &&
      this.#connection &&
      this.#connection.unsentBytes <= MAX_UNSENT_BYTES
    ) {
      const message = this.#outbox.take(() => this.#newMessageId());
      if (!message) break;
      this.#send(message, false);
    }
    if (this.#isClosing && this.#outbox.isEmpty) this.#end();
  }

  #send(message: QueuedMessage, dup: boolean): void {
    const { topic, payload, qos, retain, messageId } = message;
    this.#connection?.send({ cmd: "publish", topic, payload, qos, retain, dup, messageId });
    this.#keepAlive.noteSent();
  }

  /** The next identifier that nothing in flight has [MQTT-2.3.1-2]; there are far fewer in flight than identifiers. */
  #newMessageId(): number {
    do {
      this.#lastMessageId = this.#lastMessageId === LAST_MESSAGE_ID ? 1 : this.#lastMessageId + 1;
    } while (this.#outbox.has(this.#lastMessageId) || this.#subscriptions.has(this.#lastMessageId));
    return this.#lastMessageId;
  }
}

/** MQTT 3.1.1 table 3.1. */
function connackText(code: number): string {
  const texts = [
    "accepted",
    "protocol version",
    "client id",
    "server unavailable",
    "user or token",
    "not authorized",
  ];
  return texts[code] ?? "unknown";
}
