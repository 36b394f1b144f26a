import { randomBytes } from "node:crypto";
import { isIPv6 } from "node:net";
import { type Broker, startBroker } from "./broker.js";
import type { Account } from "./mosquitto.js";
import type { Registry } from "./registry.js";
import { Responder, type ResponderOptions } from "./responder.js";

export interface PlatformOptions
  extends Pick<
    ResponderOptions,
    "registry" | "intercept" | "onRequest" | "onIgnored" | "onProblem" | "onConnection"
  > {
  readonly registry: Registry;
  /** An external broker, `mqtt://[user:password@]host:port`; none: one in this process. */
  readonly brokerURL?: string;
  /** Where the broker in this process listens; 127.0.0.1 and any free port unless given. */
  readonly host?: string;
  readonly port?: number;
  /** Somebody did at the broker what is not allowed. */
  readonly onRefused?: (what: string) => void;
}

export interface Platform {
  /** Where somebody on this machine reaches the broker. */
  readonly host: string;
  readonly port: number;
  /** The same, `mqtt://host:port`. */
  readonly url: string;
  /** For others who act for the platform: an observer, a dashboard. With an external broker, what its URL said. */
  readonly account: Partial<Account>;
  close(): Promise<void>;
}

const DEFAULT_PORT = 1883;

/** The platform's end: a broker, or somebody else's, and the responder on it. */
export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  return options.brokerURL === undefined ? startWithBroker(options) : startOn(options, options.brokerURL);
}

async function startWithBroker(options: PlatformOptions): Promise<Platform> {
  const { registry, host = "127.0.0.1", port = 0, onRefused, onProblem } = options;
  const account = { username: "platform", password: randomBytes(16).toString("hex") };
  const broker: Broker = await startBroker({ registry, host, port, account, onRefused, onProblem });
  const place = { host: reachable(broker.address), port: broker.port };
  const url = urlOf(place);
  try {
    const responder = await Responder.start({ ...options, url, ...account, isShared: false });
    return {
      ...place,
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

/** Nobody connects to "every address". */
function reachable(address: string): string {
  return address === "0.0.0.0" || address === "::" ? "127.0.0.1" : address;
}

function urlOf({ host, port }: { host: string; port: number }): string {
  return `mqtt://${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

/** The URL's account is in the URL only as it was given: it is never printed. */
async function startOn(options: PlatformOptions, brokerURL: string): Promise<Platform> {
  const given = URL.canParse(brokerURL) ? new URL(brokerURL) : undefined;
  if (given?.protocol !== "mqtt:" || given.hostname === "") {
    throw new Error("--broker must be mqtt://[user:password@]host[:port]");
  }
  const place = {
    host: given.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: given.port === "" ? DEFAULT_PORT : Number(given.port),
  };
  const url = urlOf(place);
  const account = {
    username: given.username === "" ? undefined : decodeURIComponent(given.username),
    password: given.password === "" ? undefined : decodeURIComponent(given.password),
  };
  const responder = await Responder.start({ ...options, url, ...account, isShared: true });
  return { ...place, url, account, close: () => responder.close() };
}
