import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { Aedes, type AuthenticateError, type Client } from "aedes";
import { mayPublish, maySubscribe, type Principal } from "./access.js";
import { isSame, userTopicsOf } from "./accounts.js";
import { ConnectionLimit, FilterLimit, QueueLimit, RetainedLimit } from "./broker-limits.js";
import { clientAddressOf } from "./client-address.js";
import type { User } from "./entries.js";
import { ErrorBarrier } from "./error-barrier.js";
import { GuardedConnection } from "./guarded-connection.js";
import { LogLimit, topicKindOf } from "./log-limit.js";
import type { Registry } from "./registry.js";

export interface BrokerOptions {
  readonly registry: Registry;
  readonly host: string;
  /** TCP port; 0: any free port. */
  readonly port: number;
  /** The platform's own account. */
  readonly account: { readonly username: string; readonly password: string };
  /**
   * Called when clients are refused, with the client and the reason: once a minute for each client and kind of
   * refusal, and then with the number of the others.
   */
  readonly onRefused?: (what: string) => void;
  /** Called when an operator should act: the storage fails. */
  readonly onProblem?: (what: string) => void;
}

export interface Broker {
  /** The address on which the broker listens. */
  readonly address: string;
  readonly port: number;
  close(): Promise<void>;
}

/** CONNACK code "server unavailable" (MQTT 3.1.1 table 3.1). */
const UNAVAILABLE = 3;
/** CONNACK code "bad user name or password". */
const BAD_USER_OR_PASSWORD = 4;
/** CONNACK code "not authorized". */
const NOT_AUTHORIZED = 5;

/** Time within which a client has to log in, ms. */
const LOGIN_TIMEOUT_MS = 5000;
/** Maximum number of messages with QoS 2 that a client may leave unreleased. Stations use QoS 0 and 1. */
const MAX_UNRELEASED = 16;
/** Maximum number of packets that a client may send before its login is answered. */
const MAX_EARLY_PACKETS = 8;

/** An authenticated client. */
interface Member {
  readonly principal: { readonly kind: "platform" } | { readonly kind: "station"; readonly deviceId: string };
  /** Identity with which the client is authorized now. The rights of a station's own account follow its owner. */
  readonly rights: () => readonly Principal[];
  readonly filters: FilterLimit;
}

/** Starts an MQTT broker in this process, with the access control of the protocol. */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const aedes = await Aedes.createBroker({
    connectTimeout: LOGIN_TIMEOUT_MS,
    maxInflightInbound: MAX_UNRELEASED,
    queueLimit: MAX_EARLY_PACKETS,
  });
  const refusals = new LogLimit((what) => options.onRefused?.(what));
  control(aedes, options, refusals);
  const sockets = new Set<Socket>();
  const limit = new ConnectionLimit();
  // Nagle's algorithm would delay each small message until TCP acknowledges the previous one.
  const server = createServer({ noDelay: true }, (socket) => {
    const { remoteAddress } = socket;
    const counted = limit.open(remoteAddress);
    const refuse = (what: string) =>
      refusals.add({
        source: clientAddressOf(remoteAddress),
        kind: what,
        text: `${remoteAddress}: ${what}`,
      });
    if (!counted) {
      refuse("too many connections");
      socket.destroy();
      return;
    }
    sockets.add(socket);
    socket.on("close", () => {
      sockets.delete(socket);
      counted.handleClosed();
    });
    const connection = new GuardedConnection(socket, {
      onLogin: counted.handleLogin,
      onTooLong: () => refuse("the packet is too long"),
      onUnread: () => refuse("does not read its messages"),
    });
    aedes.handle(connection);
  });
  const end = () => new Promise<void>((done) => aedes.close(() => done()));
  try {
    await listen(server, options);
  } catch (error) {
    await end();
    throw error;
  }
  const { address, port } = server.address() as AddressInfo;
  return {
    address,
    port,
    close: async () => {
      await end();
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((done) => server.close(() => done()));
      refusals.close();
    },
  };
}

