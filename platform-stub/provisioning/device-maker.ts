import { changeConfig, readConfig } from "../config.js";
import type { DeviceEntry, Registry } from "../registry.js";
import { ownerIn } from "./config-source.js";
import { randomId, randomKey } from "./identity.js";

/**
 * Makes devices of a running platform: in its configuration file, so that none is lost, and from there in its registry.
 * Throws at once when there is no telling whose they are, and later what the file's errors are.
 */
export function deviceMaker(options: {
  readonly registry: Registry;
  readonly file: string;
  readonly owner?: string;
}): (product: string) => Pick<DeviceEntry, "id" | "key"> {
  const { registry, file } = options;
  const owner = ownerIn(registry, { name: file, owner: options.owner });
  return (product) => {
    let id = randomId(product);
    while (registry.device(id)) id = randomId(product);
    const key = randomKey();
    changeConfig(file, (stored) => stored.addDevice({ id, owner, key }));
    registry.applyConfiguration(readConfig(file));
    return { id, key };
  };
}
