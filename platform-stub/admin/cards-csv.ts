/** Import and export of cards as CSV (RFC 4180), compatible with spreadsheets. */

import { CsvError, parse } from "csv-parse/sync";
import { z } from "zod";
import type { CardEntry, TagEntry } from "../entries.js";
import { cardSecret, tagEntry } from "../fields.js";
import { type Known, problemsOf } from "./card-rules.js";
import { asWritten, formatCSV } from "./csv.js";

const EXPORTED = [
  "tag",
  "owner",
  "label",
  "stations",
  "blocked",
  "maxCurrent",
  "cacheFor",
  "accepts",
] as const;
/** An export has no secrets: it is made to be edited and passed on. */
const COLUMNS = [...EXPORTED, "secret"] as const;
type Column = (typeof COLUMNS)[number];

/** "No station" in the column `stations`, where an empty cell means all of the owner's. Device ids have no parentheses. */
const AT_NONE = "(none)";
/** Maximum number of cards in a file beyond the existing number, so that every export can be imported. */
export const MAX_FURTHER_CARDS = 10_000;
/** Maximum number of reported mistakes. */
const MAX_REPORTED = 20;

/** The mistakes of a refused file: a sentence for each, with its line. */
export class CSVError extends Error {
  override readonly name = "CSVError";
  readonly mistakes: readonly string[];

  constructor(mistakes: readonly string[]) {
    super(mistakes[0] ?? "the file has mistakes");
    const rest = mistakes.length - MAX_REPORTED;
    this.mistakes = rest > 0 ? [...mistakes.slice(0, MAX_REPORTED), `and ${rest} more`] : mistakes;
  }
}

/** Formats cards as CSV, without secrets. The byte order mark makes Excel read the file as UTF-8. */
export function formatCards(cards: readonly TagEntry[]): string {
  const rows = cards.map(({ tag, owner, label, stations, blocked, maxCurrent, cacheFor, accepts }) => [
    tag,
    owner,
    label ?? "",
    stations?.length === 0 ? AT_NONE : (stations ?? []).join(" "),
    blocked ? "yes" : "no",
    maxCurrent === undefined ? "" : String(maxCurrent),
    cacheFor === undefined ? "" : String(cacheFor),
    accepts ?? "static",
  ]);
  return formatCSV(EXPORTED, rows);
}

/**
 * Parses cards from CSV. Existing cards keep the fields of missing columns, so that a list of numbers and owners unblocks
 * no card. Throws a CSVError that names every mistake with its line.
 */
export function parseCards(text: string, known: Known): CardEntry[] {
  const [header, ...rows] = recordsOf(text);
  if (!header) throw new CSVError([`line 1: must contain the column names: ${COLUMNS.join(",")}`]);
  const columns = columnsOf(header.cells);
  const maxRows = known.cards + MAX_FURTHER_CARDS;
  if (rows.length > maxRows) throw new CSVError([`a file may have at most ${maxRows} cards`]);
  const mistakes: string[] = [];
  const cards = new Map<string, CardEntry>();
  for (const { line, cells } of rows) {
    const report = (what: string) => mistakes.push(`line ${line}: ${what}`);
    const fields = new Map(columns.map((column, i) => [column, asWritten(cells[i] ?? "")]));
    const result = rowSchema.safeParse(Object.fromEntries(fields));
    if (!result.success) {
      for (const { path, message } of result.error.issues) report(`${path.join(".")}: ${message}`);
      continue;
    }
    const { tag } = result.data;
    const kept = Object.entries(known.card(tag) ?? {}).filter(([name]) => !fields.has(name as Column));
    const card: CardEntry = { ...result.data, ...Object.fromEntries(kept) };
    for (const problem of problemsOf(card, known)) report(problem);
    if (cards.has(tag)) report("tag: appears twice in the file");
    cards.set(tag, card);
  }
  if (mistakes.length > 0) throw new CSVError(mistakes);
  return [...cards.values()];
}

interface Record_ {
  readonly line: number;
  readonly cells: readonly string[];
}

/** Splits CSV into records. Throws for wrong quoting or a wrong number of cells; skips blank lines. */
function recordsOf(text: string): Record_[] {
  try {
    const records = parse(text, { bom: true, info: true, skip_empty_lines: true, relax_column_count: false });
    return (records as unknown as { record: string[]; info: { lines: number } }[]).map(
      ({ record, info }) => ({
        line: info.lines,
        cells: record,
      }),
    );
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const { code, lines } = error as CsvError & { lines?: number };
    throw new CSVError([`line ${lines ?? "?"}: ${SENTENCES[code] ?? "is not valid CSV"}`]);
  }
}

const SENTENCES: Readonly<Record<string, string>> = {
  CSV_RECORD_INCONSISTENT_FIELDS_LENGTH: "has more or fewer cells than line 1; cells are separated by commas",
  CSV_QUOTE_NOT_CLOSED: "a quotation mark is not closed",
  INVALID_OPENING_QUOTE: "a quotation mark is inside an unquoted cell",
  CSV_INVALID_CLOSING_QUOTE: "a closing quotation mark is followed by other text",
};

function columnsOf(header: readonly string[]): Column[] {
  const columns = header.map((name) => COLUMNS.find((column) => column === name));
  const isWhole = columns.includes("tag") && columns.includes("owner");
  if (columns.includes(undefined) || !isWhole || new Set(columns).size !== columns.length) {
    throw new CSVError([
      `line 1: must contain column names from ${COLUMNS.join(",")}; tag and owner are required`,
    ]);
  }
  return columns as Column[];
}

/** The text of a cell; `undefined` for a missing or empty cell. */
const optional = (text: string | undefined) => text || undefined;
const number = (text: string | undefined) =>
  text ? (/^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN) : undefined;
const cell = z.string().optional();
const rowSchema = z
  .strictObject({
    tag: tagEntry.shape.tag,
    owner: tagEntry.shape.owner,
    label: cell.transform(optional).pipe(tagEntry.shape.label),
    stations: cell
      .transform((text) => (text === AT_NONE ? [] : optional(text)?.split(/ +/)))
      .pipe(tagEntry.shape.stations),
    blocked: z.enum(["yes", "no", ""], { error: "must be yes or no" }).optional(),
    maxCurrent: cell.transform(number).pipe(tagEntry.shape.maxCurrent),
    cacheFor: cell.transform(number).pipe(tagEntry.shape.cacheFor),
    accepts: z.enum(["static", "proof", "both", ""], { error: "must be static, proof or both" }).optional(),
    secret: cell.transform(optional).pipe(cardSecret.optional()),
  })
  .transform(
    ({ blocked, accepts, ...card }): CardEntry => ({
      ...card,
      blocked: blocked === "yes" || undefined,
      accepts: accepts === "proof" || accepts === "both" ? accepts : undefined,
    }),
  );
