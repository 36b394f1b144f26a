import { randomBytes } from "node:crypto";
import { randomAccountPassword } from "./accounts.js";
import { makeCardId } from "./cards.js";
import { Registry } from "./registry.js";

export const DEMO_CONFIG = "build/platform.json";
export const DEMO_CARD_FILE = "build/demo-card.json";
export const DEMO_DEVICE_ID = "demo-station";
export const DEMO_TAG = "GUEST-0001";
export const DEMO_BLOCKED_TAG = "GUEST-0002";
const OWNER = "owner@cafe.example";

/**
 * Makes the registry of the demo: a café with one station and three cards: a plain one, a blocked one, and one that cannot
 * be copied. Its secrets are random. The plain numbers are easy to type, and to guess.
 */
export function demoRegistry(): Registry {
  const registry = new Registry();
  registry.addUser({ email: OWNER, token: randomBytes(12).toString("hex") });
  registry.addDevice({ id: DEMO_DEVICE_ID, owner: OWNER, password: randomAccountPassword() });
  registry.putTag({ tag: DEMO_TAG, owner: OWNER, label: "a guest" });
  registry.putTag({ tag: DEMO_BLOCKED_TAG, owner: OWNER, label: "a blocked guest", blocked: true });
  registry.putTag({ tag: makeCardId(), owner: OWNER, label: "a guest with a phone", accepts: "proof" });
  return registry;
}
