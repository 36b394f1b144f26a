/** The shape of a Homie 3.0.1 tree (docs/protocol.md, section 5), and what may be set in it. */

export interface Property {
  /** `a-z 0-9 -`; on the wire. */
  readonly id: string;
  /** For people. */
  readonly name: string;
  readonly datatype: "integer" | "boolean" | "enum" | "string";
  readonly unit?: string;
  /** `min:max` of an integer, the words of an enum with commas between them. */
  readonly format?: string;
  /** What it is now; never empty, which would delete it at the broker. */
  readonly value: () => string | number | boolean;
  /** Makes it what `text` says, which fits datatype and format. Gives what is wrong, if anything is. */
  readonly set?: (text: string) => string | undefined;
}

export interface TreeNode {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly properties: readonly Property[];
}

/** What a station says of itself, beside who it is. */
export interface Tree {
  readonly nodes: readonly TreeNode[];
  /** Under `$options` and `$telemetry`. */
  readonly options: readonly Property[];
  readonly telemetry: readonly Property[];
  /** Under `$stats`: numbers without attributes, which Homie 3.0.1 wants; `uptime` among them. */
  readonly stats: readonly Property[];
}

/** A topic under the root, and what is retained there. */
export interface Value {
  readonly path: string;
  readonly payload: string;
  /** It may change; attributes do not. */
  readonly isProperty?: boolean;
}

const OPTIONS = "$options";
const TELEMETRY = "$telemetry";
const STATS = "$stats";
/** `$stats/interval`: what is in `stats` changes as often, and goes out when it does. Each time costs a message. */
export const STATS_INTERVAL_S = 300;

/** A property, and its topic under the root. */
export interface Place {
  readonly path: string;
  readonly property: Property;
  /** Nothing is said of it but its value. */
  readonly isBare?: boolean;
}

export function placesOf({ nodes, options, telemetry, stats }: Tree): Place[] {
  const places: Place[] = [];
  const add = (parent: string, properties: readonly Property[]) => {
    properties.forEach((property) => {
      places.push({ path: `${parent}/${property.id}`, property });
    });
  };
  nodes.forEach((node) => {
    add(node.id, node.properties);
  });
  add(OPTIONS, options);
  add(TELEMETRY, telemetry);
  stats.forEach((property) => {
    places.push({ path: `${STATS}/${property.id}`, property, isBare: true });
  });
  return places;
}

/** What the device says of its parts. */
export function partsOf({ nodes, options, telemetry, stats }: Tree): Value[] {
  return values("", {
    $nodes: ids(nodes),
    [OPTIONS]: ids(options),
    [TELEMETRY]: ids(telemetry),
    [STATS]: ids(stats),
    [`${STATS}/interval`]: String(STATS_INTERVAL_S),
  });
}

export function nodeValues({ id, name, type, properties }: TreeNode): Value[] {
  return values(`${id}/`, { $name: name, $type: type, $state: "ready", $properties: ids(properties) });
}

/** A property's attributes, then its value. */
export function propertyValues({ path, property, isBare }: Place): Value[] {
  const { name, datatype, unit, format, set, value } = property;
  const own: Value = { path, payload: String(value()), isProperty: true };
  if (isBare) return [own];
  const list = values(`${path}/`, {
    $name: name,
    $settable: String(set !== undefined),
    $retained: "true",
    $datatype: datatype,
    $unit: unit,
    $format: format,
  });
  list.push(own);
  return list;
}

/** Those that are there. */
export function values(prefix: string, list: Readonly<Record<string, string | undefined>>): Value[] {
  const all: Value[] = [];
  Object.keys(list).forEach((name) => {
    const payload = list[name];
    if (payload !== undefined) all.push({ path: prefix + name, payload });
  });
  return all;
}

function ids(list: readonly { readonly id: string }[]): string {
  return list.map(({ id }) => id).join(",");
}

const MAX_TEXT_CHARS = 128;

/** Sets a property as its `/set` topic asks for. Gives what is wrong, if anything is. */
export function setProperty(property: Property | undefined, text: string): string | undefined {
  if (!property?.set) return "this cannot be set";
  const { datatype, format = "" } = property;
  switch (datatype) {
    case "boolean":
      if (text !== "true" && text !== "false") return "it must be true or false";
      break;
    case "enum":
      if (!format.split(",").includes(text)) return `it must be one of ${format}`;
      break;
    case "integer": {
      const range = format.split(":").map(Number);
      const isIn = Number(text) >= (range[0] ?? Number.NaN) && Number(text) <= (range[1] ?? Number.NaN);
      if (!/^-?\d{1,9}$/.test(text) || !isIn) return `it must be in ${format}`;
      break;
    }
    case "string":
      if (text === "" || text.length > MAX_TEXT_CHARS) return `it must have 1-${MAX_TEXT_CHARS} characters`;
      break;
  }
  return property.set(text);
}
