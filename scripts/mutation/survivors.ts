/** Compares the mutants that survived with the list of those that no test can kill. */

/** The part of Stryker's JSON report that is read here (mutation-testing-report-schema). */
export interface MutationReport {
  readonly files: Readonly<Record<string, { readonly source: string; readonly mutants: readonly Mutant[] }>>;
}

interface Position {
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
}

interface Mutant {
  readonly status: string;
  readonly replacement?: string;
  readonly location: { readonly start: Position; readonly end: Position };
}

/** A mutant that no test can kill, found again by its text: line numbers move. */
export interface Survivor {
  readonly file: string;
  /** The lines as they are, without the white space around each. */
  readonly original: string;
  /** The same lines with the mutant in them. */
  readonly mutated: string;
}

export interface ExplainedSurvivor extends Survivor {
  /** The reason that no test can kill it. */
  readonly why: string;
}

const NOTICED = new Set(["Killed", "Timeout", "CompileError", "Ignored"]);

/** The mutants that no test has noticed, those that no test reaches among them. */
export function survivorsOf({ files }: MutationReport): Survivor[] {
  return Object.entries(files).flatMap(([file, { source, mutants }]) =>
    mutants
      .filter(({ status }) => !NOTICED.has(status))
      .map((mutant) => ({ file, ...textOf(source, mutant) })),
  );
}

/** Lines for people: the survivors that the list does not explain, and the entries of the list that are out of date. */
export function compareSurvivors(
  found: readonly Survivor[],
  explained: readonly ExplainedSurvivor[],
): string[] {
  const unexplained = found.filter((one) => !explained.some((other) => isSame(one, other)));
  const outdated = explained.filter((one) => !found.some((other) => isSame(one, other)));
  return [
    ...unexplained.map((one) => `no test notices this mutant; add a test, or explain it: ${format(one)}`),
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
