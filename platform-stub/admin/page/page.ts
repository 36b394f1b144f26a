/** The admin page: who is logged in sees one section at a time, which is kept up to date. */

import { CardsSection } from "./cards.js";
import { find, tell } from "./dom.js";
import { loadRequests, SessionsSection, StationsSection } from "./lists.js";
import { call, Refused } from "./server.js";

/** How often what is shown is asked for again; cards only when something is done to them. */
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

interface Section {
  readonly element: HTMLElement;
  readonly load: () => Promise<void>;
  readonly isLive: boolean;
}

const sections: Readonly<Record<string, Section>> = {
  cards: { element: find("cards", HTMLElement), load: () => cards.load(), isLive: false },
  stations: { element: find("stations", HTMLElement), load: () => stations.load(), isLive: true },
  sessions: { element: find("sessions", HTMLElement), load: () => sessions.load(), isLive: true },
  requests: { element: find("requests", HTMLElement), load: loadRequests, isLive: true },
};
const first = "cards";
let shown: string | undefined;
/** What is kept up to date has been asked for, and has not come yet. */
let isAsking = false;

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
// A table that is wider than the screen is scrolled by keyboard too.
for (const wide of document.querySelectorAll<HTMLElement>(".wide")) wide.tabIndex = 0;
setInterval(() => {
  const section = shown === undefined ? undefined : sections[shown];
  if (!section?.isLive || document.hidden || isAsking) return;
  isAsking = true;
  guard(() =>
    section.load().finally(() => {
      isAsking = false;
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
    nameAs(name);
    for (const [other, { element }] of Object.entries(sections)) element.hidden = other !== name;
    for (const link of nav.querySelectorAll("a")) {
      link.ariaCurrent = link.hash === `#${name}` ? "page" : null;
    }
  });
}

/** The browser's tab and history say which section it is, by its heading. */
function nameAs(section: string): void {
  document.title = `${find(`${section}-title`, HTMLHeadingElement).textContent} - PlugPass platform`;
}

/** What fails is said; who is not logged in any more is asked for the password. */
async function guarded(work: () => Promise<void>): Promise<void> {
  try {
    await work();
    tell(trouble, "");
  } catch (error) {
    if (error instanceof Refused && error.status === 401) askForPassword("");
    else if (error instanceof Refused) tell(trouble, error.message);
    else tell(trouble, "The platform does not answer.");
  }
}

function askForPassword(answer: string): void {
  shown = undefined;
  nameAs("login");
  nav.hidden = true;
  for (const { element } of Object.values(sections)) element.hidden = true;
  for (const list of document.querySelectorAll("tbody, main ul, #chart")) list.replaceChildren();
  for (const dialog of document.querySelectorAll("dialog")) dialog.close();
  if (login.hidden) {
    login.hidden = false;
    password.focus();
  }
  tell(loginAnswer, answer);
}

async function logIn(): Promise<void> {
  try {
    await call("login", { method: "POST", body: password.value });
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    tell(loginAnswer, error.message, true);
    password.select();
    return;
  }
  password.value = "";
  show();
}
