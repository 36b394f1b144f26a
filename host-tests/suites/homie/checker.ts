/**
 * Checks whether the retained messages of a device are valid Homie 3.0.1. It is written from the text of the
 * specification (github.com/homieiot/convention, tag v3.0.1, README.md) and uses nothing of the firmware. Each rule
 * names its section.
 */

/** Additions of a platform to the convention. Without an extension they are violations. */
export interface Extension {
  /** Device attributes that list properties like a node's `$properties`. Their properties are below them. */
  readonly propertyGroups: readonly string[];
  /** Further attributes of nodes with their formats. */
  readonly nodeAttributes: Readonly<Record<string, RegExp>>;
}

/** The extension of docs/protocol.md, section 5. */
export const PLATFORM_EXTENSION: Extension = {
  propertyGroups: ["$options", "$telemetry"],
  nodeAttributes: { $state: /^(init|ready|disconnected|sleeping|lost|alert)$/ },
};

const NO_EXTENSION: Extension = { propertyGroups: [], nodeAttributes: {} };

/** Retained messages of one device. */
export interface RetainedDevice {
  readonly deviceId: string;
  /** Payloads by the topics under the device's. `undefined` is a payload that is not UTF-8. */
  readonly values: ReadonlyMap<string, string | undefined>;
}

/** "Topic IDs" */
const ID = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;
/** "Device behavior" */
const STATES = ["init", "ready", "disconnected", "sleeping", "lost", "alert"];
/** Required attributes with their formats ("Device attributes"). */
const DEVICE_ATTRIBUTES: Readonly<Record<string, (value: string) => boolean>> = {
  $homie: (value) => value === "3.0.1",
  $name: () => true,
  $state: (value) => STATES.includes(value),
  $localip: isAddress,
  $mac: (value) => /^[0-9A-F]{2}(?::[0-9A-F]{2}){5}$/.test(value),
  "$fw/name": (value) => ID.test(value),
  "$fw/version": (value) => value !== "",
  $nodes: (value) => isList(value, /^[a-z0-9-]+(?:\[\])?$/),
  $implementation: (value) => value !== "",
  $stats: (value) => isList(value, /^[a-z0-9-]+$/),
  "$stats/interval": isCount,
};
/** "Device statistics" */
const STATS: Readonly<Record<string, (value: string) => boolean>> = {
  uptime: isCount,
  signal: (value) => isNumber(value) && Number(value) >= 0 && Number(value) <= 100,
  cputemp: isNumber,
  cpuload: isNumber,
  battery: (value) => isNumber(value) && Number(value) >= 0 && Number(value) <= 100,
  freeheap: isCount,
  supply: isNumber,
};
/** "Property attributes" */
const DATATYPES = ["integer", "float", "boolean", "string", "enum", "color"];
const PROPERTY_ATTRIBUTES = ["$name", "$settable", "$retained", "$unit", "$datatype", "$format"];
const NODE_ATTRIBUTES = ["$name", "$type", "$properties", "$array"];

/** Returns one sentence for each violation. */
export function homieErrors(device: RetainedDevice, extension: Extension = NO_EXTENSION): string[] {
  return new Check(device, extension).run();
}

class Check {
  readonly #deviceId: string;
  readonly #values: ReadonlyMap<string, string | undefined>;
  readonly #extension: Extension;
  readonly #errors: string[] = [];
  /** Topics that a rule allows. */
  readonly #known = new Set<string>();

  constructor({ deviceId, values }: RetainedDevice, extension: Extension) {
    this.#deviceId = deviceId;
    this.#values = values;
    this.#extension = extension;
  }

