/**
 * Description of a Homie 3.0.1 device (docs/protocol.md, section 5). It is a constant table: values are functions of a
 * snapshot and setters act on a commands object, so that all stations share one table.
 */

import type { Failure } from "../failure/index.js";

export type PropertyValue = string | number | boolean | undefined;

/** Published in place of an empty text: an empty payload would delete the topic at the broker. */
const NONE = "none";

/** The payload of a value. */
export function payloadOf(value: PropertyValue): string {
  return value === undefined || value === "" ? NONE : String(value);
}

/**
 * A Homie property.
 *
 * @typeParam Snapshot source of the values
 * @typeParam Commands target of the setters
 */
export interface Property<Snapshot, Commands> {
  /** Id in the topic: `a-z`, `0-9`, `-`. */
  readonly id: string;
  /** Name shown to the owner. */
  readonly name: string;
  readonly datatype: "integer" | "float" | "boolean" | "enum" | "string";
  readonly unit?: string;
  /** `min:max` of a number, or the comma-separated values of an enum. */
  readonly format?: string | ((snapshot: Snapshot) => string);
  /** Returns the current value. A missing or empty text is published as `none`. */
  readonly value: (snapshot: Snapshot) => PropertyValue;
  /** Returns whether the device has this property; default: true. Evaluated once per connection. */
  readonly isPresent?: (snapshot: Snapshot) => boolean;
  /**
   * Sets the property to `text`, which matches datatype and format; a fraction of an integer is rounded down. Returns why
   * it was refused, if it was.
   */
  readonly set?: (commands: Commands, text: string) => Failure<string> | undefined;
}

/** A Homie node: a group of properties. */
export interface HomieNode<Snapshot, Commands> {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly properties: readonly Property<Snapshot, Commands>[];
}

/** The properties of a station. */
export interface HomieDevice<Snapshot, Commands> {
  readonly nodes: readonly HomieNode<Snapshot, Commands>[];
  /** Properties under `$options`. */
  readonly options: readonly Property<Snapshot, Commands>[];
  /** Properties under `$telemetry`. */
  readonly telemetry: readonly Property<Snapshot, Commands>[];
  /** Values under `$stats`, among them `uptime`. They have no attributes (Homie 3.0.1). */
  readonly stats: readonly Property<Snapshot, Commands>[];
}

/** A retained value and its topic, relative to the device's topic. */
export interface Value {
  readonly path: string;
  readonly payload: string;
}

const OPTIONS = "$options";
const TELEMETRY = "$telemetry";
const STATS = "$stats";
/** Parents of the properties after the nodes, in the order of publishing. */
const PARENTS = Object.freeze([OPTIONS, TELEMETRY, STATS]);
/** Update interval of the values in `stats`, s (`$stats/interval`). Each update costs a message. */
export const STATS_INTERVAL_S = 300;

/**
 * The present properties of a device in the order of publishing. Their topics, relative to the device's topic, are made
 * when they are needed: all of them would take 1.5 KB.
 */
export class PropertyTopics<Snapshot, Commands> {
  readonly properties: Property<Snapshot, Commands>[] = [];
  private readonly _nodes: HomieDevice<Snapshot, Commands>["nodes"];
  /** Index after the last property of each node, of `$options`, `$telemetry` and `$stats`. */
  private readonly _ends: number[] = [];

  constructor({ nodes, options, telemetry, stats }: HomieDevice<Snapshot, Commands>, snapshot: Snapshot) {
    this._nodes = nodes;
    for (const node of nodes) this._add(node.properties, snapshot);
    this._add(options, snapshot);
    this._add(telemetry, snapshot);
    this._add(stats, snapshot);
  }

  /** Returns the topic of the property with this index, relative to the device's topic. */
  pathOf(index: number): string {
    let group = 0;
    while (index >= (this._ends[group] ?? Number.POSITIVE_INFINITY)) group++;
    return `${this._parentOf(group)}/${this.properties[index]?.id}`;
  }

  /** Returns the index of the property with this topic; -1 without one. */
  indexOf(path: string): number {
    const slash = path.indexOf("/");
    const [start, end] = this._range(path.slice(0, slash));
    const id = path.slice(slash + 1);
    for (let index = start; index < end; index++) if (this.properties[index]?.id === id) return index;
    return -1;
  }

  /** Returns the ids below a node or below `$options`, `$telemetry` or `$stats`, separated by commas. */
  idsBelow(parent: string): string {
    const below = this.properties.slice(...this._range(parent));
    return below.map(({ id }) => id).join(",");
  }

