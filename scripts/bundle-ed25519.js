/**
 * Builds modules/updates/ed25519/ed25519.js: the verification of @noble/ed25519 as one ES module, so that the chip, Node
 * and XS run the same code. `npm ci` runs it. See docs/decisions/010-updates-that-cannot-brick.md.
 */

import { join } from "node:path";
import { bundlePackage, changeFiles, ROOT } from "./bundle-package.js";

// Verification is strict (RFC 8032): it accepts one encoding of a signature only. The board provides SHA-512.
const ENTRY = `
import { _verify } from "@noble/ed25519";
export const verifyEd25519 = (signature, message, publicKey, sha512) => {
  const [hashable, finish] = _verify(signature, message, publicKey, { zip215: false });
  return finish(sha512(hashable));
};
`;

/**
 * Changes to the library.
 *
 * - The table of 4,224 points is removed: it would need 340 KB on the chip. The library documents this change.
 * - The inner function `_verify`, which leaves hashing to its caller, is exported. The library stores its hash function
 *   in a variable, but variables of a preloaded module are in flash and read-only.
 * Nothing else is cut out of it, though 3 KB of its bytecode are never executed: security code stays what its authors
 * have reviewed.
 */
const CHANGES = [
  [/^ *if \(this\.equals\(G\)\)\n *return wNAF\(n\)\.p;\n/m, ""],
  [/^export \{ etc,/m, "export { _verify, etc,"],
];

await bundlePackage({
  name: "@noble/ed25519",
  license: "LICENSE",
  entry: ENTRY,
  resolveDir: ROOT,
  outfile: join(ROOT, "modules", "updates", "ed25519", "ed25519.js"),
  script: "bundle-ed25519.js",
  plugins: [changeFiles(/@noble[/\\]ed25519[/\\]index\.js$/, () => CHANGES)],
});