  run(): string[] {
    if (!ID.test(this.#deviceId)) this.#fail(`the device id ${this.#deviceId} is no id`, "Topic IDs");
    for (const [topic, value] of this.#values) {
      if (value === undefined) this.#fail(`${topic} is not UTF-8`, "Payload");
      // A retained empty payload is not a message.
      if (value === "") this.#fail(`${topic} is empty`, "Payload");
    }
    this.#device();
    for (const listed of this.#list("$nodes")) this.#node(listed);
    for (const group of this.#extension.propertyGroups) {
      this.#need(group, "the extension");
      this.#properties(group, group);
    }
    for (const topic of this.#values.keys()) {
      const isOwn = topic.startsWith("$implementation/");
      // "Any other topic is not part of the Homie convention."
      if (!this.#known.has(topic) && !isOwn) this.#fail(`${topic} is not part of it`, "Broadcast channel");
    }
    return this.#errors;
  }

  #device(): void {
    for (const [name, isRight] of Object.entries(DEVICE_ATTRIBUTES)) {
      const value = this.#need(name, "Device attributes");
      if (value !== undefined && !isRight(value)) this.#fail(`${name} is ${value}`, "Device attributes");
    }
    const stats = this.#list("$stats");
    if (!stats.includes("uptime")) this.#fail("$stats is without uptime", "Device statistics");
    for (const stat of stats) {
      const value = this.#need(`$stats/${stat}`, "Device statistics");
      const isRight = STATS[stat]?.(value ?? "") ?? true;
      if (value !== undefined && !isRight) this.#fail(`$stats/${stat} is ${value}`, "Device statistics");
    }
  }

  #node(listed: string): void {
    const isArray = listed.endsWith("[]");
    const id = isArray ? listed.slice(0, -2) : listed;
    this.#id(id, `the node ${id}`);
    for (const name of ["$name", "$type", "$properties"]) this.#need(`${id}/${name}`, "Node attributes");
    this.#properties(id, `${id}/$properties`, { isArray });
    if (isArray) this.#array(id);
    else {
      if (this.#values.has(`${id}/$array`)) this.#fail(`${id} has $array and is no array`, "Arrays");
    }
    const { nodeAttributes } = this.#extension;
    for (const [name, form] of Object.entries(nodeAttributes)) {
      const value = this.#take(`${id}/${name}`);
      if (value !== undefined && !form.test(value)) this.#fail(`${id}/${name} is ${value}`, "the extension");
    }
    this.#onlyAttributes(id, [...NODE_ATTRIBUTES, ...Object.keys(nodeAttributes)], "Node attributes");
  }

  /** Checks a node array. Its elements hold its values and their own names. */
  #array(id: string): void {
    const range = this.#need(`${id}/$array`, "Arrays");
    const [, first = "", last = ""] = /^(\d+)-(\d+)$/.exec(range ?? "") ?? [];
    if (range === undefined) return;
    if (first === "" || Number(first) > Number(last)) {
      this.#fail(`${id}/$array is ${range}`, "Arrays");
      return;
    }
    for (let i = Number(first); i <= Number(last); i++) {
      this.#take(`${id}_${i}/$name`);
      for (const property of this.#list(`${id}/$properties`)) {
        this.#value(`${id}_${i}/${property}`, `${id}/${property}`);
      }
    }
  }

  #properties(parent: string, list: string, { isArray = false } = {}): void {
    for (const id of this.#list(list)) {
      this.#id(id, `the property ${parent}/${id}`);
      const topic = `${parent}/${id}`;
      this.#attributes(topic);
      if (!isArray) this.#value(topic, topic);
    }
  }

  #attributes(topic: string): void {
    for (const name of PROPERTY_ATTRIBUTES) this.#take(`${topic}/${name}`);
    this.#onlyAttributes(topic, PROPERTY_ATTRIBUTES, "Property attributes");
    const of = (name: string) => this.#values.get(`${topic}/${name}`);
    for (const name of ["$settable", "$retained"]) {
      const isRight = ["true", "false", undefined].includes(of(name));
      if (!isRight) this.#fail(`${topic}/${name} is ${of(name)}`, "Property attributes");
    }
    const datatype = of("$datatype") ?? "string";
    if (!DATATYPES.includes(datatype)) this.#fail(`${topic}/$datatype is ${datatype}`, "Property attributes");
    const format = of("$format");
    if (format === undefined) {
      if (datatype === "enum" || datatype === "color")
        this.#fail(`${topic} has no $format`, "Property attributes");
    } else if (!isFormat(datatype, format)) {
      this.#fail(`${topic}/$format is ${format}, for ${datatype}`, "Property attributes");
    }
  }

