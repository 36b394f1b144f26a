import { Backoff } from "../backoff/index.js";
import type { Crypto, IO, Timer } from "../board/index.js";
import type { TraceSink } from "../trace/index.js";
import type { IncomingPacket, OutgoingPacket, OutgoingWill } from "./codec.js";
import { Connection, type ConnectionListener, type ConnectionOptions } from "./connection.js";
import type { MQTTFailure } from "./failure.js";
import { KeepAlive, type KeepAliveHost } from "./keep-alive.js";
import {
  Outbox,
  type OutboxOptions,
  type OutgoingMessage,
  payloadBytes,
  type QueuedMessage,
} from "./outbox.js";
import { Subscriptions, type SubscriptionsHost } from "./subscriptions.js";

/** State of the client. */
export type MQTTState =
  | { readonly type: "connecting" }
  | { readonly type: "online"; readonly sessionPresent: boolean }
  | { readonly type: "offline"; readonly reason: MQTTFailure; readonly retryInMs: number | undefined }
  | { readonly type: "closed" };

/** A message that the client has received. */
export interface IncomingMessage {
  readonly topic: string;
  readonly payload: Uint8Array<ArrayBuffer>;
  readonly qos: 0 | 1;
  readonly retain: boolean;
  readonly dup: boolean;
}

export interface MQTTSessionOptions extends ConnectionOptions, OutboxOptions {
  readonly board: ConnectionOptions["board"] & { readonly crypto: Pick<Crypto, "random"> };
  readonly clientId: string;
  readonly username: string;
  readonly password: string;
  readonly will?: OutgoingWill;
  /** Keep-alive period, 5-65535 s. */
  readonly keepAliveS?: number;
  /** `true`: the broker discards the session of this client. */
  readonly clean: boolean;
  /** `false`: the client tries to connect once. */
  readonly reconnect: boolean;
  readonly trace?: TraceSink;
  readonly listener: MQTTListener;
}

export interface MQTTListener {
  handleState(state: MQTTState): void;
  /** Receives a message. A QoS 1 message is acknowledged after the return. */
  handleMessage(message: IncomingMessage): void;
  /** A message longer than `maxPacketBytes` was skipped and acknowledged. */
  handleSkipped?(byteLength: number): void;
  /** The broker has refused a subscription [MQTT-3.9.3-2]. */
  handleRefusedSubscription?(filter: string): void;
  /** The broker has acknowledged every QoS 1 message. */
  handleDrained?(): void;
}

/** Result of `publish`. */
export type PublishOutcome = "accepted" | "queue-full" | "offline" | "closed";

const KEEP_ALIVE_S = 60;
/** Time from the open connection to the CONNACK, ms. */
const CONNACK_TIMEOUT_MS = 10_000;
/** Limit of unsent bytes. Above it QoS 0 messages are dropped and QoS 1 messages stay queued. */
const MAX_UNSENT_BYTES = 8192;
const MIN_BACKOFF_MS = 1000;
const MAX_BACKOFF_MS = 60_000;
/** Duration after which a connection is stable, ms. The delay after its failure starts from the shortest again. */
const STABLE_MS = 30_000;
/** Highest time that `close` spends to send queued messages, ms. */
const CLOSE_TIMEOUT_MS = 1000;
const LAST_MESSAGE_ID = 65_535;

/**
 * An MQTT 3.1.1 client whose session outlives its connections. Callbacks come from the clock or the network, never
 * during a call; only the state `closed` is reported during `close`.
 */
export class MQTTClient implements IO, ConnectionListener, KeepAliveHost, SubscriptionsHost {
  private readonly _options: MQTTSessionOptions;
  private _state: MQTTState = { type: "connecting" };
  private _connection: Connection | undefined;
  private readonly _outbox: Outbox;
  private readonly _subscriptions: Subscriptions;
  private readonly _keepAlive: KeepAlive;
  private readonly _backoff: Backoff;
  private _timer: Timer | undefined;
  private _onlineSinceMs = 0;
  private _lastMessageId = 0;
  /** The oldest message in flight at the last check. */
  private _oldestInFlight: QueuedMessage | undefined;
  private _isClosing = false;

  constructor(options: MQTTSessionOptions) {
    this._options = options;
    const { clock, crypto } = options.board;
    this._outbox = new Outbox(options);
    this._subscriptions = new Subscriptions(this);
    const periodMs = (options.keepAliveS ?? KEEP_ALIVE_S) * 1000;
    this._keepAlive = new KeepAlive({ clock, periodMs, host: this });
    this._backoff = new Backoff({ minMs: MIN_BACKOFF_MS, maxMs: MAX_BACKOFF_MS, crypto });
    this._timer = clock.set(() => this._connect(), 0);
  }

