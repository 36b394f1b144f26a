/** `npm run manifests`: writes the module lists that the manifests include. `npm ci` and `npm run build:<target>` write them, too. */

import { writeModuleLists } from "./module-lists.js";
import { MANIFESTS } from "./targets.js";

await Promise.all(
  MANIFESTS.map((manifest) => writeModuleLists(manifest, { isBundled: manifest.preload === "all" })),
);
