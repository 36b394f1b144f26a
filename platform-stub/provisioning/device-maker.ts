import { randomAccountPassword } from "../accounts.js";
import { changeConfig, readConfig } from "../config.js";
import type { Registry } from "../registry.js";
import { ownerIn } from "./config-source.js";
import type { AddedDevice } from "./endpoint.js";
import { randomId, randomKey } from "./identity.js";

/**
 * Returns a function that adds devices to a running platform: first to its configuration file, so that none is lost, then
 * to its registry. Throws at once when the owner is ambiguous. The function throws the errors of the file.
 */
export function deviceMaker(options: {
  readonly registry: Registry;
  readonly file: string;
  readonly owner?: string;
}): (product: string) => AddedDevice {
  const { registry, file } = options;
  const owner = ownerIn(registry, { name: file, owner: options.owner });
  return (product) => {
    let id = randomId(product);
    while (registry.device(id)) id = randomId(product);
    const added = { id, key: randomKey(), password: randomAccountPassword() };
    changeConfig(file, (stored) => stored.addDevice({ ...added, owner }));
    registry.applyConfiguration(readConfig(file));
    return added;
  };
}
