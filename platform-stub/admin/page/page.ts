/** The admin page. It shows one section at a time after login, and refreshes it. */

import { CardsSection } from "./cards.js";
import { find, showMessage } from "./dom.js";
import { RequestsSection, SessionsSection, StationsSection } from "./lists.js";
import { call, Refused } from "./server.js";

/** Refresh interval of a live section, ms. The cards are reloaded only after a change. */
const LIVE_MS = 2000;

const nav = find("nav", HTMLElement);
const login = find("login", HTMLElement);
const trouble = find("trouble", HTMLElement);
const password = find("password", HTMLInputElement);
const loginAnswer = find("login-answer", HTMLOutputElement);

const guard = (work: () => Promise<void>) => void guarded(work);
const cards = new CardsSection(guard);
const stations = new StationsSection(guard);
const sessions = new SessionsSection(() => guard(() => sessions.load()));
const requests = new RequestsSection();

interface Section {
  readonly element: HTMLElement;
  readonly load: () => Promise<void>;
  readonly isLive: boolean;
}

const sections: Readonly<Record<string, Section>> = {
  cards: { element: find("cards", HTMLElement), load: () => cards.load(), isLive: false },
  stations: { element: find("stations", HTMLElement), load: () => stations.load(), isLive: true },
  sessions: { element: find("sessions", HTMLElement), load: () => sessions.load(), isLive: true },
  requests: { element: find("requests", HTMLElement), load: () => requests.load(), isLive: true },
};
const first = "cards";
let shown: string | undefined;
/** A refresh is under way. */
let isRefreshing = false;

addEventListener("hashchange", () => show());
find("logout", HTMLButtonElement).addEventListener("click", () =>
  guard(async () => {
    await call("logout", { method: "POST" });
    askForPassword("You are logged out.");
  }),
);
find("login-form", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  guard(logIn);
});
// Makes a table that is wider than the screen scrollable by keyboard.
for (const wide of document.querySelectorAll<HTMLElement>(".wide")) wide.tabIndex = 0;
setInterval(() => {
  const section = shown === undefined ? undefined : sections[shown];
  if (!section?.isLive || document.hidden || isRefreshing) return;
  isRefreshing = true;
  guard(() =>
    section.load().finally(() => {
      isRefreshing = false;
    }),
  );
}, LIVE_MS);
show();

function show(): void {
  const wanted = location.hash.slice(1);
  const name = Object.hasOwn(sections, wanted) ? wanted : first;
  guard(async () => {
    await sections[name]?.load();
    shown = name;
    login.hidden = true;
    nav.hidden = false;
    setTitle(name);
    for (const [other, { element }] of Object.entries(sections)) element.hidden = other !== name;
    for (const link of nav.querySelectorAll("a")) {
      link.ariaCurrent = link.hash === `#${name}` ? "page" : null;
    }
  });
}

/** Sets the title of the browser's tab to the heading of a section. */
function setTitle(section: string): void {
  document.title = `${find(`${section}-title`, HTMLHeadingElement).textContent} - PlugPass platform`;
}

/** Runs work and displays its failure. Asks for the password when the login has expired. */
async function guarded(work: () => Promise<void>): Promise<void> {
  try {
    await work();
    showMessage(trouble, "");
  } catch (error) {
    if (error instanceof Refused && error.status === 401) askForPassword("");
    else if (error instanceof Refused) showMessage(trouble, error.message);
    else showMessage(trouble, "The platform does not answer.");
  }
}

function askForPassword(answer: string): void {
  shown = undefined;
  setTitle("login");
  nav.hidden = true;
  for (const { element } of Object.values(sections)) element.hidden = true;
  for (const list of document.querySelectorAll("tbody, main ul, #chart")) list.replaceChildren();
  for (const dialog of document.querySelectorAll("dialog")) dialog.close();
  if (login.hidden) {
    login.hidden = false;
    password.focus();
  }
  showMessage(loginAnswer, answer);
}

async function logIn(): Promise<void> {
  try {
    await call("login", { method: "POST", body: password.value });
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    showMessage(loginAnswer, error.message, true);
    password.select();
    return;
  }
  password.value = "";
  show();
}
