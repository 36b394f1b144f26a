import type { PhoneCard } from "../shapes.js";
import { find, type Guard, showMessage, svgElement } from "./dom.js";
import { call } from "./server.js";

/** The dialog that gives a card to a phone: QR code, link and file, and a new secret. It contains them only while it is open. */
export class PhoneDialog {
  readonly #dialog = find("phone", HTMLDialogElement);
  readonly #replacement = find("replacement", HTMLDialogElement);
  readonly #qr = find("phone-qr", HTMLElement);
  readonly #link = find("phone-link", HTMLInputElement);
  readonly #file = find("phone-file", HTMLAnchorElement);
  readonly #answer = find("phone-answer", HTMLOutputElement);
  #tag = "";

  constructor(guard: Guard) {
    const onClick = (id: string, work: () => void) =>
      find(id, HTMLButtonElement).addEventListener("click", work);
    onClick("phone-close", () => this.#dialog.close());
    onClick("phone-replace", () => this.#replacement.showModal());
    onClick("replacement-no", () => this.#replacement.close());
    onClick("replacement-yes", () => {
      this.#replacement.close();
      guard(() => this.#replace());
    });
    this.#dialog.addEventListener("close", () => this.#clear());
  }

  async open(tag: string): Promise<void> {
    this.#tag = tag;
    this.#show(await call<PhoneCard>(this.#path));
    find("phone-title", HTMLElement).textContent = `Card ${tag} for a phone`;
    this.#file.href = `api/card-files/${encodeURIComponent(tag)}`;
    showMessage(this.#answer, "");
    this.#dialog.showModal();
  }

  get #path(): string {
    return `secrets/${encodeURIComponent(this.#tag)}`;
  }

  async #replace(): Promise<void> {
    this.#show(await call<PhoneCard>(this.#path, { method: "PUT" }));
    showMessage(this.#answer, "The card has a new secret. Earlier codes, links and files no longer work.");
  }

  #show({ link, qr }: PhoneCard): void {
    this.#link.value = link;
    const drawing = svgElement("svg", { viewBox: `0 0 ${qr.length} ${qr.length}`, role: "img" });
    drawing.setAttribute("aria-label", "QR code of the link");
    const squares = qr.flatMap((row, y) =>
      [...row].flatMap((module, x) => (module === "1" ? [`M${x} ${y}h1v1h-1z`] : [])),
    );
    drawing.append(svgElement("path", { d: squares.join("") }));
    this.#qr.replaceChildren(drawing);
  }

  #clear(): void {
    this.#link.value = "";
    this.#qr.replaceChildren();
  }
}
