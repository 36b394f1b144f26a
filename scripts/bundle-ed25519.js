/**
 * Makes modules/updates/ed25519/ed25519.js: the verification of @noble/ed25519 with the SHA-512 of @noble/hashes as
 * one ES module, so that the chip, Node and XS run the same code. Runs at `npm ci`. See
 * docs/decisions/010-updates-that-cannot-brick.md.
 */

import { readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

// Strictly after RFC 8032: no second encoding of a signature passes.
const ENTRY = `
import { hashes, verify } from "@noble/ed25519";
import { sha512 } from "@noble/hashes/sha2.js";
hashes.sha512 = sha512;
export const verifyEd25519 = (signature, message, publicKey) =>
  verify(signature, message, publicKey, { zip215: false });
`;

/**
 * What is left out, by the package's file. Each pattern has to match: another version is looked at again.
 *
 * - The table of 4,224 points would be 340 KB on the chip; the library says itself that this is how to do without.
 * - SHA-512 works in two arrays that it keeps: on the chip, what a module makes when it is preloaded is in flash and
 *   cannot be written. Nothing that is verified is secret, so nothing needs to be wiped.
 */
const LEFT_OUT = {
  "ed25519/index.js": [[/^ *if \(this\.equals\(G\)\)\n *return wNAF\(n\)\.p;\n/m, ""]],
  "hashes/sha2.js": [
    [/^const SHA512_W_[HL] = .*\n/gm, ""],
    [/^ *clean\(SHA512_W_H, SHA512_W_L\);\n/m, ""],
    [
      /^( *)for \(let i = 0; i < 16; i\+\+, offset \+= 4\) \{\n *SHA512_W_H/m,
      "$1const SHA512_W_H = new Uint32Array(80);\n$1const SHA512_W_L = new Uint32Array(80);\n$&",
    ],
  ],
};

const leaveOut = {
  name: "leave-out",
  setup(bundle) {
    bundle.onLoad({ filter: /@noble[/\\](ed25519[/\\]index|hashes[/\\]sha2)\.js$/ }, ({ path }) => {
      let contents = readFileSync(path, "utf8");
      const name = `${basename(dirname(path))}/${basename(path)}`;
      for (const [pattern, replacement] of LEFT_OUT[name]) {
        const changed = contents.replace(pattern, replacement);
        if (changed === contents) throw new Error(`${pattern} is not in ${path}`);
        contents = changed;
      }
      return { contents };
    });
  },
};

const [curve, hashes] = ["ed25519", "hashes"].map((name) => {
  const folder = join(root, "node_modules", "@noble", name);
  const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return { version, license: readFileSync(join(folder, "LICENSE"), "utf8").trim() };
});

await build({
  stdin: { contents: ENTRY, resolveDir: root },
  outfile: join(root, "modules", "updates", "ed25519", "ed25519.js"),
  bundle: true,
  format: "esm",
  platform: "neutral",
  target: "es2022",
  minifySyntax: true,
  treeShaking: true,
  plugins: [leaveOut],
  banner: {
    js: `/*\n * @noble/ed25519 ${curve.version} and @noble/hashes ${hashes.version}, bundled by scripts/bundle-ed25519.js\n *\n${comment(curve.license)}\n */`,
  },
  logLevel: "warning",
});

function comment(text) {
  return text
    .split("\n")
    .map((line) => ` * ${line}`.trimEnd())
    .join("\n");
}