/** Installs the access control. */
function control(aedes: Aedes, options: BrokerOptions, refusals: LogLimit): void {
  const errorBarrier = new ErrorBarrier((why) => options.onProblem?.(`clients are not accepted: ${why}`));
  const members = new WeakMap<Client, Member>();
  const retained = new RetainedLimit();
  const refuse = (client: Client, kind: string, what = kind) =>
    refusals.add({ source: sourceOf(client, members.get(client)), kind, text: `${client.id}: ${what}` });
  const refuseTopic = (client: Client, action: "publish" | "subscribe", topic: string) =>
    refuse(client, `may not ${action} to ${topicKindOf(topic)}`, `may not ${action} to ${topic}`);
  /** Whether a client has a right. Without its storage the broker grants none. */
  const isAllowed = (client: Client, test: (principal: Principal) => boolean) =>
    errorBarrier.run(() => members.get(client)?.rights().some(test)) === true;

  aedes.authenticate = (client, username, password, done) => {
    const identified =
      errorBarrier.run(() => identify(options, client.id, username ?? "", password ?? Buffer.alloc(0))) ??
      refusal(UNAVAILABLE, "the account cannot be looked up");
    if ("returnCode" in identified) {
      refuse(client, identified.message);
      done(identified, false);
      return;
    }
    members.set(client, { ...identified, filters: new FilterLimit() });
    const isStation = identified.principal.kind === "station";
    if (client.conn instanceof GuardedConnection) client.conn.handleLogin({ isStation });
    done(null, true);
  };
  aedes.authorizePublish = (client, packet, done) => {
    // Without a client the broker itself publishes.
    const principal = client && members.get(client)?.principal;
    const isOwn = !client || isAllowed(client, (one) => mayPublish(one, packet.topic));
    const hasRoom =
      principal?.kind !== "station" ||
      !packet.retain ||
      retained.accepts(principal.deviceId, packet.topic, packet.payload.length);
    if (isOwn && hasRoom) {
      done(null);
      return;
    }
    if (client && !isOwn) refuseTopic(client, "publish", packet.topic);
    else if (client) refuse(client, "has too many retained topics");
    done(new Error("publishing to this topic is not allowed"));
  };
  aedes.authorizeSubscribe = (client, subscription, done) => {
    const { topic } = subscription;
    const member = members.get(client);
    const isOwn = isAllowed(client, (one) => maySubscribe(one, topic));
    const hasRoom = member?.principal.kind !== "station" || member.filters.accepts(topic);
    if (!isOwn) refuseTopic(client, "subscribe", topic);
    else if (!hasRoom) refuse(client, "has too many subscriptions");
    done(null, isOwn && hasRoom ? subscription : null);
  };
  // A stored subscription may be one that was refused, or to the topics of a previous owner.
  aedes.authorizeForward = (client, packet) =>
    isAllowed(client, (one) => maySubscribe(one, packet.topic)) ? packet : null;
  limitQueues(aedes);
  keepOnlyAllowed(aedes, (client, filter) => isAllowed(client, (one) => maySubscribe(one, filter)));
}

/** Name of a client for the limit of the log: its device, or its address, because it chooses its client id before login. */
function sourceOf({ conn }: Client, member: Member | undefined): string {
  if (member?.principal.kind === "station") return member.principal.deviceId;
  return conn instanceof GuardedConnection ? clientAddressOf(conn.remoteAddress) : "";
}

/**
 * Stores only allowed subscriptions of a lasting session. The library stores all filters of a SUBSCRIBE of which one is
 * allowed, and would queue the messages of the refused ones while the client is away.
 */
function keepOnlyAllowed(aedes: Aedes, isAllowed: (client: Client, filter: string) => boolean): void {
  const { persistence } = aedes as unknown as { persistence: Persistence };
  const add = persistence.addSubscriptions.bind(persistence);
  persistence.addSubscriptions = (client, subscriptions) =>
    add(
      client,
      subscriptions.filter(({ topic }) => isAllowed(client, topic)),
    );
}

