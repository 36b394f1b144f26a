/** Compares the mutants that survived with the list of those that no test can kill. */

/** The used part of Stryker's JSON report (mutation-testing-report-schema). */
export interface MutationReport {
  readonly files: Readonly<Record<string, { readonly source: string; readonly mutants: readonly Mutant[] }>>;
}

interface Position {
  /** Line number, from 1. */
  readonly line: number;
  /** Column number, from 1. */
  readonly column: number;
}

interface Mutant {
  readonly status: string;
  readonly replacement?: string;
  readonly location: { readonly start: Position; readonly end: Position };
}

/** A mutant that no test kills. It is identified by its text, because line numbers change. */
export interface Survivor {
  readonly file: string;
  /** The original lines, without the white space around each. */
  readonly original: string;
  /** The same lines with the mutant in them. */
  readonly mutated: string;
}

export interface ExplainedSurvivor extends Survivor {
  /** The reason why no test can kill the mutant. */
  readonly why: string;
}

const DETECTED = new Set(["Killed", "Timeout", "CompileError", "Ignored"]);

/** Returns the mutants that no test has detected, including those that no test reaches. */
export function survivorsOf({ files }: MutationReport): Survivor[] {
  return Object.entries(files).flatMap(([file, { source, mutants }]) =>
    mutants
      .filter(({ status }) => !DETECTED.has(status))
      .map((mutant) => ({ file, ...textOf(source, mutant) })),
  );
}

/** Returns messages for people about survivors that the list does not explain, and about outdated entries of the list. */
export function compareSurvivors(
  found: readonly Survivor[],
  explained: readonly ExplainedSurvivor[],
): string[] {
  const unexplained = found.filter((one) => !explained.some((other) => isSame(one, other)));
  const outdated = explained.filter((one) => !found.some((other) => isSame(one, other)));
  return [
    ...unexplained.map((one) => `no test detects this mutant; add a test, or explain it: ${format(one)}`),
    ...outdated.map((one) => `no such mutant survives; remove its explanation: ${format(one)}`),
  ];
}

function textOf(source: string, { location: { start, end }, replacement = "" }: Mutant) {
  const lines = source.split("\n").slice(start.line - 1, end.line);
  const before = lines[0]?.slice(0, start.column - 1) ?? "";
  const after = lines.at(-1)?.slice(end.column - 1) ?? "";
  return { original: trimmed(lines.join("\n")), mutated: trimmed(before + replacement + after) };
}

function trimmed(text: string): string {
  return text
    .split("\n")
    .map((line) => line.trim())
    .join(" ");
}

function isSame(one: Survivor, other: Survivor): boolean {
  return one.file === other.file && one.original === other.original && one.mutated === other.mutated;
}

function format({ file, original, mutated }: Survivor): string {
  return `${file}\n  - ${original}\n  + ${mutated}`;
}
