/**
 * `npm run sbom`: prints the software bill of materials of the platform (CycloneDX), from package-lock.json: what
 * `npm ci --omit=dev` installs. A firmware image has one of its own, which `npm run build:<target>` writes beside it.
 */

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fail } from "../../platform-stub/command-line.js";
import { ROOT } from "../sdk/targets.js";

const WORDS = ["sbom", "--package-lock-only", "--sbom-format", "cyclonedx", "--sbom-type", "application"];
/** Space for npm's output: it contains the packages for development, too. */
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

interface Locked {
  readonly version?: string;
  /** Name of a package that is installed under another one. */
  readonly name?: string;
  readonly dev?: boolean;
}

interface SBOM {
  readonly metadata: { readonly component: { name: string; readonly "bom-ref": string } };
  components: { readonly "bom-ref": string }[];
  dependencies: { readonly ref: string; dependsOn?: string[] }[];
}

/**
 * Removes the packages for development. npm's own `--omit dev` also removes those that one of them shares with the
 * platform, such as zod.
 */
function printSBOM(): void {
  const { status, stdout, stderr } = spawnSync("npm", WORDS, {
    cwd: ROOT,
    encoding: "utf8",
    maxBuffer: MAX_OUTPUT_BYTES,
  });
  if (status !== 0) throw new Error(`npm sbom failed: ${stderr}`);
  const sbom: SBOM = JSON.parse(stdout);
  const refs = new Set([sbom.metadata.component["bom-ref"], ...installedRefs()]);
  sbom.components = sbom.components.filter((one) => refs.has(one["bom-ref"]));
  sbom.dependencies = sbom.dependencies
    .filter(({ ref }) => refs.has(ref))
    .map((one) => ({ ...one, dependsOn: (one.dependsOn ?? []).filter((ref) => refs.has(ref)) }));
  // npm takes the name of the folder.
  sbom.metadata.component.name = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")).name;
  process.stdout.write(`${JSON.stringify(sbom, null, 2)}\n`);
}

/** Returns name and version of each package that is not for development only, as npm's SBOM refers to it. */
function installedRefs(): string[] {
  const { packages } = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8"));
  return Object.entries<Locked>(packages)
    .filter(([path, { dev }]) => path !== "" && dev !== true)
    .map(([path, { name, version }]) => `${name ?? path.replace(/^.*node_modules\//, "")}@${version}`);
}

try {
  printSBOM();
} catch (error) {
  fail(error);
}
