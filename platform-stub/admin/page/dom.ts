/** Helpers for the DOM. They insert values from the network only as text, never as markup. */

/** Returns an element of the page by id. Throws when the page has no such element of that kind. */
export function find<T extends Element>(id: string, kind: new () => T): T {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new Error(`the page has no ${id}`);
  return element;
}

/** Runs work and displays its failure on the page. */
export type Guard = (work: () => Promise<void>) => void;

/** A column of a list. The cells of the first column are the headers of their rows. */
export interface Column<Entry> {
  readonly title: string;
  /** Aligns the column to the right. */
  readonly isNumber?: boolean;
  /** Hides the title from the eye, but not from a screen reader. */
  readonly isUnseen?: boolean;
  readonly content: (entry: Entry) => string | readonly Node[];
  readonly isBad?: (entry: Entry) => boolean;
}

/** A table with one row for each entry. The page has the table's place with the id `<name>-list`. */
export class List<Entry> {
  readonly #columns: readonly Column<Entry>[];
  readonly #empty: string;
  readonly #rows = document.createElement("tbody");

  /** @param empty text of a list without entries */
  constructor(options: { name: string; empty: string; columns: readonly Column<Entry>[] }) {
    this.#columns = options.columns;
    this.#empty = options.empty;
    this.#rows.id = `${options.name}-rows`;
    const head = document.createElement("thead");
    head.append(rowOf(options.columns.map(titleCell)));
    const table = document.createElement("table");
    table.append(head, this.#rows);
    find(`${options.name}-list`, HTMLElement).append(table);
  }

  /**
   * Replaces the rows and keeps the keyboard focus. A focused button is replaced by the same button of the same row, or,
   * when the row is gone, of the row at its position.
   */
  show(entries: readonly Entry[]): void {
    const rows = entries.length === 0 ? [this.#emptyRow()] : entries.map((entry) => this.#row(entry));
    const held = document.activeElement;
    const before = this.#rows.contains(held) ? held?.closest("tr") : undefined;
    const buttons: (Element | null)[] = [...(before?.querySelectorAll("button") ?? [])];
    const place = Math.min(before?.sectionRowIndex ?? 0, rows.length - 1);
    this.#rows.replaceChildren(...rows);
    if (!before) return;
    const nameOf = (one: HTMLTableRowElement) => one.cells[0]?.textContent;
    const after = rows.find((one) => nameOf(one) === nameOf(before)) ?? rows[place];
    const target =
      after?.querySelectorAll("button")[buttons.indexOf(held)] ?? this.#rows.closest<HTMLElement>(".wide");
    target?.focus();
  }

  #row(entry: Entry): HTMLTableRowElement {
    return rowOf(
      this.#columns.map(({ content, isNumber, isBad }, i) => {
        const cell = i === 0 ? headerCell("row") : document.createElement("td");
        if (isNumber) cell.classList.add("number");
        if (isBad?.(entry)) cell.classList.add("bad");
        const shown = content(entry);
        if (typeof shown === "string") cell.textContent = shown;
        else cell.append(...shown);
        return cell;
      }),
    );
  }

  #emptyRow(): HTMLTableRowElement {
    const cell = document.createElement("td");
    cell.textContent = this.#empty;
    cell.colSpan = this.#columns.length;
    return rowOf([cell]);
  }
}

function titleCell({ title, isNumber, isUnseen }: Column<never>): HTMLTableCellElement {
  const text = document.createElement("span");
  text.textContent = title;
  if (isUnseen) text.className = "unseen";
  const cell = headerCell("col");
  if (isNumber) cell.classList.add("number");
  cell.append(text);
  return cell;
}

function headerCell(scope: "row" | "col"): HTMLTableCellElement {
  const cell = document.createElement("th");
  cell.scope = scope;
  return cell;
}

function rowOf(cells: readonly HTMLTableCellElement[]): HTMLTableRowElement {
  const row = document.createElement("tr");
  row.append(...cells);
  return row;
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

/** Makes an element of a drawing. */
export function svgElement<K extends keyof SVGElementTagNameMap>(
  kind: K,
  attributes: Readonly<Record<string, string | number>>,
): SVGElementTagNameMap[K] {
  const made = document.createElementNS("http://www.w3.org/2000/svg", kind);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  return made;
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
