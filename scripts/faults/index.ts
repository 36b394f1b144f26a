/** `npm run faults`: writes docs/faults.md from the catalogue of faults. */

import { writeFileSync } from "node:fs";
import { faultsDocument } from "./document.js";

writeFileSync(new URL("../../docs/faults.md", import.meta.url), faultsDocument());
process.stdout.write("wrote docs/faults.md\n");
