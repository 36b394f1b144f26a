/**
 * Builds ES modules from npm's mqtt-packet that do not need Node, so that the chip, Node and XS run the same code.
 * modules/mqtt/packet/mqtt-packet.js has the parts that a client of MQTT 3.1.1 needs.
 * host-tests/virtual/world/packet/mqtt-packet.js has all parts, for the brokers of the tests. `npm ci` runs it. See
 * docs/decisions/002-mqtt-packet-bundled.md.
 */

import { readFileSync } from "node:fs";
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

const ENTRY = `
import Parser from "mqtt-packet/parser.js";
import writeToStream from "mqtt-packet/writeToStream.js";
export { writeToStream };
export const makeParser = (options) => Parser.parser(options);
`;

// The number cache is off: it would need 65,536 buffers.
const WHOLE_ENTRY = `${ENTRY}writeToStream.cacheNumbers = false;\n`;

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

/** A remaining length (MQTT 3.1.1 section 2.2.3). Most packets have one byte or two. */
const VARIABLE_LENGTH =
  "num < 128 ? Uint8Array.of(num) : num < 16384 ? Uint8Array.of((num & 127) | 128, num >> 7) : genBufVariableByteInt(num)";

/** Removes an `if` with the given condition that reports an error, also one with an `else`. */
const withoutCheck = (condition) =>
  new RegExp(
    `^ *if \\(${condition}\\) \\{\\n *stream\\.destroy\\(.*\\n *return false\\n *\\}(?: else(?= )|\\n)`,
    "gm",
  );

/**
 * Code that is removed from each file for a client of MQTT 3.1.1: MQTT 5, debug output, packets that only a broker
 * reads or writes, caches, and checks of types that TypeScript checks. This is three quarters of the code. esbuild then
 * removes functions without a caller. The build fails if a pattern does not match, so that a new version of mqtt-packet
 * is reviewed.
 */
