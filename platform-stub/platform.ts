import { randomBytes } from "node:crypto";
import { isIPv6 } from "node:net";
import { type Broker, startBroker } from "./broker.js";
import type { Account } from "./mosquitto.js";
import type { Registry } from "./registry.js";
import { Responder, type ResponderOptions } from "./responder.js";

export interface PlatformOptions
  extends Pick<
    ResponderOptions,
    | "registry"
    | "maxRequestsPerMinute"
    | "intercept"
    | "onRequest"
    | "onIgnored"
    | "onProblem"
    | "onConnection"
  > {
  readonly registry: Registry;
  /** An external broker, `mqtt://[user:password@]host:port`. Default: an embedded broker. */
  readonly brokerURL?: string;
  /** Address of the embedded broker. Default: 127.0.0.1. */
  readonly host?: string;
  /** TCP port of the embedded broker. Default: any free port. */
  readonly port?: number;
  /**
   * Called when the embedded broker refuses clients: once a minute for each client and kind of
   * refusal, and then with the number of the others.
   */
  readonly onRefused?: (what: string) => void;
}

export interface Platform {
  /** Address at which clients on this machine reach the broker. */
  readonly host: string;
  readonly port: number;
  /** `mqtt://host:port` */
  readonly url: string;
  /** Account for other clients of the platform, such as a dashboard. With an external broker, the one in its URL. */
  readonly account: Partial<Account>;
  close(): Promise<void>;
}

const DEFAULT_PORT = 1883;

/** Starts the platform: the responder, on an embedded or an external broker. */
export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  return options.brokerURL === undefined ? startWithBroker(options) : startOn(options, options.brokerURL);
}

async function startWithBroker(options: PlatformOptions): Promise<Platform> {
  const { registry, host = "127.0.0.1", port = 0, onRefused, onProblem } = options;
  const account = { username: "platform", password: randomBytes(16).toString("hex") };
  const broker: Broker = await startBroker({ registry, host, port, account, onRefused, onProblem });
  const endpoint = { host: reachable(broker.address), port: broker.port };
  const url = urlOf(endpoint);
  try {
    const responder = await Responder.start({ ...options, url, ...account, isShared: false });
    return {
      ...endpoint,
      url,
      account,
      close: async () => {
        await responder.close();
        await broker.close();
      },
    };
  } catch (error) {
    await broker.close();
    throw error;
  }
}

/** The address to connect to: loopback when the broker listens on every address. */
function reachable(address: string): string {
  return address === "0.0.0.0" || address === "::" ? "127.0.0.1" : address;
}

function urlOf({ host, port }: { host: string; port: number }): string {
  return `mqtt://${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

/** Starts on an external broker. The returned `url` omits the account, so that it can be printed. */
async function startOn(options: PlatformOptions, brokerURL: string): Promise<Platform> {
  const given = URL.canParse(brokerURL) ? new URL(brokerURL) : undefined;
  if (given?.protocol !== "mqtt:" || given.hostname === "") {
    throw new Error("--broker must be mqtt://[user@]host[:port]");
  }
  const endpoint = {
    host: given.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: given.port === "" ? DEFAULT_PORT : Number(given.port),
  };
  const url = urlOf(endpoint);
  const account = {
    username: given.username === "" ? undefined : decodeURIComponent(given.username),
    password: given.password === "" ? undefined : decodeURIComponent(given.password),
  };
  const responder = await Responder.start({ ...options, url, ...account, isShared: true });
  return { ...endpoint, url, account, close: () => responder.close() };
}
