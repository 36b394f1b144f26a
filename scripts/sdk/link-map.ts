/** Counts the bytes of a firmware image by part, from the link map of GNU ld (option `-Map`). */

export interface PartSize {
  readonly part: string;
  readonly bytes: number;
}

/** An input section that the linker placed in the image. */
interface Placed {
  readonly section: string;
  /** Path of the object file, in its archive: `…/libc.a(printf.c.o)`. */
  readonly file: string;
  readonly bytes: number;
  /** Size before equal strings were merged. The linker gives the size of all strings to the first section. */
  readonly unmergedBytes: number | undefined;
}

/** Pattern of the file, and of the section if only some of a file's sections belong to the part. */
interface Rule {
  readonly part: string;
  readonly file: RegExp;
  readonly section?: RegExp;
}

const PRELOADED = /\(mc\.xs\.c\.o\)$/;
/** The first rule that matches decides. */
const RULES: readonly Rule[] = [
  { part: "XS preload: objects", file: PRELOADED, section: /\.gx(Heap|Stack|\w+Data)$/ },
  { part: "XS preload: property names", file: PRELOADED, section: /\.gx(Keys|Names|Symbols|Colors)$/ },
  { part: "XS preload: bytecode, strings, tables", file: PRELOADED },
  { part: "resources (panel, certificates)", file: /\(mc\.resources\.c\.o\)$/ },
  { part: "XS engine", file: /\bxs_\w+\.a\((xs\w*|e_pow)\.c\.o\)$/ },
  {
    part: "Wi-Fi, PHY, coexistence",
    file: /\blib(net80211|pp|core|mesh|espnow|smartconfig|wapi|phy|btbb|coexist|esp_wifi|esp_phy|esp_coex)\.a\(/,
  },
  { part: "wpa_supplicant", file: /\blibwpa_supplicant\.a\(/ },
  { part: "mbedTLS", file: /\blib(mbed\w*|mbed-\w+|tfpsacrypto|everest|p256m)\.a\(/ },
  { part: "Bluetooth controller", file: /\blib(btdm_app|ble_app)\.a\(|\blibbt\.a\(bt\.c/ },
  { part: "NimBLE", file: /\blibbt\.a\(/ },
  { part: "lwIP, network interfaces", file: /\blib(lwip|esp_netif|esp_eth)\.a\(/ },
  { part: "C library", file: /\blib(c|m|g|gcc|nosys|stdc\+\+|supc\+\+|esp_libc|newlib|cxx)\.a\(/ },
  { part: "ESP-IDF, other components", file: /\besp-idf\/|\besp_\w+\/lib\// },
];
const OWN_C = "C of this project";
const SDK_NATIVES = "natives of the SDK's modules";
const OTHERS = "others";
const PADDING = "headers and alignment";

/** Output sections with content in the image, among them those that start in RAM. */
const IN_IMAGE = /^\.(?:iram0|dram0|flash|rtc|ext_ram)\.(?!.*(?:bss|dummy|noload|heap|_end$))/;
const OUTPUT_SECTION = /^(\.[\w.]+)/;
const PLACED = /^ (?:\S+)?\s+0x[\da-f]+\s+0x([\da-f]+) (\S+)$/;
const UNMERGED = /^\s+0x([\da-f]+) \(size before relaxing\)$/;
const MERGED_STRINGS = /\.str\d+\.\d+$/;

/**
 * Returns the sizes of the parts, largest first; together they are `imageBytes`. `ownObjects` are the names of the object
 * files of this project's C sources. Throws an error if the map has no section of an image.
 */
export function partSizes(map: string, imageBytes: number, ownObjects: readonly string[]): PartSize[] {
  const sizes = new Map<string, number>();
  const add = (part: string, bytes: number) => sizes.set(part, (sizes.get(part) ?? 0) + bytes);
  const strings: { part: string; bytes: number }[] = [];
  let mergedBytes = 0;
  for (const { section, file, bytes, unmergedBytes } of placedSections(map)) {
    const part = partOf(section, file, ownObjects);
    if (MERGED_STRINGS.test(section)) {
      mergedBytes += bytes;
      strings.push({ part, bytes: unmergedBytes ?? bytes });
    } else add(part, bytes);
  }
  if (sizes.size === 0) throw new Error("the link map has no section of an image; build again");
  const unmergedBytes = strings.reduce((sum, { bytes }) => sum + bytes, 0);
  for (const { part, bytes } of strings) add(part, (bytes * mergedBytes) / unmergedBytes);
  let rest = imageBytes;
  const parts = [...sizes].map(([part, bytes]) => ({ part, bytes: Math.round(bytes) }));
  for (const { bytes } of parts) rest -= bytes;
  return [...parts, { part: PADDING, bytes: rest }].sort((a, b) => b.bytes - a.bytes);
}

/** Returns the paths of the archives that have a part in the image, as in the map. */
export function archivesInImage(map: string): Set<string> {
  const archives = new Set<string>();
  for (const { file } of placedSections(map)) {
    const archive = /^(.*\.a)\(/.exec(file)?.[1];
    if (archive !== undefined) archives.add(archive);
  }
  return archives;
}

/** Iterates over the input sections of the output sections that are in the image. */
function* placedSections(map: string): Generator<Placed> {
  // What the linker discarded comes first, in the same form.
  const lines = map.slice(map.indexOf("Linker script and memory map")).split("\n");
  let isInImage = false;
  let section = "";
  for (const [i, line] of lines.entries()) {
    const output = OUTPUT_SECTION.exec(line)?.[1];
    if (output !== undefined) isInImage = IN_IMAGE.test(output);
    if (!isInImage) continue;
    // A long name has a line of its own.
    section = /^ ([.\w$]\S*)/.exec(line)?.[1] ?? section;
    const [, bytes, file] = PLACED.exec(line) ?? [];
    if (bytes === undefined || file === undefined) continue;
    const unmerged = UNMERGED.exec(lines[i + 1] ?? "")?.[1];
    yield {
      section,
      file,
      bytes: Number.parseInt(bytes, 16),
      unmergedBytes: unmerged === undefined ? undefined : Number.parseInt(unmerged, 16),
    };
  }
}

function partOf(section: string, file: string, ownObjects: readonly string[]): string {
  const object = /\((.*)\)$/.exec(file)?.[1];
  if (object !== undefined && ownObjects.includes(object)) return OWN_C;
  const rule = RULES.find((one) => one.file.test(file) && (one.section?.test(section) ?? true));
  return rule?.part ?? (/\bxs_\w+\.a\(/.test(file) ? SDK_NATIVES : OTHERS);
}
