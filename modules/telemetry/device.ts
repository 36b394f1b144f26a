/**
 * The shape of a Homie 3.0.1 device (docs/protocol.md, section 5). A device is a constant table: values are functions of
 * a snapshot, and commands go to a commands, so that nothing of it is made per station.
 */

export type PropertyValue = string | number | boolean | undefined;

/** Published in place of an empty text: an empty payload would delete the topic at the broker. */
const NONE = "none";

/** The payload of a value. */
export function payloadOf(value: PropertyValue): string {
  return value === undefined || value === "" ? NONE : String(value);
}

/** @typeParam Snapshot what the values are read from; @typeParam Commands what commands are given to */
export interface Property<Snapshot, Commands> {
  /** `a-z 0-9 -`; on the wire. */
  readonly id: string;
  /** For people. */
  readonly name: string;
  readonly datatype: "integer" | "boolean" | "enum" | "string";
  readonly unit?: string;
  /** `min:max` of an integer; the words of an enum with commas between them. */
  readonly format?: string | ((snapshot: Snapshot) => string);
  /** Present value. A text that is missing or empty is published as `none`. */
  readonly value: (snapshot: Snapshot) => PropertyValue;
  /** The device has this property; default: always. Evaluated once for each connection. */
  readonly isPresent?: (snapshot: Snapshot) => boolean;
  /** Carries out `text`, which fits datatype and format. Returns what is wrong; `undefined` if nothing is. */
  readonly set?: (commands: Commands, text: string) => string | undefined;
}

export interface HomieNode<Snapshot, Commands> {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly properties: readonly Property<Snapshot, Commands>[];
}

/** Everything a station publishes beside its identity. */
export interface HomieDevice<Snapshot, Commands> {
  readonly nodes: readonly HomieNode<Snapshot, Commands>[];
  /** Under `$options` and `$telemetry`. */
  readonly options: readonly Property<Snapshot, Commands>[];
  readonly telemetry: readonly Property<Snapshot, Commands>[];
  /** Under `$stats`: numbers without attributes, as Homie 3.0.1 requires; `uptime` among them. */
  readonly stats: readonly Property<Snapshot, Commands>[];
}

/** A retained value, and its topic below the device's. */
export interface Value {
  readonly path: string;
  readonly payload: string;
}

const OPTIONS = "$options";
const TELEMETRY = "$telemetry";
const STATS = "$stats";
/** `$stats/interval`, s: the update interval of the values in `stats`. Each update costs a message. */
export const STATS_INTERVAL_S = 300;

/** A property and its topic below the device's. */
export interface PropertyTopic<Snapshot, Commands> {
  readonly parent: string;
  readonly path: string;
  readonly property: Property<Snapshot, Commands>;
}

/** The topics of the properties that the device has, in the order in which they are published. */
export function propertyTopics<Snapshot, Commands>(
  { nodes, options, telemetry, stats }: HomieDevice<Snapshot, Commands>,
  snapshot: Snapshot,
): PropertyTopic<Snapshot, Commands>[] {
  const topics: PropertyTopic<Snapshot, Commands>[] = [];
  const add = (parent: string, properties: readonly Property<Snapshot, Commands>[]) => {
    for (const property of properties) {
      if (property.isPresent?.(snapshot) === false) continue;
      topics.push({ parent, path: `${parent}/${property.id}`, property });
    }
  };
  for (const node of nodes) add(node.id, node.properties);
  add(OPTIONS, options);
  add(TELEMETRY, telemetry);
  add(STATS, stats);
  return topics;
}

type AnyTopics = readonly PropertyTopic<never, never>[];

/** Attributes of the device that list its parts. */
export function deviceValues(nodes: readonly { readonly id: string }[], topics: AnyTopics): Value[] {
  return values("", {
    $nodes: nodes.map(({ id }) => id).join(","),
    [OPTIONS]: idsBelow(OPTIONS, topics),
    [TELEMETRY]: idsBelow(TELEMETRY, topics),
    [STATS]: idsBelow(STATS, topics),
    [`${STATS}/interval`]: String(STATS_INTERVAL_S),
  });
}

/** Attributes of a node. */
export function nodeValues(
  { id, name, type }: { readonly id: string; readonly name: string; readonly type: string },
  topics: AnyTopics,
): Value[] {
  const attributes = { $name: name, $type: type, $state: "ready", $properties: idsBelow(id, topics) };
  return values(`${id}/`, attributes);
}

/** Attributes of a property; a statistic has none. */
export function attributeValues<Snapshot, Commands>(
  { parent, path, property }: PropertyTopic<Snapshot, Commands>,
  snapshot: Snapshot,
): Value[] {
  if (parent === STATS) return [];
  const { name, datatype, unit, set } = property;
  return values(`${path}/`, {
    $name: name,
    $settable: String(set !== undefined),
    $retained: "true",
    $datatype: datatype,
    $unit: unit,
    $format: formatOf(property, snapshot),
  });
}

/** Values with a common prefix, without those that are `undefined`. */
export function values(prefix: string, list: Readonly<Record<string, string | undefined>>): Value[] {
  const all: Value[] = [];
  for (const name of Object.keys(list)) {
    const payload = list[name];
    if (payload !== undefined) all.push({ path: prefix + name, payload });
  }
  return all;
}

function idsBelow(parent: string, topics: AnyTopics): string {
  const ids: string[] = [];
  for (const topic of topics) if (topic.parent === parent) ids.push(topic.property.id);
  return ids.join(",");
}

function formatOf<Snapshot, Commands>(
  { format }: Property<Snapshot, Commands>,
  snapshot: Snapshot,
): string | undefined {
  return typeof format === "function" ? format(snapshot) : format;
}

const MAX_TEXT_CHARS = 128;

/** Carries out the text of a `/set` topic. Returns what is wrong; `undefined` if nothing is. */
export function setProperty<Snapshot, Commands>(
  property: Property<Snapshot, Commands> | undefined,
  command: { readonly text: string; readonly snapshot: Snapshot; readonly commands: Commands },
): string | undefined {
  if (!property?.set) return "this cannot be set";
  const { text, snapshot, commands } = command;
  const format = formatOf(property, snapshot) ?? "";
  switch (property.datatype) {
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
  return property.set(commands, text);
}
