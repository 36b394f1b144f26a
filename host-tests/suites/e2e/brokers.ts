import { type Registry, startPlatform, writeMosquittoFiles } from "../../../platform-stub/index.js";
import type { Platform, PlatformOptions } from "../../../platform-stub/platform.js";
import type { Identity } from "../../virtual/node-board/authority.js";
import { ownersWithCards } from "../owners.js";
import { findMosquitto, startMosquitto } from "./mosquitto.js";

/** Account of the platform on Mosquitto. */
export const PLATFORM = { username: "platform", password: "password-of-the-platform" } as const;

export interface BrokerUnderTest {
  readonly platform: Platform;
  readonly registry: Registry;
  /** Port for stations that have an account of their own. */
  readonly stationPort: number;
  /** Address for further platforms on the same broker. `undefined` for the embedded one. */
  readonly url: string | undefined;
  /** Port of the TLS listener. `undefined` without TLS. */
  readonly tlsPort?: number;
  close(): Promise<void>;
}

type Options = Partial<PlatformOptions>;

export async function onAedes(options: Options = {}): Promise<BrokerUnderTest> {
  const registry = options.registry ?? ownersWithCards();
  const platform = await startPlatform({ ...options, registry });
  return { platform, registry, stationPort: platform.port, url: undefined, close: () => platform.close() };
}

/** Starts the platform on Mosquitto, with the password and ACL files that the stub writes. */
export function onMosquitto(
  program: string,
  { identity }: { identity?: Identity } = {},
): (options?: Options) => Promise<BrokerUnderTest> {
  return async (options = {}) => {
    const registry = options.registry ?? ownersWithCards();
    const mosquitto = await startMosquitto({
      program,
      identity,
      configure: (directory, ports) =>
        writeMosquittoFiles({
          directory,
          registry,
          platform: PLATFORM,
          hasOwnerAccounts: registry.devices.some(({ password }) => password === undefined),
          ports,
          force: true,
        }).configLines,
    });
    const url = `mqtt://${PLATFORM.username}:${PLATFORM.password}@127.0.0.1:${mosquitto.platformPort}`;
    const platform = await startPlatform({ ...options, registry, brokerURL: url }).catch(async (error) => {
      await mosquitto.stop();
      throw error;
    });
    return {
      platform,
      registry,
      stationPort: mosquitto.port,
      url,
      tlsPort: mosquitto.tlsPort,
      close: async () => {
        await platform.close();
        await mosquitto.stop();
      },
    };
  };
}

/** Returns the installed brokers, on which the end-to-end tests run. */
export function brokersUnderTest(): [name: string, start: (options?: Options) => Promise<BrokerUnderTest>][] {
  const mosquitto = findMosquitto();
  return [
    ["aedes", onAedes],
    ...(mosquitto === undefined ? [] : [["Mosquitto", onMosquitto(mosquitto)] as [string, typeof onAedes]]),
  ];
}
