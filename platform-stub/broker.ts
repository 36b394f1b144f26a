import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { Aedes, type AuthenticateError, type Client } from "aedes";
import { mayPublish, maySubscribe, type Principal } from "./access.js";
import { ErrorBarrier } from "./error-barrier.js";
import { isSame, type Registry, userTopicOf } from "./registry.js";

export interface BrokerOptions {
  readonly registry: Registry;
  readonly host: string;
  /** TCP port; 0: any free port. */
  readonly port: number;
  /** The platform's own account. */
  readonly account: { readonly username: string; readonly password: string };
  /** Called when a client is refused, with the client id and the reason. */
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

/** Starts an MQTT broker in this process, with the access control of the protocol. */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const aedes = await Aedes.createBroker();
  const errorBarrier = new ErrorBarrier((why) => options.onProblem?.(`clients are not accepted: ${why}`));
  const principals = new WeakMap<Client, Principal>();
  const refuse = (client: Client, what: string) => options.onRefused?.(`${client.id}: ${what}`);

  aedes.authenticate = (client, username, password, done) => {
    const identified =
      errorBarrier.run(() => identify(options, client.id, username ?? "", password ?? Buffer.alloc(0))) ??
      refusal(UNAVAILABLE, "the account cannot be looked up");
    if ("returnCode" in identified) {
      refuse(client, identified.message);
      done(identified, false);
      return;
    }
    principals.set(client, identified);
    done(null, true);
  };
  aedes.authorizePublish = (client, packet, done) => {
    // Without a client the broker itself publishes.
    const principal = client && principals.get(client);
    if (!client || (principal && mayPublish(principal, packet.topic))) {
      done(null);
      return;
    }
    refuse(client, `may not publish to ${packet.topic}`);
    done(new Error("publishing to this topic is not allowed"));
  };
  aedes.authorizeSubscribe = (client, subscription, done) => {
    const principal = principals.get(client);
    const isAllowed = principal !== undefined && maySubscribe(principal, subscription.topic);
    if (!isAllowed) refuse(client, `may not subscribe to ${subscription.topic}`);
    done(null, isAllowed ? subscription : null);
  };

  const sockets = new Set<Socket>();
  // Nagle's algorithm would delay each small message until TCP acknowledges the previous one.
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    aedes.handle(socket);
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
    },
  };
}

/** The principal of a client, or the reason why it is refused. */
function identify(
  { registry, account }: BrokerOptions,
  clientId: string,
  username: string,
  password: Buffer,
): Principal | AuthenticateError {
  if (username === account.username) {
    return isSame(password, account.password)
      ? { kind: "platform" }
      : refusal(BAD_USER_OR_PASSWORD, "wrong password");
  }
  const user = registry.userByName(username);
  if (!user) return refusal(BAD_USER_OR_PASSWORD, "wrong user or token");
  if (registry.isAccount(clientId, { user, password })) {
    return { kind: "station", userTopic: userTopicOf(user), deviceId: clientId };
  }
  return isSame(password, user.token)
    ? refusal(NOT_AUTHORIZED, "not a device of that user")
    : refusal(BAD_USER_OR_PASSWORD, "wrong user or token");
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