const LEFT_OUT = {
  parser: [
    [/^ *debug\(.*\)\n/gm, ""],
    [/this\.settings\.protocolVersion === 5/g, "false"],
    [/\(this\.settings\.protocolVersion === 3 \|\|\s*this\.settings\.protocolVersion === 4\) && /, ""],
    [/^ {8}case '(connect|subscribe|unsubscribe|disconnect|auth)':\n.*\n {10}break\n/gm, ""],
    [
      /^ {2}_parse(Connect|Subscribe|Unsubscribe|Disconnect|Auth|StringPair|Buffer|4ByteNum|Byte|ByType|Properties) \([\s\S]*?^ {2}\}\n/gm,
      "",
    ],
    [
      /constants\.requiredHeaderFlagsErrors\[cmdIndex\]/,
      "'Invalid header flag bits of a ' + this.packet.cmd",
    ],
  ],
  writeToStream: [
    [/^ *debug\(.*\)\n/gm, ""],
    [/\b(version|protocolVersion) === 5/g, "false"],
    [/\b(version|protocolVersion) !== 5/g, "true"],
    [/^ {4}case '(connack|publish|suback|unsuback|auth)':\n.*\n/gm, ""],
    [/^const (nextTick|debug|zeroBuf|numCache|generateCache|generate4ByteBuffer) = .*\n/gm, ""],
    [/^ {2}if \(stream\.cork\) \{[\s\S]*?^ {2}\}\n/m, ""],
    // Caches: numbers are generated.
    [
      /^let writeNumber = writeNumberCached\nlet toGenerate = true\n/m,
      "const writeNumber = writeNumberGenerated\n",
    ],
    [/^ {2}if \(toGenerate\) \{[\s\S]*?^ {2}\}\n/m, ""],
    [/^Object\.defineProperty\(generate[\s\S]*?^\}\)\n/m, ""],
    [/^const varByteIntCache = .*\n/m, ""],
    [/^ {2}let buffer = varByteIntCache[\s\S]*?^ {2}\}\n/m, `  const buffer = ${VARIABLE_LENGTH}\n`],
    // Versions and properties.
    [/const settings = packet \|\| \{\}/g, "const settings = packet"],
    [/^ {2}const (version|properties|reasonCode) = .*\n/gm, ""],
    [/^ {2}let (propertiesData|willProperties)( = null)?\n/gm, ""],
    [/^ {4}willProperties = \{\}\n/m, ""],
    [/^ {2}if \(propertiesData !==? null\) \{\n.*\n {2}\}( else \{\n[\s\S]*?^ {2}\})?\n/gm, ""],
    [/^ {2}if \(length === 3\) .*\n/m, ""],
    [/^ {2}let protocolVersion = .*\n/m, ""],
    [/^ {2}if \(settings\.bridgeMode\) \{[\s\S]*?VERSION3\n {2}\)\n/m, "  stream.write(protocol.VERSION4)\n"],
    [/protocolVersion !== 3 && protocolVersion !== 4/, "false"],
    [/protocolVersion >= 4/, "true"],
    [/protocolVersion < 4/, "false"],
    [/settings\.protocolId \|\| 'MQTT'/, "'MQTT'"],
    [/^ {2}if \(!protocolId \|\|[\s\S]*?\} else length/m, "  length"],
    // Types.
    [withoutCheck("typeof id !== 'number'"), ""],
    [withoutCheck("qos && typeof id !== 'number'"), ""],
    [withoutCheck("typeof (?:itopic|iqos|unsubs\\[i\\]|will) !== '\\w+'"), ""],
    [/^ {6}const iqos = .*\n/m, ""],
    [/typeof (subs|unsubs) === 'object' && /g, ""],
    [/typeof keepalive !== 'number' \|\|\s*/, ""],
    // Headers: SUBSCRIBE and UNSUBSCRIBE have one, and PUBACK has none.
    [/^ {2}const dup = settings\.dup \? .*\n/gm, ""],
    [/(SUBSCRIBE_HEADER)\[1\]\[dup \? 1 : 0\]\[0\]/g, "$1"],
    [/^ {2}const type = settings\.cmd .*\n/m, ""],
    [/^ {2}const dup = \(settings\.dup && .*\n {2}let qos = 0\n/m, ""],
    [/^ {2}if \(type === 'pubrel'\) qos = 1\n/m, ""],
    [/protocol\.ACKS\[type\]\[qos\]\[dup\]\[0\]/, "protocol.ACKS"],
    [/^ {4}const j(nl|rap|rh) = .*\n/gm, ""],
    [/protocol\.SUBSCRIBE_OPTIONS_QOS\[jqos\]/, "jqos"],
    [/return disconnect\(/, "return emptyPacket("],
  ],
  constants: [
    [/^protocol\.(MQTT5_\w+|properties|propertiesTypes) = \{[\s\S]*?^\}\n/gm, ""],
    [/^protocol\.propertiesCodes[\s\S]*?^\}\n/m, ""],
    [/^protocol\.requiredHeaderFlagsErrors[\s\S]*?^\}\n/m, ""],
    [/^protocol\.codes = [\s\S]*?^\}\n/m, ""],
    [/^protocol\.(SESSIONPRESENT|CONNACK|SUBACK|PUBLISH)_HEADER = .*\n/gm, ""],
    [/^protocol\.(VERSION(3|5|131|132)|SUBSCRIBE_OPTIONS_(RH|QOS)) = .*\n/gm, ""],
    [/^protocol\.QOS = [\s\S]*?^\}\)\n/m, ""],
    [/^function genHeader[\s\S]*?^\}\n/m, ""],
    [/genHeader\('subscribe'\)/, "Buffer.from([0x82])"],
    [/genHeader\('unsubscribe'\)/, "Buffer.from([0xa2])"],
    [/^protocol\.ACKS = \{[\s\S]*?^\}\n/m, "protocol.ACKS = Buffer.from([0x40])\n"],
    [/protocol\.codes\.connect << protocol\.CMD_SHIFT/, "0x10"],
    [/^ {2}pingresp: .*\n/m, ""],
    [/protocol\.codes\.pingreq << 4/, "0xc0"],
    [/protocol\.codes\.disconnect << 4/, "0xe0"],
    [/module\.exports/, "{}\nexport default protocol"],
    // Numbers are written where they are used.
    [/^protocol\.\w+ = (0x[\dA-F]+|\d+)\n/gm, ""],
  ],
  numbers: [
    [/^ {2}(cache|generateCache),\n/gm, ""],
    [/,\n {2}generate4ByteBuffer\n/, "\n"],
    [/^const SubOk = .*\n/m, ""],
    [/SubOk \? (.+) : .*/, "$1"],
  ],
  packet: [],
};

/** The numbers of constants.js by name. */
const NUMBERS = new Map(
  [
    ...readFileSync(join(ROOT, "node_modules/mqtt-packet/constants.js"), "utf8").matchAll(
      /^protocol\.(\w+) = (\w+)$/gm,
    ),
  ].map(([, name, value]) => [name, value]),
);

/** Inlines the numbers of constants.js. */
function inlineNumbers(contents) {
  return contents.replace(
    /\b(?:protocol|constants)\.([A-Z]\w+)/g,
    (whole, name) => NUMBERS.get(name) ?? whole,
  );
}

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

/** Makes ES modules of the files, without the names of numbers. */
function finish(contents) {
  return inlineNumbers(MODULE_FORM.reduce((text, change) => text.replace(...change), contents));
}

const leaveOut = changeFiles(/mqtt-packet[/\\]\w+\.js$/, changesOf, finish);
for (const [outfile, entry, plugins] of [
  [join(folder, "mqtt-packet.js"), ENTRY, [externalBytes, leaveOut, replaceNode(REPLACED_MODULES)]],
  [
    join(ROOT, "host-tests", "virtual", "world", "packet", "mqtt-packet.js"),
    WHOLE_ENTRY,
    [replaceNode(REPLACED)],
  ],
]) {
  await bundlePackage({
    name: "mqtt-packet",
    license: "LICENSE.md",
    entry,
    resolveDir: folder,
    outfile,
    script: "bundle-mqtt-packet.js",
    plugins,
  });
}
