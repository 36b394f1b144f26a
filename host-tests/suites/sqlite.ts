import { skipFor } from "./optional.js";

/** Returns whether SQLite's driver is installed. Otherwise reports how to install it. */
export async function findSQLite(): Promise<boolean> {
  try {
    await import("@photostructure/sqlite");
    return true;
  } catch {
    skipFor(
      "SQLite's driver is not installed; npm ci installs it where there is a build of it for the machine",
    );
    return false;
  }
}
