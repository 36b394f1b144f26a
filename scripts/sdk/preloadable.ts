import { transform } from "esbuild";

/** Warning of the SDK's linker about a preloaded variable or object of this project that can change. */
const ALIAS = /^### warning: (?:firmware|modules)\/.*: (?:no const|not frozen)$/;

/** Returns whether a line of mcconfig's output says that something of this project takes RAM besides flash. */
export function isAlias(line: string): boolean {
  return ALIAS.test(line);
}

/**
 * Makes the top level of a bundle constant, so that the preloaded modules stay in flash: esbuild declares it with `var`, and
 * a variable or object that can change takes RAM besides. Top-level variables become `const`. The objects in them are frozen
 * deeply, at the time of the link (XS, `Object.freeze(value, true)`). Throws an error for a variable that is assigned twice.
 */
export async function preloadable(bundle: string): Promise<string> {
  const names = [...bundle.matchAll(/^var ([\w$]+) = /gm)].map(([, name]) => name);
  const constant = bundle.replace(/^var /gm, "const ");
  const { warnings } = await transform(constant, { target: "esnext", format: "esm", logLevel: "silent" });
  const assigned = warnings.filter(({ id }) => id === "assign-to-constant").map(({ text }) => text);
  if (assigned.length > 0)
    throw new Error(`a preloaded module has a variable that changes: ${assigned.join("; ")}`);
  return `${constant}for (const value of [${names.join(", ")}]) if (typeof value === "object") Object.freeze(value, true);\n`;
}
