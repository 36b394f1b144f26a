import { randomBytes } from "node:crypto";
import { type Broker, startBroker } from "./broker.js";
import type { Account } from "./mosquitto.js";
import type { Registry } from "./registry.js";
import { Responder, type ResponderOptions } from "./responder.js";

export interface PlatformOptions
  extends Pick<ResponderOptions, "registry" | "intercept" | "onRequest" | "onIgnored" | "onConnection"> {
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
  readonly host: string;
  readonly port: number;
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
  const { registry, host = "127.0.0.1", port = 0, onRefused } = options;
  const account = { username: "platform", password: randomBytes(16).toString("hex") };
  const broker: Broker = await startBroker({ registry, host, port, account, onRefused });
  const url = `mqtt://${host}:${broker.port}`;
  const responder = await Responder.start({ ...options, url, ...account, isShared: false });
  return {
    host,
    port: broker.port,
    account,
    close: async () => {
      await responder.close();
      await broker.close();
    },
  };
}

/** The URL's account is in the URL only as it was given: it is never printed. */
async function startOn(options: PlatformOptions, brokerURL: string): Promise<Platform> {
  const url = URL.canParse(brokerURL) ? new URL(brokerURL) : undefined;
  if (url?.protocol !== "mqtt:" || url.hostname === "") {
    throw new Error("--broker must be mqtt://[user:password@]host[:port]");
  }
  const port = url.port === "" ? DEFAULT_PORT : Number(url.port);
  const account = {
    username: url.username === "" ? undefined : decodeURIComponent(url.username),
    password: url.password === "" ? undefined : decodeURIComponent(url.password),
  };
  const responder = await Responder.start({
    ...options,
    url: `mqtt://${url.hostname}:${port}`,
    ...account,
    isShared: true,
  });
  return { host: url.hostname, port, account, close: () => responder.close() };
}