/** Limits what is stored for a client until it acknowledges it. The library disconnects a client whose message is not stored. */
function limitQueues(aedes: Aedes): void {
  const { persistence } = aedes as unknown as { persistence: Persistence };
  const limit = new QueueLimit();
  const enqueue = persistence.outgoingEnqueueCombi.bind(persistence);
  persistence.outgoingEnqueueCombi = (subscriptions, packet) =>
    enqueue(
      subscriptions.filter(({ clientId }) => limit.accepts(clientId, bytesOf(packet))),
      packet,
    );
  const clear = persistence.outgoingClearMessageId.bind(persistence);
  persistence.outgoingClearMessageId = async (client, packet) => {
    const cleared = await clear(client, packet);
    if (cleared) limit.release(client.id, bytesOf(cleared));
    return cleared;
  };
}

function bytesOf({ topic = "", payload = "" }: QueuedPacket): number {
  return topic.length + payload.length;
}

interface QueuedPacket {
  readonly topic?: string;
  readonly payload?: string | Buffer;
}

/** The part of the library's storage that `keepOnlyAllowed` and `limitQueues` replace. */
interface Persistence {
  addSubscriptions(client: Client, subscriptions: readonly { readonly topic: string }[]): Promise<void>;
  outgoingEnqueueCombi(
    subscriptions: readonly { readonly clientId: string }[],
    packet: QueuedPacket,
  ): Promise<void>;
  outgoingClearMessageId(client: Client, packet: QueuedPacket): Promise<QueuedPacket | undefined>;
}

/** Identifies a client, or returns the reason why it is refused. */
function identify(
  { registry, account }: BrokerOptions,
  clientId: string,
  username: string,
  password: Buffer,
): Omit<Member, "filters"> | AuthenticateError {
  if (username === account.username) {
    return isSame(password, account.password)
      ? { principal: { kind: "platform" }, rights: () => [{ kind: "platform" }] }
      : refusal(BAD_USER_OR_PASSWORD, "wrong password");
  }
  const device = registry.device(username);
  if (device?.password !== undefined) {
    if (!isSame(password, device.password)) return refusal(BAD_USER_OR_PASSWORD, "wrong password");
    if (clientId !== username) return refusal(NOT_AUTHORIZED, "the client id must be the device id");
    return {
      principal: { kind: "station", deviceId: clientId },
      rights: () => registry.usersOf(clientId).flatMap((user) => principalsOf(user, clientId)),
    };
  }
  const user = registry.userByName(username);
  if (!user) return refusal(BAD_USER_OR_PASSWORD, "wrong user or token");
  if (registry.isAccount(clientId, { user, password })) {
    const principals = principalsOf(user, clientId);
    return { principal: { kind: "station", deviceId: clientId }, rights: () => principals };
  }
  if (!isSame(password, user.token)) return refusal(BAD_USER_OR_PASSWORD, "wrong user or token");
  const hasOwn = registry.device(clientId)?.password !== undefined;
  return refusal(
    NOT_AUTHORIZED,
    hasOwn ? "the device has an account of its own" : "not a device of that user",
  );
}

function principalsOf(user: User, deviceId: string): Principal[] {
  return userTopicsOf(user).map((userTopic) => ({ kind: "station", userTopic, deviceId }));
}

function refusal(returnCode: number, message: string): AuthenticateError {
  return Object.assign(new Error(message), { returnCode }) as AuthenticateError;
}

function listen(server: Server, { host, port }: BrokerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", ({ code }: NodeJS.ErrnoException) =>
      reject(new Error(listenFailure(code, host, port))),
    );
    server.listen(port, host, resolve);
  });
}

function listenFailure(code: string | undefined, host: string, port: number): string {
  switch (code) {
    case "EADDRINUSE":
      return `port ${port} is in use; choose another with --port, or 0 for a free one`;
    case "ENOTFOUND":
    case "EAI_AGAIN":
    case "EADDRNOTAVAIL":
      return `${host} is not an address of this machine; choose another with --host`;
    default:
      return `port ${port} of ${host} cannot be opened (${code})`;
  }
}
