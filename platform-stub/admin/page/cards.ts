import type { Accepts } from "../../entries.js";
import {
  CARDS_PER_PAGE,
  type Card,
  type Cards,
  type ImportedCards,
  type ListedCard,
  type SavedCard,
} from "../shapes.js";
import { button, find, type Guard, List, lines, Pages, showMessage } from "./dom.js";
import { PhoneDialog } from "./phone-dialog.js";
import { call, Refused } from "./server.js";

const PRESENTED_BY: Readonly<Record<Accepts, string>> = {
  static: "number",
  proof: "proof",
  both: "number or proof",
};

/** The section of the cards, with its dialogs. */
export class CardsSection {
  #guard: Guard;
  #pages: Pages;
  #known: Cards = { total: 0, cards: [], owners: [], stations: [] };
  /** Number of the latest request for the list. */
  #latest = 0;
  /** The card in the dialog; `undefined` for a new card. */
  #edited: Card | undefined;
  #search = find("search", HTMLInputElement);
  #list = new List<ListedCard>({
    name: "cards",
    empty: "no cards",
    columns: [
      { title: "Number", content: ({ tag }) => tag },
      { title: "Label", content: ({ label = "" }) => label },
      { title: "Owner", content: ({ owner }) => owner },
      { title: "Stations", content: ({ stations }) => (stations ? stations.join(", ") || "none" : "all") },
      {
        title: "Presented by",
        content: ({ accepts = "static", warning }) =>
          `${PRESENTED_BY[accepts]}${warning === undefined ? "" : "; can be guessed"}`,
        isBad: ({ warning }) => warning !== undefined,
      },
      {
        title: "State",
        content: ({ blocked }) => (blocked ? "blocked" : "good"),
        isBad: ({ blocked }) => blocked === true,
      },
      { title: "Changes", isUnseen: true, content: (card) => this.#buttons(card) },
    ],
  });
  #answer = find("cards-answer", HTMLOutputElement);
  #mistakes = find("mistakes", HTMLUListElement);
  #dialog = find("card", HTMLDialogElement);
  #dialogAnswer = find("card-answer", HTMLOutputElement);
  #tag = find("card-tag", HTMLInputElement);
  #label = find("card-label", HTMLInputElement);
  #owner = find("card-owner", HTMLSelectElement);
  #everywhere = find("card-everywhere", HTMLInputElement);
  #stations = find("card-stations", HTMLElement);
  #blocked = find("card-blocked", HTMLInputElement);
  #limit = find("card-limit", HTMLInputElement);
  #cache = find("card-cache", HTMLInputElement);
  #accepts = find("card-accepts", HTMLSelectElement);
  #warning = find("card-warning", HTMLElement);
  readonly #phone: PhoneDialog;
  #deletion = find("deletion", HTMLDialogElement);

  constructor(guard: Guard) {
    this.#guard = guard;
    this.#phone = new PhoneDialog(guard);
    this.#pages = new Pages({
      name: "cards",
      size: CARDS_PER_PAGE,
      onTurned: () => guard(() => this.load()),
    });
    const on = (id: string, type: string, work: (event: Event) => void) =>
      document.getElementById(id)?.addEventListener(type, work);
    on("search", "input", () => {
      this.#pages.offset = 0;
      guard(() => this.load());
    });
    on("search-form", "submit", (event) => event.preventDefault());
    on("new-card", "click", () => this.#open(undefined));
    on("import-form", "submit", (event) => {
      event.preventDefault();
      guard(() => this.#import());
    });
    on("card-form", "submit", (event) => {
      event.preventDefault();
      guard(() => this.#save());
    });
    on("card-cancel", "click", () => this.#dialog.close());
    on("card-everywhere", "change", () => this.#showStations());
    on("card-owner", "change", () => this.#listStations([]));
    on("deletion-no", "click", () => this.#deletion.close());
    on("deletion-yes", "click", () => guard(() => this.#delete()));
  }

  async load(): Promise<void> {
    const query = new URLSearchParams({ search: this.#search.value, offset: String(this.#pages.offset) });
    this.#latest++;
    const number = this.#latest;
    const known = await call<Cards>(`cards?${query}`);
    // The search has changed meanwhile, and a newer request is on its way.
    if (number !== this.#latest) return;
    this.#known = known;
    const { cards, total } = known;
    this.#pages.show(total, cards.length);
    this.#list.show(cards);
  }

  #buttons({ warning, ...card }: ListedCard): HTMLButtonElement[] {
    const { tag, label, blocked, accepts = "static" } = card;
    const phone = button("Phone", {
      label: `Give ${tag} to a phone`,
      onClick: () => this.#guard(() => this.#phone.open(tag)),
    });
    return [
      ...(accepts === "static" ? [] : [phone]),
      button("Edit", { label: `Edit ${tag}`, onClick: () => this.#open(card, warning) }),
      button(blocked ? "Unblock" : "Block", {
        label: `${blocked ? "Unblock" : "Block"} ${tag}`,
        onClick: () =>
          this.#guard(async () => {
            await this.#put({ ...card, blocked: !blocked });
            await this.load();
          }),
      }),
      button("Delete", {
        label: `Delete ${tag}`,
        onClick: () => {
          this.#edited = card;
          find("deletion-card", HTMLElement).textContent = label ? `${tag}, ${label}` : tag;
          this.#deletion.showModal();
        },
      }),
    ];
  }

  #open(card: Card | undefined, warning = ""): void {
    this.#edited = card;
    const { owners } = this.#known;
    showMessage(this.#dialogAnswer, "");
    find("card-title", HTMLElement).textContent = card ? `Card ${card.tag}` : "New card";
    this.#tag.value = card?.tag ?? "";
    this.#tag.readOnly = card !== undefined;
    this.#label.value = card?.label ?? "";
    this.#owner.replaceChildren(...owners.map((owner) => new Option(owner, owner)));
    this.#owner.value = card?.owner ?? owners[0] ?? "";
    this.#everywhere.checked = card?.stations === undefined;
    this.#listStations(card?.stations ?? []);
    this.#blocked.checked = card?.blocked ?? false;
    this.#limit.value = String(card?.maxCurrent ?? "");
    this.#cache.value = String(card?.cacheFor ?? "");
    this.#accepts.value = card?.accepts ?? "static";
    this.#warning.textContent = warning;
    this.#dialog.showModal();
  }

  /** The owner's, and those that the card is good at already. */
  #listStations(chosen: readonly string[]): void {
    const own = this.#known.stations.filter(({ owner }) => owner === this.#owner.value).map(({ id }) => id);
    const labels = [...new Set([...own, ...chosen])].map((id) => {
      const box = document.createElement("input");
      box.type = "checkbox";
      box.value = id;
      box.checked = chosen.includes(id);
      const label = document.createElement("label");
      label.append(box, ` ${id}`);
      return label;
    });
    this.#stations.replaceChildren(...labels);
    this.#showStations();
  }

  #showStations(): void {
    this.#stations.hidden = this.#everywhere.checked;
  }

  async #save(): Promise<void> {
    const chosen = [...this.#stations.querySelectorAll<HTMLInputElement>("input:checked")];
    const number = ({ value }: HTMLInputElement) => (value === "" ? undefined : Number(value));
    const isNew = this.#edited === undefined;
    const accepts = this.#accepts.value as Accepts;
    const card: Card = {
      tag: this.#tag.value,
      owner: this.#owner.value,
      label: this.#label.value || undefined,
      stations: this.#everywhere.checked ? undefined : chosen.map(({ value }) => value),
      blocked: this.#blocked.checked || undefined,
      maxCurrent: number(this.#limit),
      cacheFor: number(this.#cache),
      accepts: accepts === "static" ? undefined : accepts,
    };
    let tag: string;
    try {
      tag = await this.#put(card, isNew);
    } catch (error) {
      if (!(error instanceof Refused) || error.status === 401) throw error;
      showMessage(this.#dialogAnswer, error.message, true);
      return;
    }
    // Closing returns the focus to the button that opened the dialog, which may be in a row of the list.
    this.#dialog.close();
    await this.load();
    if (isNew && accepts !== "static") await this.#phone.open(tag);
  }

  /** Saves a card and returns its number. The platform makes the number of a card without one. */
  async #put({ tag: given, ...fields }: Card, isNew = false): Promise<string> {
    const body = JSON.stringify(fields);
    const { tag, warning } = await (given === ""
      ? call<SavedCard>("cards", { method: "POST", body })
      : call<SavedCard>(`cards/${encodeURIComponent(given)}`, { method: "PUT", body, isNew }));
    showMessage(this.#answer, `${tag} is saved.`);
    this.#mistakes.replaceChildren(...lines(warning === undefined ? [] : [warning]));
    return tag;
  }

  async #delete(): Promise<void> {
    const tag = this.#edited?.tag ?? "";
    this.#deletion.close();
    await call(`cards/${encodeURIComponent(tag)}`, { method: "DELETE" });
    showMessage(this.#answer, `${tag} is deleted.`);
    await this.load();
  }

  async #import(): Promise<void> {
    const field = find("import", HTMLInputElement);
    const file = field.files?.[0];
    if (!file) return;
    this.#mistakes.replaceChildren();
    try {
      const body = await file.arrayBuffer();
      const { added, changed, warnings } = await call<ImportedCards>("cards.csv", { method: "POST", body });
      showMessage(this.#answer, `${added} cards added, ${changed} changed.`);
      this.#mistakes.replaceChildren(...lines(warnings));
    } catch (error) {
      if (!(error instanceof Refused) || error.status === 401) throw error;
      showMessage(this.#answer, error.message, true);
      this.#mistakes.replaceChildren(...lines(error.mistakes));
    }
    field.value = "";
    await this.load();
  }
}
