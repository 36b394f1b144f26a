import { join } from "node:path";
import type { Target } from "./targets.js";
import type { Moddable } from "./tools.js";

/** Returns the folder of mcconfig's images for the flash. */
export function binFolder(moddable: Moddable, target: Target, debug: boolean): string {
  return join(moddable.folder, "build/bin", target.platform, debug ? "debug" : "release", target.name);
}

/** Returns the folder of mcconfig's compiled modules. */
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

/** Returns the link map of a chip's firmware. */
export function mapFile(moddable: Moddable, target: Target, debug: boolean): string {
  const project = `xsProj-${target.chip?.name}`;
  return join(compiledFolder(moddable, target, debug), project, "build/xs_esp32.map");
}