  /** Indices of the first property below a parent and after its last one; equal for an unknown parent. */
  private _range(parent: string): [start: number, end: number] {
    let start = 0;
    for (let group = 0; group < this._ends.length; group++) {
      const end = this._ends[group] ?? start;
      if (this._parentOf(group) === parent) return [start, end];
      start = end;
    }
    return [0, 0];
  }

  private _parentOf(group: number): string {
    const node = this._nodes[group];
    return node ? node.id : (PARENTS[group - this._nodes.length] ?? "");
  }

  private _add(properties: readonly Property<Snapshot, Commands>[], snapshot: Snapshot): void {
    for (const property of properties)
      if (property.isPresent?.(snapshot) !== false) this.properties.push(property);
    this._ends.push(this.properties.length);
  }
}

type AnyTopics = Pick<PropertyTopics<never, never>, "idsBelow">;

/** Returns the attributes of the device that list its nodes, options, telemetry and stats. */
export function deviceValues(nodes: readonly { readonly id: string }[], topics: AnyTopics): Value[] {
  return values("", {
    $nodes: nodes.map(({ id }) => id).join(","),
    [OPTIONS]: topics.idsBelow(OPTIONS),
    [TELEMETRY]: topics.idsBelow(TELEMETRY),
    [STATS]: topics.idsBelow(STATS),
    [`${STATS}/interval`]: String(STATS_INTERVAL_S),
  });
}

/** Returns the attributes of a node. */
export function nodeValues(
  { id, name, type }: { readonly id: string; readonly name: string; readonly type: string },
  topics: AnyTopics,
): Value[] {
  const attributes = { $name: name, $type: type, $state: "ready", $properties: topics.idsBelow(id) };
  return values(`${id}/`, attributes);
}

/** Returns the attributes of a property; empty for a value under `$stats`. */
export function attributeValues<Snapshot, Commands>(
  { path, property }: { readonly path: string; readonly property: Property<Snapshot, Commands> },
  snapshot: Snapshot,
): Value[] {
  if (path.startsWith(STATS)) return [];
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

/** Returns the defined values of a list with a common topic prefix. */
export function values(prefix: string, list: Readonly<Record<string, string | undefined>>): Value[] {
  const all: Value[] = [];
  for (const name of Object.keys(list)) {
    const payload = list[name];
    if (payload !== undefined) all.push({ path: prefix + name, payload });
  }
  return all;
}

function formatOf<Snapshot, Commands>(
  { format }: Property<Snapshot, Commands>,
  snapshot: Snapshot,
): string | undefined {
  return typeof format === "function" ? format(snapshot) : format;
}

/** Maximum length of a string property, characters. */
const MAX_TEXT_CHARS = 128;

/** Validates and sets the payload of a `/set` topic. Returns why it was refused, if it was. */
export function setProperty<Snapshot, Commands>(
  property: Property<Snapshot, Commands> | undefined,
  command: { readonly text: string; readonly snapshot: Snapshot; readonly commands: Commands },
): Failure<string> | undefined {
  if (!property?.set) return { code: "invalid", message: "this property cannot be set" };
  const { snapshot, commands } = command;
  const { datatype } = property;
  const text = datatype === "integer" ? roundedDown(command.text) : command.text;
  const message = problemOf(datatype, formatOf(property, snapshot) ?? "", text);
  return message === undefined ? property.set(commands, text) : { code: "invalid", message };
}

/** Rounds a decimal fraction down to an integer: energy managers send fractions of amperes. Other texts stay as they are. */
function roundedDown(text: string): string {
  return /^-?\d{1,9}\.\d{1,9}$/.test(text) ? String(Math.floor(Number(text))) : text;
}

/** Returns why a text does not match datatype and format, if it does not. */
function problemOf(
  datatype: Property<never, never>["datatype"],
  format: string,
  text: string,
): string | undefined {
  switch (datatype) {
    case "boolean":
      if (text !== "true" && text !== "false") return "the value must be true or false";
      break;
    case "enum":
      if (!format.split(",").includes(text)) return `the value must be one of ${format}`;
      break;
    case "integer":
    case "float": {
      const range = format.split(":").map(Number);
      const isIn = Number(text) >= (range[0] ?? Number.NaN) && Number(text) <= (range[1] ?? Number.NaN);
      const digits = datatype === "integer" ? /^-?\d{1,9}$/ : /^-?\d{1,9}(?:\.\d{1,9})?$/;
      if (!digits.test(text) || !isIn) return `the value must be in ${format}`;
      break;
    }
    case "string":
      if (text === "" || text.length > MAX_TEXT_CHARS)
        return `the value must have 1-${MAX_TEXT_CHARS} characters`;
      break;
  }
  return undefined;
}
