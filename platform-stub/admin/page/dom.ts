/** Helpers for the DOM. They insert values from the network only as text, never as markup. */

/** Returns an element of the page by id. Throws when the page has no such element of that kind. */
export function find<T extends Element>(id: string, kind: new () => T): T {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new Error(`the page has no ${id}`);
  return element;
}

/** Runs work and displays its failure on the page. */
export type Guard = (work: () => Promise<void>) => void;

export interface CellOptions {
  readonly isNumber?: boolean;
  readonly isBad?: boolean;
  /** The cell is the header of its row. */
  readonly isHeader?: boolean;
}

export function cell(content: string | readonly Node[], options: CellOptions = {}): HTMLTableCellElement {
  const element = document.createElement(options.isHeader ? "th" : "td");
  if (options.isHeader) element.scope = "row";
  if (options.isNumber) element.classList.add("number");
  if (options.isBad) element.classList.add("bad");
  if (typeof content === "string") element.textContent = content;
  else element.append(...content);
  return element;
}

export function row(...cells: readonly HTMLTableCellElement[]): HTMLTableRowElement {
  const element = document.createElement("tr");
  element.append(...cells);
  return element;
}

/**
 * Replaces the rows of a table and keeps the keyboard focus. A focused button is replaced by the same button of the same
 * row, or, when the row is gone, of the row at its position.
 */
export function replaceRows(list: HTMLTableSectionElement, rows: readonly HTMLTableRowElement[]): void {
  const held = document.activeElement;
  const before = list.contains(held) ? held?.closest("tr") : undefined;
  const buttons: (Element | null)[] = [...(before?.querySelectorAll("button") ?? [])];
  const place = Math.min(before?.sectionRowIndex ?? 0, rows.length - 1);
  list.replaceChildren(...rows);
  if (!before) return;
  const nameOf = (one: HTMLTableRowElement) => one.cells[0]?.textContent;
  const after = rows.find((one) => nameOf(one) === nameOf(before)) ?? rows[place];
  const target =
    after?.querySelectorAll("button")[buttons.indexOf(held)] ?? list.closest<HTMLElement>(".wide");
  target?.focus();
}

/** A row of an empty list, with a text across all columns. */
export function emptyRow(text: string, columns: number): HTMLTableRowElement {
  const only = cell(text);
  only.colSpan = columns;
  return row(only);
}

export function button(text: string, options: { label: string; onClick: () => void }): HTMLButtonElement {
  const element = document.createElement("button");
  element.type = "button";
  element.className = "soft";
  element.textContent = text;
  element.ariaLabel = options.label;
  element.addEventListener("click", options.onClick);
  return element;
}

/** List items with the given texts. */
export function lines(texts: readonly string[]): HTMLLIElement[] {
  return texts.map((text) => {
    const element = document.createElement("li");
    element.textContent = text;
    return element;
  });
}

/** Displays a message. */
export function showMessage(output: HTMLElement, text: string, isBad = false): void {
  output.textContent = text;
  output.classList.toggle("bad", isBad);
}

/** Two buttons that turn the pages of a list, with the position between them. */
export class Pages {
  offset = 0;
  readonly #back: HTMLButtonElement;
  readonly #on: HTMLButtonElement;
  readonly #count: HTMLElement;
  readonly #size: number;

  constructor(options: { name: string; size: number; onTurned: () => void }) {
    this.#size = options.size;
    this.#back = find(`${options.name}-back`, HTMLButtonElement);
    this.#on = find(`${options.name}-on`, HTMLButtonElement);
    this.#count = find(`${options.name}-count`, HTMLElement);
    const turn = (by: number) => {
      this.offset = Math.max(0, this.offset + by);
      options.onTurned();
    };
    this.#back.addEventListener("click", () => turn(-this.#size));
    this.#on.addEventListener("click", () => turn(this.#size));
  }

  show(total: number, shown: number): void {
    this.#back.disabled = this.offset === 0;
    this.#on.disabled = this.offset + shown >= total;
    this.#count.textContent = shown === 0 ? "none" : `${this.offset + 1}-${this.offset + shown} of ${total}`;
  }
}
