/**
 * Builds ES modules from npm's mqtt-packet that do not need Node, so that the chip, Node and XS run the same code.
 * modules/mqtt/packet/mqtt-packet.js has the parts that a client of MQTT 3.1.1 needs.
 * host-tests/virtual/world/packet/mqtt-packet.js has all parts, for the brokers of the tests. `npm ci` runs it. See
 * docs/decisions/002-mqtt-packet-bundled.md.
 */

import { basename, join } from "node:path";
import { bundlePackage, changeFiles, ROOT } from "./bundle-package.js";

const folder = join(ROOT, "modules", "mqtt", "packet");
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

/**
 * Code that is removed from each file for a client of MQTT 3.1.1: MQTT 5, debug output, and packets that only a broker
 * reads or writes. This is more than half of the code. esbuild then removes functions without a caller.
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

/** Returns the changes of one of the package's files. */
function changesOf(path) {
  const changes = LEFT_OUT[basename(path, ".js")];
  if (!changes) throw new Error(`mqtt-packet has the new file ${path}; add it to LEFT_OUT`);
  return changes;
}

/** The firmware already contains modules/bytes. */
const externalBytes = {
  name: "external-bytes",
  setup(bundle) {
    bundle.onResolve({ filter: /bytes\/index\.js$/ }, ({ path }) => ({ path, external: true }));
  },
};

const leaveOut = changeFiles(/mqtt-packet[/\\]\w+\.js$/, changesOf, MODULE_FORM);
for (const [outfile, plugins] of [
  [join(folder, "mqtt-packet.js"), [externalBytes, leaveOut, replaceNode(REPLACED_MODULES)]],
  [join(ROOT, "host-tests", "virtual", "world", "packet", "mqtt-packet.js"), [replaceNode(REPLACED)]],
]) {
  await bundlePackage({
    name: "mqtt-packet",
    license: "LICENSE.md",
    entry: ENTRY,
    resolveDir: folder,
    outfile,
    script: "bundle-mqtt-packet.js",
    plugins,
  });
}
