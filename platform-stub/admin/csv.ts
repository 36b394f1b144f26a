/** Cells of CSV files (RFC 4180) that are opened in spreadsheets. */

import { stringify } from "csv-stringify/sync";

/** Formats rows below a row of column names. Formulas in cells become text. */
export function formatCSV(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map(asText));
  // Quoted cells are not split at the separators of other languages.
  return stringify([[...columns], ...cells], { bom: true, record_delimiter: "windows", quoted: true });
}

/**
 * Matches the beginning of text that a spreadsheet would run as a formula, also after apostrophes. A spreadsheet may split
 * a cell at another separator than the file's.
 */
const FORMULA = /(^|[,;|\t])('*)(?=[=+\-@\t\r])/g;
/** Matches what `asText` made of a formula. */
const MARKED = /(^|[,;|\t])'('*)(?=[=+\-@\t\r])/g;

/** Marks formulas as text with an apostrophe, so that no spreadsheet runs them. */
function asText(value: string): string {
  return value.replace(FORMULA, "$1'$2");
}

/** Returns the text of a cell that `formatCSV` has written. */
export function asWritten(value: string): string {
  return value.replace(MARKED, "$1$2");
}
