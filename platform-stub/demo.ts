import { randomBytes } from "node:crypto";
import { Registry, randomAccountPassword } from "./registry.js";

export const DEMO_DEVICE_ID = "demo-station";
export const DEMO_TAG = "GUEST-0001";
export const DEMO_BLOCKED_TAG = "GUEST-0002";
const OWNER = "owner@cafe.example";

/** Makes the registry of the demo: a café with one station and two cards, one of them blocked. Its secrets are random. */
export function demoRegistry(): Registry {
  const registry = new Registry();
  registry.addUser({ email: OWNER, token: randomBytes(12).toString("hex") });
  registry.addDevice({ id: DEMO_DEVICE_ID, owner: OWNER, password: randomAccountPassword() });
  registry.putTag({ tag: DEMO_TAG, owner: OWNER, label: "a guest" });
  registry.putTag({ tag: DEMO_BLOCKED_TAG, owner: OWNER, label: "a blocked guest", blocked: true });
  return registry;
}
