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
  /** A message was longer than `maxPacketBytes`: it was skipped, and acknowledged. */
  readonly onSkipped?: (byteLength: number) => void;
  /** The broker has refused a subscription [MQTT-3.9.3-2]. */
  readonly onRefusedSubscription?: (filter: string) => void;
  /** The broker has acknowledged every QoS 1 message. */
  readonly onDrained?: () => void;
  /** A longer PUBLISH from the broker is skipped; any other longer packet ends the connection. */
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
export class MQTTClient implements IO {
  private _options: MQTTSessionOptions;
  private _state: MQTTState = { type: "connecting" };
  private _connection: Connection | undefined;
  private _outbox: Outbox;
  private _subscriptions: Subscriptions;
  private _keepAlive: KeepAlive;
  private _backoff: Backoff;
  private _timer: Timer | undefined;
  private _onlineSinceMs = 0;
  private _lastMessageId = 0;
  /** In flight when that was looked at last. */
  private _oldestInFlight: QueuedMessage | undefined;
  private _isClosing = false;
  /** QoS 0 messages that found no room. */
  private _dropped = 0;
  /** Messages that were too long. */
  private _skipped = 0;

  constructor(options: MQTTSessionOptions) {
    this._options = options;
    this._outbox = new Outbox({
      maxInFlight: options.maxInFlight ?? MAX_IN_FLIGHT,
      maxMessages: options.maxMessages ?? MAX_MESSAGES,
      maxBytes: options.maxQueuedBytes ?? MAX_QUEUED_BYTES,
    });
    this._subscriptions = new Subscriptions({
      newMessageId: () => this._newMessageId(),
      send: (packet) => this._connection?.send(packet),
      onRefused: (filter) => options.onRefusedSubscription?.(filter),
    });
    this._keepAlive = new KeepAlive({
      clock: options.clock,
      periodMs: (options.keepAliveS ?? KEEP_ALIVE_S) * 1000,
      ping: () => this._connection?.send({ cmd: "pingreq" }),
      onMissed: () => this._fail({ code: "keep-alive-missed", message: "the broker did not answer a ping" }),
      onCheck: () => this._checkAcknowledgements(),
    });
    this._backoff = new Backoff({
      minMs: MIN_BACKOFF_MS,
      maxMs: MAX_BACKOFF_MS,
      random: (byteLength) => options.crypto.random(byteLength),
    });
    this._timer = options.clock.set(() => this._connect(), 0);
  }

  get state(): MQTTState {
    return this._state;
  }

  /** Messages of QoS 1 that the broker has not acknowledged. */
  get queuedMessages(): number {
    return this._outbox.length;
  }

  get droppedMessages(): number {
    return this._dropped;
  }

  /** Messages from the broker that were too long, and were acknowledged unread. */
  get skippedMessages(): number {
    return this._skipped;
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
    if (this._state.type === "closed" || this._isClosing) return "closed";
    if (message.qos === 1) {
      if (!this._outbox.add(message)) return "queue-full";
      this._pump();
      return "accepted";
    }
    const connection = this._state.type === "online" ? this._connection : undefined;
    if (!connection) return "offline";
    if (connection.unsentBytes > MAX_UNSENT_BYTES) {
      this._dropped++;
      return "queue-full";
    }
    const { topic, retain } = message;
    const payload = payloadBytes(message.payload);
    connection.send({ cmd: "publish", topic, payload, retain, qos: 0, dup: false, messageId: undefined });
    this._keepAlive.noteSent();
    return "accepted";
  }

  /** Subscribes now and after every reconnection for which the broker kept nothing. */
  subscribe(filter: string, qos: 0 | 1): void {
    this._subscriptions.add(filter, qos, this._state.type === "online");
  }

  unsubscribe(filter: string): void {
    this._subscriptions.remove(filter, this._state.type === "online");
  }

  /** Sends what is queued, for a second at most, then DISCONNECT: the broker then publishes no will. */
  close(): void {
    if (this._state.type === "closed" || this._isClosing) return;
    if (this._state.type !== "online" || this._outbox.isEmpty) {
      this._end();
      return;
    }
    this._isClosing = true;
    this._options.clock.clear(this._timer);
    this._timer = this._options.clock.set(() => this._end(), FAREWELL_MS);
  }

  private _end(): void {
    this._options.clock.clear(this._timer);
    this._keepAlive.stop();
    if (this._state.type === "online") this._connection?.send({ cmd: "disconnect" });
    this._connection?.close();
    this._connection = undefined;
    this._enter({ type: "closed" });
  }

  private _connect(): void {
    if (this._state.type === "closed") return;
    if (this._state.type !== "connecting") this._enter({ type: "connecting" });
    const { clock, resolve, connect, host, port, maxPacketBytes = MAX_PACKET_BYTES } = this._options;
    this._connection = new Connection({
      clock,
      resolve,
      connect,
      host,
      port,
      maxPacketBytes,
      onOpen: () => this._introduce(),
      onPacket: (packet) => this._receive(packet),
      onReceived: () => this._keepAlive.noteReceived(),
      onDrained: () => this._pump(),
      onFailed: (failure) => this._fail(failure),
    });
  }

