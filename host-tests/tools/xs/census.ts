import { Heap } from "./heap.js";

/** Live slots of the instances of one class, with the plain objects and closures that only they reach. */
export interface CensusRow {
  /** File of the class, from the project's root. */
  readonly file: string;
  readonly class: string;
  readonly instances: number;
  readonly slots: number;
}

export interface CensusOptions {
  readonly snapshot: Buffer;
  /** The script that the machine runs, made by `bundle`. */
  readonly script: string;
  /** Names of the script's variables that hold what is counted, the most important first, and the file of each. */
  readonly variables: Readonly<Record<string, string>>;
}

interface Owner {
  readonly file: string;
  readonly class: string;
  instances: number;
  slots: number;
}

/**
 * Counts the live slots that only the given variables reach, by class. A slot belongs to the nearest instance of a class
 * on the shortest way from the first variable that reaches it. Code and prototypes, which the chip has in flash, are
 * reached without the variables and are not counted.
 */
export function takeCensus({ snapshot, script, variables }: CensusOptions): CensusRow[] {
  const heap = new Heap(snapshot);
  const seeds = new Map<string, number>();
  const counted = codeSlots(heap, variables, seeds);
  const files = filesOfClasses(script);
  const owners = new Map<string, Owner>();
  const known = new Map<number, Owner>();
  for (const [name, file] of Object.entries(variables)) {
    const variable = seeds.get(name);
    // The slot of a variable refers to the slot of its value.
    const values =
      variable === undefined ? [] : heap.referencesOf(variable).flatMap((one) => heap.referencesOf(one));
    for (const cell of values) {
      known.set(cell, ownerOf(file, ""));
      // The parts of a plain object are its own, such as the board's cryptography, also where others hold them.
      if (heap.classOf(cell) === "Object") {
        for (const slot of heap.slotsOf(cell))
          for (const part of heap.referencesOf(slot)) known.set(part, ownerOf(file, ""));
      }
    }
  }
  let cells = [...known].map(([cell, owner]) => ({ cell, owner }));

  function ownerOf(file: string, name: string): Owner {
    const key = `${file} ${name}`;
    const owner = owners.get(key) ?? { file, class: name, instances: 0, slots: 0 };
    owners.set(key, owner);
    return owner;
  }

  // Surroundings come last, so that what the firmware reaches is the firmware's.
  for (const isWanted of [isFirmware, () => true]) {
    const rest: typeof cells = [];
    // The loop also visits the cells that it adds.
    for (const { cell, owner } of cells) {
      if (counted.has(cell)) continue;
      const name = heap.isInstance(cell) ? heap.classOf(cell) : undefined;
      const file = name === undefined ? undefined : files.get(name);
      const next =
        name !== undefined && file !== undefined ? ownerOf(file, name) : (known.get(cell) ?? owner);
      if (!isWanted(next.file)) {
        rest.push({ cell, owner });
        continue;
      }
      if (next !== owner || file !== undefined) next.instances++;
      for (const slot of heap.slotsOf(cell)) {
        counted.add(slot);
        next.slots += 1 + heap.tableSlotsOf(slot);
        for (const other of heap.referencesOf(slot)) cells.push({ cell: other, owner: next });
      }
    }
    cells = rest;
  }
  return [...owners.values()].filter(({ slots }) => slots > 0).sort((a, b) => b.slots - a.slots);
}

function isFirmware(file: string): boolean {
  return !file.startsWith("host-tests/") && !file.startsWith("firmware/boards/");
}

/** Returns the slots that are reached without the variables, and fills in the slots of the variables. */
function codeSlots(
  heap: Heap,
  variables: Readonly<Record<string, string>>,
  seeds: Map<string, number>,
): Set<number> {
  const reached = new Set<number>();
  const cells = heap.roots();
  for (let cell = cells.pop(); cell !== undefined; cell = cells.pop()) {
    if (reached.has(cell)) continue;
    for (const slot of heap.slotsOf(cell)) {
      reached.add(slot);
      const name = heap.isClosure(slot) ? heap.nameOf(slot) : undefined;
      if (name !== undefined && name in variables) seeds.set(name, slot);
      else cells.push(...heap.referencesOf(slot), ...heap.prototypesOf(slot));
    }
  }
  return reached;
}

/** Files of the classes of a bundle. esbuild writes the name of each file before its code. */
function filesOfClasses(script: string): Map<string, string> {
  const files = new Map<string, string>();
  let file = "";
  for (const line of script.split("\n")) {
    file = /^ {2}\/\/ ((?:firmware|modules|host-tests|node_modules)\/.*)$/.exec(line)?.[1] ?? file;
    const name =
      /^\s+(?:var|let|const) (\w+) = class\b/.exec(line)?.[1] ??
      /^\s+class (\w+)\b/.exec(line)?.[1] ??
      /\b(\w+): class\b/.exec(line)?.[1];
    if (name !== undefined) files.set(name, file);
  }
  return files;
}
