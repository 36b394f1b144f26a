/**
 * Builds ES modules from npm's mqtt-packet that do not need Node, so that the chip, Node and XS run the same code.
 * modules/mqtt/packet/mqtt-packet.js has the parts that a client of MQTT 3.1.1 needs.
 * host-tests/virtual/world/packet/mqtt-packet.js has all parts, for the brokers of the tests. `npm ci` runs it. See
 * docs/decisions/002-mqtt-packet-bundled.md.
 */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const require = createRequire(import.meta.url);
const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const folder = join(root, "modules", "mqtt", "packet");
const shims = JSON.stringify(join(folder, "shims.ts"));

/** Replacements for the modules of Node that mqtt-packet requires, and for packages that need Node (CommonJS). */
const REPLACED = {
  buffer: `module.exports = { Buffer: require(${shims}).Buffer };`,
  bl: `module.exports = require(${shims}).bl;`,
  events: `module.exports = { EventEmitter: require(${shims}).EventEmitter };`,
  debug: `module.exports = require(${shims}).debug;`,
  "process-nextick-args": `module.exports = { nextTick: require(${shims}).nextTick };`,
};

// The number cache is off: it would need 65,536 buffers, more than the chip's memory.
const ENTRY = `
import Parser from "mqtt-packet/parser.js";
import writeToStream from "mqtt-packet/writeToStream.js";
writeToStream.cacheNumbers = false;
export { writeToStream };
export const makeParser = (options) => Parser.parser(options);
`;

/** The same replacements as ES modules. */
const REPLACED_MODULES = {
  buffer: `export { Buffer } from ${shims};`,
  bl: `export { bl as default } from ${shims};`,
  events: `export { EventEmitter } from ${shims};`,
};

function replaceNode(replaced) {
  return {
    name: "replace-node",
    setup(bundle) {
      const filter = new RegExp(`^(${Object.keys(replaced).join("|")})$`);
      bundle.onResolve({ filter }, ({ path }) => ({ path, namespace: "replaced" }));
      bundle.onLoad({ filter: /.*/, namespace: "replaced" }, ({ path }) => ({
        contents: replaced[path],
        resolveDir: folder,
      }));
    },
  };
}

const packageFile = require.resolve("mqtt-packet/package.json");
const { version } = JSON.parse(readFileSync(packageFile, "utf8"));
const license = readFileSync(join(dirname(packageFile), "LICENSE.md"), "utf8").trim();

/** A remaining length (MQTT 3.1.1 section 2.2.3). Most packets have one byte or two. */
const VARIABLE_LENGTH =
  "num < 128 ? Uint8Array.of(num) : num < 16384 ? Uint8Array.of((num & 127) | 128, num >> 7) : genBufVariableByteInt(num)";

/**
 * Code that is removed from each file for a client of MQTT 3.1.1: MQTT 5, debug output, and packets that only a broker
 * reads or writes. This is more than half of the code. esbuild then removes functions without a caller. The build fails
 * if a pattern does not match, so that a new version of mqtt-packet is reviewed.
 */
const LEFT_OUT = {
  parser: [
    [/^ *debug\(.*\)\n/gm, ""],
    [/this\.settings\.protocolVersion === 5/g, "false"],
    [/^ {8}case '(connect|subscribe|unsubscribe|disconnect|auth)':\n.*\n {10}break\n/gm, ""],
    [
      /^ {2}_parse(Connect|Subscribe|Unsubscribe|Disconnect|Auth|StringPair|Buffer|4ByteNum|Byte|ByType|Properties) \([\s\S]*?^ {2}\}\n/gm,
      "",
    ],
  ],
  writeToStream: [
    [/^ *debug\(.*\)\n/gm, ""],
    [/\b(version|protocolVersion) === 5/g, "false"],
    [/\b(version|protocolVersion) !== 5/g, "true"],
    [/^ {4}case '(connack|suback|unsuback|auth)':\n.*\n/gm, ""],
    [/^const (nextTick|debug) = .*\n/gm, ""],
    [/^ {2}if \(stream\.cork\) \{[\s\S]*?^ {2}\}\n/m, ""],
    // Without the cache of lengths, which keeps a buffer for each length of a packet.
    [/^const varByteIntCache = .*\n/m, ""],
    [/^ {2}let buffer = varByteIntCache\[num\]\n[\s\S]*?^ {2}\}\n/m, `  const buffer = ${VARIABLE_LENGTH}\n`],
  ],
  constants: [
    [/^protocol\.(MQTT5_\w+|properties|propertiesTypes) = \{[\s\S]*?^\}\n/gm, ""],
    [/^protocol\.propertiesCodes[\s\S]*?^\}\n/m, ""],
    [/^ {2}(unsuback|pubcomp|pubrel|pubrec): .*\n/gm, ""],
    [/module\.exports/, "{}\nexport default protocol"],
  ],
  numbers: [],
  packet: [],
};

/** Turns `require` and `module.exports` into import and export, so that esbuild can remove unused code. */
const MODULE_FORM = [
  [/^const debug = require\(.*\n/gm, ""],
  [/^const (.+) = require\('([^']+)'\)$/gm, 'import $1 from "$2"'],
  [/^module\.exports = \{([^}]*)\}/m, "export default {$1}"],
  [/^module\.exports = /m, "export default "],
];

const leaveOut = {
  name: "leave-out",
  setup(bundle) {
    // modules/bytes stays external: the firmware already contains it.
    bundle.onResolve({ filter: /bytes\/index\.js$/ }, ({ path }) => ({ path, external: true }));
    bundle.onLoad({ filter: /mqtt-packet[/\\]\w+\.js$/ }, ({ path }) => {
      const changes = LEFT_OUT[basename(path, ".js")];
      if (!changes) throw new Error(`mqtt-packet has the new file ${path}; add it to LEFT_OUT`);
      let contents = readFileSync(path, "utf8");
      for (const [pattern, replacement] of changes) {
        const changed = contents.replace(pattern, replacement);
        if (changed === contents) throw new Error(`${pattern} is not in ${path}`);
        contents = changed;
      }
      for (const [pattern, replacement] of MODULE_FORM) contents = contents.replace(pattern, replacement);
      return { contents };
    });
  },
};

for (const [outfile, plugins] of [
  [join(folder, "mqtt-packet.js"), [leaveOut, replaceNode(REPLACED_MODULES)]],
  [join(root, "host-tests", "virtual", "world", "packet", "mqtt-packet.js"), [replaceNode(REPLACED)]],
]) {
  await build({
    stdin: { contents: ENTRY, resolveDir: folder },
    outfile,
    bundle: true,
    format: "esm",
    platform: "neutral",
    target: "es2022",
    minifySyntax: true,
    treeShaking: true,
    plugins,
    banner: {
      js: `/*\n * mqtt-packet ${version}, bundled by scripts/bundle-mqtt-packet.js\n *\n${comment(license)}\n */`,
    },
    logLevel: "warning",
  });
}

function comment(text) {
  return text
    .split("\n")
    .map((line) => ` * ${line}`.trimEnd())
    .join("\n");
}