  /** @param described topic whose attributes describe the value */
  #value(topic: string, described: string): void {
    const value = this.#take(topic);
    const of = (name: string) => this.#values.get(`${described}/${name}`);
    if (of("$retained") === "false") {
      if (value !== undefined)
        this.#fail(`${topic} is retained, and says that it is not`, "Property attributes");
      return;
    }
    if (value === undefined) {
      this.#fail(`${topic} is missing`, "Properties");
      return;
    }
    const datatype = of("$datatype") ?? "string";
    if (!isValue(value, datatype, of("$format"))) {
      this.#fail(`${topic} is ${value}, for ${datatype} ${of("$format") ?? ""}`.trim(), "Payload");
    }
  }

  /** Reports other attributes: "A node attribute MUST be one of these", and the same for properties. */
  #onlyAttributes(parent: string, allowed: readonly string[], section: string): void {
    for (const topic of this.#values.keys()) {
      const name = topic.slice(parent.length + 1);
      if (!topic.startsWith(`${parent}/$`) || allowed.includes(name)) continue;
      this.#known.add(topic);
      this.#fail(`${topic} is no attribute`, section);
    }
  }

  #list(topic: string): string[] {
    const value = this.#values.get(topic);
    if (value === undefined || value === "") return [];
    const ids = value.split(",");
    if (new Set(ids).size !== ids.length)
      this.#fail(`${topic} has something twice: ${value}`, "Nodes, Properties");
    return [...new Set(ids)];
  }

  #id(id: string, what: string): void {
    if (!ID.test(id)) this.#fail(`${what} has no id`, "Topic IDs");
  }

  #need(topic: string, section: string): string | undefined {
    const value = this.#take(topic);
    if (value === undefined) this.#fail(`${topic} is missing`, section);
    return value;
  }

  #take(topic: string): string | undefined {
    this.#known.add(topic);
    return this.#values.get(topic);
  }

  #fail(what: string, section: string): void {
    const sentence = `${what} (${section})`;
    if (!this.#errors.includes(sentence)) this.#errors.push(sentence);
  }
}

function isList(value: string, item: RegExp): boolean {
  return value.split(",").every((one) => item.test(one));
}

function isCount(value: string): boolean {
  return /^\d+$/.test(value);
}

function isNumber(value: string): boolean {
  return /^-?\d+(?:\.\d+)?$/.test(value);
}

/** Returns whether a text is IPv4, or IPv6 as in RFC 4291, 2.2: eight groups, or fewer with one `::`. */
function isAddress(value: string): boolean {
  if (!value.includes(":")) return isV4(value);
  const halves = value.split("::");
  const groups = halves.flatMap((half) => (half === "" ? [] : half.split(":")));
  const isGroup = (group: string) => /^[0-9a-f]{1,4}$/i.test(group);
  const endsInV4 = isV4(groups.at(-1) ?? "") && !value.endsWith("::");
  const count = groups.length + (endsInV4 ? 1 : 0);
  const isLongEnough = halves.length === 2 ? count <= 7 : halves.length === 1 && count === 8;
  return isLongEnough && (endsInV4 ? groups.slice(0, -1) : groups).every(isGroup);
}

function isV4(value: string): boolean {
  const parts = value.split(".");
  return parts.length === 4 && parts.every((part) => isCount(part) && Number(part) <= 255);
}

/** Splits the words of an enum. A comma inside a word is doubled. */
function wordsOf(format: string): string[] {
  const mark = "\0";
  return format
    .replaceAll(",,", mark)
    .split(",")
    .map((word) => word.replaceAll(mark, ","));
}

function rangeOf(format: string, isOf: (text: string) => boolean): [from: number, to: number] | undefined {
  const [from = "", to = "", ...rest] = format.split(":");
  return rest.length === 0 && isOf(from) && isOf(to) && Number(from) <= Number(to)
    ? [Number(from), Number(to)]
    : undefined;
}

function isFormat(datatype: string, format: string): boolean {
  switch (datatype) {
    case "integer":
      return rangeOf(format, isInteger) !== undefined;
    case "float":
      return rangeOf(format, isNumber) !== undefined;
    case "enum": {
      const words = wordsOf(format);
      return words.every((word) => word !== "") && new Set(words).size === words.length;
    }
    case "color":
      return format === "rgb" || format === "hsv";
    default:
      return false;
  }
}

function isInteger(value: string): boolean {
  return /^-?\d+$/.test(value);
}

function isValue(value: string, datatype: string, format: string | undefined): boolean {
  switch (datatype) {
    case "integer":
    case "float": {
      const isOf = datatype === "integer" ? isInteger : isNumber;
      const [from, to] = (format === undefined ? undefined : rangeOf(format, isOf)) ?? [-Infinity, Infinity];
      return isOf(value) && Number(value) >= from && Number(value) <= to;
    }
    case "boolean":
      return value === "true" || value === "false";
    case "enum":
      return wordsOf(format ?? "").includes(value);
    case "color": {
      const limits = format === "hsv" ? [360, 100, 100] : [255, 255, 255];
      const parts = value.split(",");
      return (
        parts.length === 3 && parts.every((part, i) => isCount(part) && Number(part) <= (limits[i] ?? 0))
      );
    }
    default:
      return true;
  }
}