  get state(): MQTTState {
    return this._state;
  }

  /** Number of QoS 1 messages that the broker has not acknowledged. */
  get queuedMessages(): number {
    return this._outbox.length;
  }

  /**
   * Publishes a message. QoS 1 is queued, across connections, until the broker has acknowledged it. QoS 0 is sent now
   * or not at all. Throws for an invalid topic.
   */
  publish(message: OutgoingMessage): PublishOutcome {
    // [MQTT-4.7.3-1] [MQTT-3.3.2-2] [MQTT-4.7.3-2]
    if (message.topic === "" || /[+#\0]/.test(message.topic)) {
      throw new RangeError(`"${message.topic}" is not a topic to publish to`);
    }
    if (this._state.type === "closed" || this._isClosing) return "closed";
    if (message.qos === 1) {
      if (!this._outbox.add(message)) return "queue-full";
      this._pump();
      return "accepted";
    }
    const connection = this._state.type === "online" ? this._connection : undefined;
    if (!connection) return "offline";
    if (connection.unsentBytes > MAX_UNSENT_BYTES) {
      this._options.trace?.add("packetDropped");
      return "queue-full";
    }
    const { topic, retain } = message;
    const payload = payloadBytes(message.payload);
    connection.send({ cmd: "publish", topic, payload, retain, qos: 0, dup: false, messageId: undefined });
    this._keepAlive.recordSent();
    return "accepted";
  }

  /** Subscribes now, and after each reconnection for which the broker kept no session. */
  subscribe(filter: string, qos: 0 | 1): void {
    this._subscriptions.add(filter, qos, this._state.type === "online");
  }

  /** Removes a subscription. */
  unsubscribe(filter: string): void {
    this._subscriptions.remove(filter, this._state.type === "online");
  }

  /** Sends queued messages for at most CLOSE_TIMEOUT_MS, then DISCONNECT, so that the broker publishes no will. */
  close(): void {
    if (this._state.type === "closed" || this._isClosing) return;
    if (this._state.type !== "online" || this._outbox.isEmpty) {
      this._end();
      return;
    }
    this._isClosing = true;
    const { clock } = this._options.board;
    clock.clear(this._timer);
    this._timer = clock.set(() => this._end(), CLOSE_TIMEOUT_MS);
  }

  private _end(): void {
    this._options.board.clock.clear(this._timer);
    this._keepAlive.stop();
    if (this._state.type === "online") this._connection?.send({ cmd: "disconnect" });
    this._connection?.close();
    this._connection = undefined;
    this._enter({ type: "closed" });
  }

  private _connect(): void {
    if (this._state.type === "closed") return;
    if (this._state.type !== "connecting") this._enter({ type: "connecting" });
    this._connection = new Connection(this._options, this);
  }

  send(packet: OutgoingPacket): void {
    this._connection?.send(packet);
  }

  handleReceived(): void {
    this._keepAlive.recordReceived();
  }

  handleSent(): void {
    this._pump();
  }

  sendPing(): void {
    this.send({ cmd: "pingreq" });
  }

  handleMissedPing(): void {
    this.handleFailure({ code: "keep-alive-missed", message: "the broker did not answer a ping" });
  }

  handleRefusedSubscription(filter: string): void {
    this._options.listener.handleRefusedSubscription?.(filter);
  }

  handleOpen(): void {
    const { clientId, username, password, will, clean, board, keepAliveS = KEEP_ALIVE_S } = this._options;
    this._connection?.send({
      cmd: "connect",
      clientId,
      clean,
      keepalive: keepAliveS,
      username,
      password,
      will,
    });
    this._timer = board.clock.set(
      () =>
        this.handleFailure({
          code: "broker-no-answer",
          message: "the broker accepted the connection but sent no CONNACK",
        }),
      CONNACK_TIMEOUT_MS,
    );
  }

  handlePacket(packet: IncomingPacket): void {
    if (this._state.type === "connecting") {
      this._receiveFirst(packet);
      return;
    }
    switch (packet.cmd) {
      case "publish": {
        const { topic, payload, qos, retain, dup, messageId } = packet;
        this._options.listener.handleMessage({ topic, payload, qos, retain, dup });
        if (qos === 1) this._connection?.send({ cmd: "puback", messageId });
        break;
      }
      // Without a PUBACK the broker would send the message again at each connection.
      case "skipped":
        this._options.trace?.add("messageSkipped", packet.byteLength);
        if (packet.qos === 1) this._connection?.send({ cmd: "puback", messageId: packet.messageId });
        this._options.listener.handleSkipped?.(packet.byteLength);
        break;
      case "puback":
        if (!this._outbox.acknowledge(packet.messageId)) break;
        this._pump();
        if (this._outbox.isEmpty) this._options.listener.handleDrained?.();
        break;
      case "suback":
        this._subscriptions.acknowledge(packet.messageId, packet.granted);
        break;
      case "unsuback":
        this._subscriptions.acknowledgeRemoval(packet.messageId);
        break;
      case "pingresp":
        break;
      case "connack":
        this.handleFailure({ code: "protocol-error", message: "the broker sent a second CONNACK" });
        break;
    }
  }

  private _receiveFirst(packet: IncomingPacket): void {
    // [MQTT-3.2.0-1]
    if (packet.cmd !== "connack") {
      this.handleFailure({
        code: "protocol-error",
        message: `the first packet was a ${packet.cmd}, not a CONNACK`,
      });
    } else if (packet.returnCode !== 0) {
      const message = `the broker refused the connection with code ${packet.returnCode} (${connackText(packet.returnCode)})`;
      this.handleFailure({ code: "broker-refused", connackCode: packet.returnCode, message });
    } else if (packet.sessionPresent && this._options.clean) {
      this.handleFailure({
        code: "protocol-error",
        message: "the broker kept a session despite the clean-session flag",
      }); // [MQTT-3.2.2-1]
    } else {
      this._goOnline(packet.sessionPresent);
    }
  }

  private _goOnline(sessionPresent: boolean): void {
    const { clock } = this._options.board;
    clock.clear(this._timer);
    this._timer = undefined;
    this._onlineSinceMs = clock.monotonicMs();
    this._oldestInFlight = undefined;
    this._keepAlive.start();
    this._subscriptions.renew({ sessionPresent });
    for (const message of this._outbox.inFlight) this._send(message, true);
    this._options.trace?.add("connected");
    this._enter({ type: "online", sessionPresent });
    this._pump();
  }

  /**
   * Ends a connection whose broker answers pings but does not acknowledge messages. MQTT repeats a message only over a
   * new connection [MQTT-4.4.0-1], so without one the window would stay full.
   */
  checkBroker(): void {
    // Acknowledgements are queued behind a long message. The keep-alive ends a connection that stalls in one.
    if (this._connection?.isSkipping) {
      this._oldestInFlight = undefined;
      return;
    }
    const [oldest] = this._outbox.inFlight;
    const isStuck = oldest !== undefined && oldest === this._oldestInFlight;
    this._oldestInFlight = oldest;
    if (isStuck && this._state.type === "online")
      this.handleFailure({ code: "broker-no-answer", message: "the broker does not acknowledge messages" });
  }

  handleFailure(reason: MQTTFailure): void {
    const { board, reconnect } = this._options;
    const { clock } = board;
    const wasOnline = this._state.type === "online";
    clock.clear(this._timer);
    this._keepAlive.stop();
    this._connection?.close();
    this._connection = undefined;
    if (this._isClosing) {
      this._enter({ type: "closed" });
      return;
    }
    if (wasOnline && clock.monotonicMs() - this._onlineSinceMs >= STABLE_MS) this._backoff.reset();
    const retryInMs = reconnect ? this._backoff.next() : undefined;
    if (retryInMs !== undefined) this._timer = clock.set(() => this._connect(), retryInMs);
    this._options.trace?.add("connectionFailed", reason.code);
    this._enter({ type: "offline", reason, retryInMs });
  }

  private _enter(state: MQTTState): void {
    this._state = state;
    this._options.listener.handleState(state);
  }

  /** Sends queued messages, as far as the window and the socket allow. */
  private _pump(): void {
    while (
      this._state.type === "online" &&
      this._connection &&
      this._connection.unsentBytes <= MAX_UNSENT_BYTES
    ) {
      const message = this._outbox.take(this);
      if (!message) break;
      this._send(message, false);
    }
    if (this._isClosing && this._outbox.isEmpty) this._end();
  }

  private _send(message: QueuedMessage, dup: boolean): void {
    const { topic, payload, qos, retain, messageId } = message;
    this._connection?.send({ cmd: "publish", topic, payload, qos, retain, dup, messageId });
    this._keepAlive.recordSent();
  }

  /** Returns the next unused packet identifier [MQTT-2.3.1-2]. The limits leave most identifiers unused. */
  newMessageId(): number {
    do {
      this._lastMessageId = this._lastMessageId === LAST_MESSAGE_ID ? 1 : this._lastMessageId + 1;
    } while (this._outbox.has(this._lastMessageId) || this._subscriptions.has(this._lastMessageId));
    return this._lastMessageId;
  }
}

/** Returns the meaning of a CONNACK code (MQTT 3.1.1 table 3.1). */
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
