import { join } from "node:path";
import type { Target } from "./targets.js";
import type { Moddable } from "./tools.js";

/** Where mcconfig leaves what is to be flashed. */
export function binFolder(moddable: Moddable, target: Target, debug: boolean): string {
  return join(moddable.folder, "build/bin", target.platform, debug ? "debug" : "release", target.name);
}

/** Where it leaves what it compiled. */
export function compiledFolder(moddable: Moddable, target: Target, debug: boolean): string {
  const between = target.chip ? [] : ["mc"];
  return join(
    moddable.folder,
    "build/tmp",
    target.platform,
    ...between,
    debug ? "debug" : "release",
    target.name,
  );
}
