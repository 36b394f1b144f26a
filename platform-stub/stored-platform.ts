/** The stored data of a platform, for commands that work while it runs. */

import { readConfig } from "./config.js";
import { Registry } from "./registry.js";
import { openSQLiteStore } from "./sqlite-store.js";

/** Where the data of a platform are. */
export interface StoredOptions {
  readonly config: string;
  /** Default: the configuration's name with .sqlite. */
  readonly database?: string;
}

export function databaseBeside(config: string): string {
  return config.replace(/(\.json)?$/, ".sqlite");
}

/** Works with the registry of a platform, which may be running. */
export async function withRegistry(
  options: StoredOptions,
  work: (registry: Registry) => void,
): Promise<void> {
  const { config, database = databaseBeside(config) } = options;
  const store = await openSQLiteStore(database);
  try {
    const registry = new Registry(undefined, { store });
    registry.applyConfiguration(readConfig(config));
    work(registry);
  } finally {
    store.close();
  }
}