  private _introduce(): void {
    const { clientId, username, password, will, clean, clock, keepAliveS = KEEP_ALIVE_S } = this._options;
    this._connection?.send({
      cmd: "connect",
      clientId,
      clean,
      keepalive: keepAliveS,
      username,
      password,
      will,
    });
    this._timer = clock.set(
      () =>
        this._fail({
          code: "broker-no-answer",
          message: "the broker took the connection and sent no CONNACK",
        }),
      CONNACK_TIMEOUT_MS,
    );
  }

  private _receive(packet: IncomingPacket): void {
    if (this._state.type === "connecting") {
      this._receiveFirst(packet);
      return;
    }
    switch (packet.cmd) {
      case "publish": {
        const { topic, payload, qos, retain, dup, messageId } = packet;
        this._options.onMessage({ topic, payload, qos, retain, dup });
        if (qos === 1) this._connection?.send({ cmd: "puback", messageId });
        break;
      }
      // Without its PUBACK the broker would send it again at each connection.
      case "skipped":
        this._skipped++;
        if (packet.qos === 1) this._connection?.send({ cmd: "puback", messageId: packet.messageId });
        this._options.onSkipped?.(packet.byteLength);
        break;
      case "puback":
        if (!this._outbox.acknowledge(packet.messageId)) break;
        this._pump();
        if (this._outbox.isEmpty) this._options.onDrained?.();
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
        this._fail({ code: "protocol-error", message: "a second CONNACK came" });
        break;
    }
  }

  private _receiveFirst(packet: IncomingPacket): void {
    // [MQTT-3.2.0-1]
    if (packet.cmd !== "connack") {
      this._fail({ code: "protocol-error", message: `the first packet was a ${packet.cmd}, not a CONNACK` });
    } else if (packet.returnCode !== 0) {
      const message = `the broker refused the connection with code ${packet.returnCode} (${connackText(packet.returnCode)})`;
      this._fail({ code: "broker-refused", connackCode: packet.returnCode, message });
    } else if (packet.sessionPresent && this._options.clean) {
      this._fail({ code: "protocol-error", message: "the broker kept a session that it was to forget" }); // [MQTT-3.2.2-1]
    } else {
      this._goOnline(packet.sessionPresent);
    }
  }

  private _goOnline(sessionPresent: boolean): void {
    const { clock } = this._options;
    clock.clear(this._timer);
    this._onlineSinceMs = clock.monotonicMs();
    this._oldestInFlight = undefined;
    this._keepAlive.start();
    this._subscriptions.renew({ sessionPresent });
    for (const message of this._outbox.inFlight) this._send(message, true);
    this._enter({ type: "online", sessionPresent });
    this._pump();
  }

  /**
   * What nobody acknowledges is sent again over another connection, and only there [MQTT-4.4.0-1]: without one the
   * window would stay full for ever, though the broker answers pings.
   */
  private _checkAcknowledgements(): void {
    // Acknowledgements wait behind a long message; the keep-alive ends a connection that stalls in one.
    if (this._connection?.isSkipping) {
      this._oldestInFlight = undefined;
      return;
    }
    const [oldest] = this._outbox.inFlight;
    const isStuck = oldest !== undefined && oldest === this._oldestInFlight;
    this._oldestInFlight = oldest;
    if (isStuck && this._state.type === "online")
      this._fail({ code: "broker-no-answer", message: "the broker acknowledges no messages" });
  }

  private _fail(reason: MQTTFailure): void {
    const { clock, reconnect } = this._options;
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
    this._enter({ type: "offline", reason, retryInMs });
  }

  private _enter(state: MQTTState): void {
    this._state = state;
    this._options.onState(state);
  }

  /** Sends what may go: the window and the socket decide. */
  private _pump(): void {
    while (
      this._state.type === "online" &&
      this._connection &&
      this._connection.unsentBytes <= MAX_UNSENT_BYTES
    ) {
      const message = this._outbox.take(() => this._newMessageId());
      if (!message) break;
      this._send(message, false);
    }
    if (this._isClosing && this._outbox.isEmpty) this._end();
  }

  private _send(message: QueuedMessage, dup: boolean): void {
    const { topic, payload, qos, retain, messageId } = message;
    this._connection?.send({ cmd: "publish", topic, payload, qos, retain, dup, messageId });
    this._keepAlive.noteSent();
  }

  /** The next identifier that nothing in flight has [MQTT-2.3.1-2]; there are far fewer in flight than identifiers. */
  private _newMessageId(): number {
    do {
      this._lastMessageId = this._lastMessageId === LAST_MESSAGE_ID ? 1 : this._lastMessageId + 1;
    } while (this._outbox.has(this._lastMessageId) || this._subscriptions.has(this._lastMessageId));
    return this._lastMessageId;
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
