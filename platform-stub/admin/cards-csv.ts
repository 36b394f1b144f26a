/** Cards as CSV (RFC 4180), as spreadsheets write and read it. */

import { CsvError, parse } from "csv-parse/sync";
import { stringify } from "csv-stringify/sync";
import { z } from "zod";
import { tagEntry } from "../fields.js";
import type { TagEntry } from "../registry.js";
import { type Known, problemsOf } from "./card-rules.js";

const COLUMNS = ["tag", "owner", "label", "stations", "blocked", "maxCurrent", "cacheFor"] as const;
type Column = (typeof COLUMNS)[number];

/** In the column `stations`, where an empty cell says: all of the owner's. No device id has parentheses. */
const AT_NONE = "(none)";
/** Cards in a file beyond as many as there are, so that an export is always taken back. */
export const MAX_FURTHER_CARDS = 10_000;
/** Mistakes that are told at a time. */
const MAX_TOLD = 20;

/** Why a file is not taken: a sentence for each mistake, with its line. */
export class CSVError extends Error {
  override readonly name = "CSVError";
  readonly mistakes: readonly string[];

  constructor(mistakes: readonly string[]) {
    super(mistakes[0] ?? "the file has mistakes");
    const rest = mistakes.length - MAX_TOLD;
    this.mistakes = rest > 0 ? [...mistakes.slice(0, MAX_TOLD), `and ${rest} more`] : mistakes;
  }
}

/** With a byte order mark, without which Excel takes UTF-8 for something else. */
export function formatCards(cards: readonly TagEntry[]): string {
  const rows = cards.map(({ tag, owner, label, stations, blocked, maxCurrent, cacheFor }) =>
    [
      tag,
      owner,
      label ?? "",
      stations?.length === 0 ? AT_NONE : (stations ?? []).join(" "),
      blocked ? "yes" : "no",
      maxCurrent === undefined ? "" : String(maxCurrent),
      cacheFor === undefined ? "" : String(cacheFor),
    ].map(asText),
  );
  return stringify([[...COLUMNS], ...rows], { bom: true, record_delimiter: "windows" });
}

/**
 * The cards of a file. A column that the file does not have leaves a card that is there as it is: a list of numbers and
 * owners unblocks nobody. Throws a CSVError that names every mistake with its line.
 */
export function parseCards(text: string, known: Known): TagEntry[] {
  const [header, ...rows] = recordsOf(text);
  if (!header) throw new CSVError([`line 1: must be the names of the columns: ${COLUMNS.join(",")}`]);
  const columns = columnsOf(header.cells);
  const maxRows = known.cards + MAX_FURTHER_CARDS;
  if (rows.length > maxRows) throw new CSVError([`a file has at most ${maxRows} cards`]);
  const mistakes: string[] = [];
  const cards = new Map<string, TagEntry>();
  for (const { line, cells } of rows) {
    const complain = (what: string) => mistakes.push(`line ${line}: ${what}`);
    const fields = new Map(columns.map((column, i) => [column, asWritten(cells[i] ?? "")]));
    const result = rowSchema.safeParse(Object.fromEntries(fields));
    if (!result.success) {
      for (const { path, message } of result.error.issues) complain(`${path.join(".")}: ${message}`);
      continue;
    }
    const card = result.data;
    for (const problem of problemsOf(card, known)) complain(problem);
    if (cards.has(card.tag)) complain("tag: stands in the file twice");
    const kept = Object.entries(known.card(card.tag) ?? {}).filter(([name]) => !fields.has(name as Column));
    cards.set(card.tag, { ...card, ...Object.fromEntries(kept) });
  }
  if (mistakes.length > 0) throw new CSVError(mistakes);
  return [...cards.values()];
}

interface Record_ {
  readonly line: number;
  readonly cells: readonly string[];
}

/** Quoting and the number of cells have to be right. A blank line is no record. */
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
    throw new CSVError([`line ${lines ?? "?"}: ${SENTENCES[code] ?? "is not CSV"}`]);
  }
}

const SENTENCES: Readonly<Record<string, string>> = {
  CSV_RECORD_INCONSISTENT_FIELDS_LENGTH: "has more or fewer cells than line 1; cells are separated by commas",
  CSV_QUOTE_NOT_CLOSED: "a quotation mark is not closed",
  INVALID_OPENING_QUOTE: "a quotation mark stands in the middle of a cell",
  CSV_INVALID_CLOSING_QUOTE: "something stands behind a quotation mark that ends a cell",
};

function columnsOf(header: readonly string[]): Column[] {
  const columns = header.map((name) => COLUMNS.find((column) => column === name));
  const isWhole = columns.includes("tag") && columns.includes("owner");
  if (columns.includes(undefined) || !isWhole || new Set(columns).size !== columns.length) {
    throw new CSVError([
      `line 1: must be names of columns out of ${COLUMNS.join(",")}; tag and owner are needed`,
    ]);
  }
  return columns as Column[];
}

/** A cell that is not there, or empty, is a field that is not there. */
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
  })
  .transform(({ blocked, ...card }): TagEntry => ({ ...card, blocked: blocked === "yes" || undefined }));

/** What a spreadsheet would take for a formula, and what has our own mark already. */
const FORMULA = /^'*[=+\-@\t\r]/;

/** Marked as text, so that no spreadsheet runs it. */
function asText(value: string): string {
  return FORMULA.test(value) ? `'${value}` : value;
}

/** Takes back `asText`: what was exported is imported as it was. */
function asWritten(value: string): string {
  return /^'+[=+\-@\t\r]/.test(value) ? value.slice(1) : value;
}
