import { skipFor } from "./optional.js";

/** Whether SQLite's driver is there; if not, with one line that says how to get it. */
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
