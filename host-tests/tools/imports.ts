/** Import analysis: which files import which, as parsed by swc. */

import { existsSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { parseSync } from "@swc/core";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

function parse(file: string) {
  const isTypeScript = file.endsWith(".ts");
  const { body } = parseSync(readFileSync(join(ROOT, file), "utf8"), {
    syntax: isTypeScript ? "typescript" : "ecmascript",
    target: "es2022",
  });
  return body;
}

/** Regular expressions that are constructed when a file is loaded. */
export function regexpsOutsideFunctions(file: string): string[] {
  const search = (value: unknown): string[] => {
    if (typeof value !== "object" || value === null) return [];
    if (Array.isArray(value)) return value.flatMap(search);
    const { type, pattern } = value as { type?: unknown; pattern?: unknown };
    if (type === "RegExpLiteral") return [`/${String(pattern)}/`];
    // Expressions in a function or a method are evaluated when it runs.
    if (typeof type === "string" && FUNCTIONS.includes(type)) return [];
    return Object.values(value).flatMap(search);
  };
  return search(parse(file));
}

const FUNCTIONS: readonly string[] = [
  "FunctionDeclaration",
  "FunctionExpression",
  "ArrowFunctionExpression",
  "ClassMethod",
  "PrivateMethod",
  "Constructor",
  "MethodProperty",
  "GetterProperty",
  "SetterProperty",
];

/** Specifiers that a file imports at run time, without type imports. */
export function valueImports(file: string): string[] {
  return parse(file).flatMap((node) => {
    const isTypeOnly = "typeOnly" in node && node.typeOnly === true;
    const source = "source" in node ? (node.source as { value: string } | null) : null;
    return source && !isTypeOnly ? [source.value] : [];
  });
}

/** Path of the file that a relative specifier refers to; `x.js` refers to `x.ts`. */
export function targetOf(file: string, specifier: string): string {
  const target = posix.join(posix.dirname(file), specifier);
  const source = target.replace(/\.js$/, ".ts");
  return existsSync(join(ROOT, source)) ? source : target;
}

/**
 * All files and packages that `entry` imports, directly or indirectly. Paths are relative to the project's
 * root.
 */
export function importGraph(entry: string): { files: Set<string>; specifiers: Set<string> } {
  const files = new Set<string>();
  const specifiers = new Set<string>();
  const queue = [entry];
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (files.has(file)) continue;
    files.add(file);
    for (const specifier of valueImports(file)) {
      if (specifier.startsWith(".")) queue.push(targetOf(file, specifier));
      else specifiers.add(specifier);
    }
  }
  return { files, specifiers };
}
