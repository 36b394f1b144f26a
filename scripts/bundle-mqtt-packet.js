/**
 * Makes modules/mqtt/packet/mqtt-packet.js: npm's mqtt-packet as one ES module that needs nothing of Node, so that
 * the chip, Node and XS run the same code. Runs at `npm ci`. See docs/decisions/002-mqtt-packet-bundled.md.
 */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const require = createRequire(import.meta.url);
const folder = join(dirname(fileURLToPath(import.meta.url)), "..", "modules", "mqtt", "packet");
const shims = JSON.stringify(join(folder, "shims.ts"));

/** What mqtt-packet requires of Node or of packages that need Node, and what stands for it. */
const REPLACED = {
  buffer: `module.exports = { Buffer: require(${shims}).Buffer };`,
  bl: `module.exports = require(${shims}).bl;`,
  events: `module.exports = { EventEmitter: require(${shims}).EventEmitter };`,
  debug: `module.exports = require(${shims}).debug;`,
  "process-nextick-args": `module.exports = { nextTick: require(${shims}).nextTick };`,
};

// The number cache would take 65,536 buffers: more than the chip has.
const ENTRY = `
import Parser from "mqtt-packet/parser.js";
import writeToStream from "mqtt-packet/writeToStream.js";
writeToStream.cacheNumbers = false;
export { writeToStream };
export const makeParser = (options) => Parser.parser(options);
`;

const replaceNode = {
  name: "replace-node",
  setup(bundle) {
    const filter = new RegExp(`^(${Object.keys(REPLACED).join("|")})$`);
    bundle.onResolve({ filter }, ({ path }) => ({ path, namespace: "replaced" }));
    bundle.onLoad({ filter: /.*/, namespace: "replaced" }, ({ path }) => ({
      contents: REPLACED[path],
      resolveDir: folder,
    }));
  },
};

/**
 * Lines for a debugger, MQTT 5, which no station speaks, and a cache that grows with every length that is sent: together
 * 40 % of the bytecode. Each pattern has to be found: another version of mqtt-packet is looked at again.
 */
const LEFT_OUT = [
  [/^\s*debug\(.*\)$/gm, ""],
  [/^protocol\.(properties|propertiesTypes|MQTT5_\w+) = \{[^}]*\}$/gm, ""],
  [/^ +case 'auth':\n +return auth\(packet, stream, opts\)$/m, ""],
  [/^function (auth|getProperties\w*|writePropert\w+) \(.*?^\}$/gms, ""],
  [/^ {2}_parse(Properties|ByType|StringPair|4ByteNum) \(.*?^ {2}\}$/gms, ""],
  [/\b(this\.settings\.|packet\.)?(protocolVersion|version) === 5\b/g, "false"],
  [/\b(this\.settings\.|packet\.)?(protocolVersion|version) !== 5\b/g, "true"],
  [/^const varByteIntCache = .*$/m, ""],
  [/^ {2}let buffer = varByteIntCache.*?^ {2}\}$/ms, "  const buffer = genBufVariableByteInt(num)"],
];

const found = new Set();

const leaveOut = {
  name: "leave-out",
  setup(bundle) {
    bundle.onLoad({ filter: /mqtt-packet[\\/]\w+\.js$/ }, ({ path }) => {
      let contents = readFileSync(path, "utf8");
      for (const [pattern, replacement] of LEFT_OUT) {
        const changed = contents.replace(pattern, replacement);
        if (changed !== contents) found.add(pattern);
        contents = changed;
      }
      return { contents };
    });
    bundle.onEnd(() => {
      for (const [pattern] of LEFT_OUT)
        if (!found.has(pattern)) throw new Error(`${pattern} is not in this version of mqtt-packet`);
    });
  },
};

const packageFile = require.resolve("mqtt-packet/package.json");
const { version } = JSON.parse(readFileSync(packageFile, "utf8"));
const license = readFileSync(join(dirname(packageFile), "LICENSE.md"), "utf8").trim();

await build({
  stdin: { contents: ENTRY, resolveDir: folder },
  outfile: join(folder, "mqtt-packet.js"),
  bundle: true,
  format: "esm",
  platform: "neutral",
  target: "es2022",
  minifySyntax: true,
  plugins: [replaceNode, leaveOut],
  banner: {
    js: `/*\n * mqtt-packet ${version}, bundled by scripts/bundle-mqtt-packet.js\n *\n${comment(license)}\n */`,
  },
  logLevel: "warning",
});

function comment(text) {
  return text
    .split("\n")
    .map((line) => ` * ${line}`.trimEnd())
    .join("\n");
}
