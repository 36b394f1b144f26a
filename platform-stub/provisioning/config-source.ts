import { randomAccountPassword } from "../accounts.js";
import { changeConfig, readConfig } from "../config.js";
import { Registry } from "../registry.js";
import { type IdentitySource, offlineSource } from "./provision.js";

/**
 * A source that generates ids and keys and adds the devices to a platform's configuration file. Throws when the file
 * cannot be read, and when the owner is ambiguous.
 */
export function configSource(options: { readonly file: string; readonly owner?: string }): IdentitySource {
  const { file } = options;
  const owner = ownerIn(new Registry(readConfig(file)), { name: file, owner: options.owner });
  return {
    draw: async (product, isTaken) => {
      const registry = new Registry(readConfig(file));
      const isUsed = (id: string) => isTaken(id) || registry.device(id) !== undefined;
      return { ...(await offlineSource.draw(product, isUsed)), password: randomAccountPassword() };
    },
    register: ({ id, key, cipher, password }) =>
      changeConfig(file, (registry) => {
        const known = registry.device(id);
        if (!known) registry.addDevice({ id, owner, key, cipher, password });
        else if (known.key !== key) throw new Error(`${file} has a device ${id} with another key`);
      }),
  };
}

/** Owner of new stations: the given one, or the only user. */
export function ownerIn(
  registry: Registry,
  options: { readonly name: string; readonly owner?: string },
): string {
  const { name, owner } = options;
  const { users } = registry.data;
  if (owner !== undefined) {
    if (registry.user(owner)) return owner;
    throw new Error(`${name} has no user ${owner}; add one with npm run platform -- add-user`);
  }
  const [user, another] = users;
  if (!user) throw new Error(`${name} has no user; add one with npm run platform -- add-user`);
  if (another) throw new Error(`${name} has ${users.length} users; name the stations' owner`);
  return user.email;
}
