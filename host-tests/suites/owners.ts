/** Owners, stations, cards and a session for tests of the platform. */

import type { RegistryData } from "../../platform-stub/entries.js";
import { Registry, type RegistryOptions } from "../../platform-stub/registry.js";

/** Owner of two stations. */
export const CAFE = { email: "owner@cafe.example", token: "token-of-the-cafe" } as const;
/** Owner of another station, who is unrelated to the café. */
export const BAR = { email: "owner@bar.example", token: "token-of-the-bar" } as const;

/** A finished session. */
export const FINISHED = {
  id: "0123456789abcdef",
  tag: "ab".repeat(32),
  tagEnd: "0001",
  method: "ble",
  start: null,
  end: null,
  seconds: 60,
  startWh: 0,
  endWh: 60,
  why: "unplugged",
} as const;
/** The same session as its station reports it. */
export const SESSION = { connector: 1, ...FINISHED } as const;

/** Builds a registry with both owners and the café's two stations. */
export function twoOwners(options?: RegistryOptions): Registry {
  const data: RegistryData = { users: [CAFE, BAR], devices: [], tags: [] };
  const registry = new Registry(data, options);
  for (const id of ["cafe-1", "cafe-2"]) registry.addDevice({ id, owner: CAFE.email });
  return registry;
}

/** Builds a registry with both owners, their three stations and four cards. */
export function ownersWithCards(): Registry {
  const registry = twoOwners();
  registry.addDevice({ id: "bar-1", owner: BAR.email });
  registry.putTag({ tag: "GUEST-0001", owner: CAFE.email });
  registry.putTag({ tag: "GUEST-0002", owner: CAFE.email, blocked: true });
  registry.putTag({ tag: "GUEST-0003", owner: CAFE.email, stations: ["cafe-2"] });
  registry.putTag({ tag: "GUEST-0004", owner: BAR.email });
  return registry;
}
