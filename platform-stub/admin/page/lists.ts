/** The sections of stations, sessions and requests. */

import { hasCard } from "../../methods.js";
import {
  type Acceptance,
  type Energy,
  type Exchange,
  type Requests,
  SESSIONS_PER_PAGE,
  type Session,
  type Sessions,
  type Station,
  type Stations,
} from "../shapes.js";
import { chart, kWh } from "./chart.js";
import { button, type Column, find, type Guard, List, lines, Pages, showMessage } from "./dom.js";
import { call, Refused } from "./server.js";

const CHART_DAYS = 14;

/** Display texts of Homie's `$state`. */
const CONNECTIONS: Readonly<Record<string, string>> = {
  init: "connecting",
  ready: "online",
  disconnected: "off",
  sleeping: "asleep",
  lost: "lost",
  alert: "alert",
};

const STATION_COLUMNS: readonly Column<Station>[] = [
  { title: "Station", content: ({ id }) => id },
  { title: "Name", content: ({ values }) => values.$name ?? "" },
  { title: "Owner", content: ({ owner }) => owner },
  {
    title: "Connection",
    content: ({ values: { $state } }) =>
      $state === undefined ? "never seen" : (CONNECTIONS[$state] ?? $state),
    isBad: ({ values: { $state } }) => $state === "lost" || $state === "alert",
  },
  {
    title: "Status",
    content: (station) => shownValue(station, "charger/status"),
    isBad: (station) => shownValue(station, "charger/status") === "faulted",
  },
  {
    title: "Latest fault",
    content: (station) => shownValue(station, "charger/last-error").replace(/^none$/, ""),
  },
  measured("Power", "charger/power", "W"),
  measured("Energy", "charger/energy", "Wh"),
  measured("Limit", "charger/current-limit", "A"),
  measured("Signal", "$telemetry/signal", "%"),
  {
    title: "Firmware",
    content: ({ values }) => [values["$fw/name"], values["$fw/version"]].filter(Boolean).join(" "),
  },
  {
    title: "Last message",
    isNumber: true,
    content: ({ lastMessageS }) => (lastMessageS === null ? "" : `${lastMessageS} s ago`),
  },
];

/** Returns the value of a property with its unit. Empty while the station is not online. */
function shownValue({ values }: Station, path: string, unit?: string): string {
  const value = values.$state === "ready" ? values[path] : undefined;
  return value && unit ? `${value} ${unit}` : (value ?? "");
}

function measured(title: string, path: string, unit: string): Column<Station> {
  return { title, isNumber: true, content: (station) => shownValue(station, path, unit) };
}

const SESSION_COLUMNS: readonly Column<Session>[] = [
  {
    title: "Start",
    content: ({ start, accepted }) =>
      start === null ? `unknown; reported ${moment(accepted)}` : moment(start),
  },
  { title: "Station", content: ({ device }) => device },
  { title: "Card", content: ({ method, tagEnd }) => (hasCard(method) ? `…${tagEnd}` : "none") },
  { title: "Method", content: ({ method }) => method },
  { title: "Duration", isNumber: true, content: ({ seconds }) => duration(seconds) },
  { title: "Energy", isNumber: true, content: ({ energyWh }) => `${kWh(energyWh)} kWh` },
  {
    title: "End",
    content: ({ why, doubts }) => [why, ...doubts].join("; "),
    isBad: ({ doubts }) => doubts.length > 0,
  },
];

const EXCHANGE_COLUMNS: readonly Column<Exchange>[] = [
  { title: "Time", content: ({ atMs }) => clock(atMs) },
  { title: "Station", content: ({ device }) => device },
  { title: "Endpoint", content: ({ endpoint }) => endpoint },
  { title: "Request", content: ({ asked }) => fields(asked) },
  { title: "Code", content: ({ code }) => code, isBad: ({ code }) => !code.startsWith("2") },
  { title: "Answer", content: ({ answered }) => fields(answered) },
];

/** The section of the stations and of the accepted transfers. */
export class StationsSection {
  #guard: Guard;
  #stations = new List<Station>({
    name: "stations",
    empty: "no stations",
    columns: [
      ...STATION_COLUMNS,
      {
        title: "Diagnostics",
        isUnseen: true,
        content: ({ id, isRotating }) => [
          this.#traceButton(id),
          isRotating ? document.createTextNode("new key offered") : this.#newKeyButton(id),
        ],
      },
    ],
  });
  #expected = new List<Acceptance>({
    name: "expected",
    empty: "no accepted transfers",
    columns: [
      { title: "New owner", content: ({ owner }) => owner },
      { title: "Station", content: ({ device }) => device },
      { title: "Remaining", isNumber: true, content: ({ forS }) => duration(forS) },
      { title: "Changes", isUnseen: true, content: ({ owner }) => [this.#withdrawButton(owner)] },
    ],
  });
  #owner = find("expect-owner", HTMLSelectElement);
  #device = find("expect-device", HTMLInputElement);
  #answer = find("expect-answer", HTMLOutputElement);

  constructor(guard: Guard) {
    this.#guard = guard;
    find("expect-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      guard(() => this.#accept());
    });
  }

  async load(): Promise<void> {
    const { isConnected, stations, owners, expected } = await call<Stations>("stations");
    const note = isConnected
      ? ""
      : "The platform is not connected to its broker; the stations' status is unknown.";
    showMessage(find("stations-note", HTMLElement), note, !isConnected);
    this.#stations.show(stations);
    this.#expected.show(expected);
    // Replacing the options would close a list that the user has open.
    if (owners.join("\n") === [...this.#owner.options].map(({ value }) => value).join("\n")) return;
    this.#owner.replaceChildren(...owners.map((owner) => new Option(owner, owner)));
  }

  #traceButton(id: string): HTMLButtonElement {
    return button("Trace", {
      label: `Ask ${id} for its trace`,
      onClick: () =>
        this.#guard(async () => {
          await call(`diagnostics/${encodeURIComponent(id)}`, { method: "PUT" });
          location.hash = "requests";
        }),
    });
  }

  #newKeyButton(id: string): HTMLButtonElement {
    return button("New key", {
      label: `New key for ${id}`,
      onClick: () =>
        this.#guard(async () => {
          await call(`rotate-key/${encodeURIComponent(id)}`, { method: "PUT" });
          await this.load();
        }),
    });
  }

  #withdrawButton(owner: string): HTMLButtonElement {
    return button("Withdraw", {
      label: `Withdraw acceptance of ${owner}`,
      onClick: () => this.#guard(() => this.#withdraw(owner)),
    });
  }

  async #accept(): Promise<void> {
    const owner = this.#owner.value;
    const device = this.#device.value;
    try {
      await call(pathOf(owner), { method: "PUT", body: JSON.stringify({ device }) });
    } catch (error) {
      if (!(error instanceof Refused) || error.status === 401) throw error;
      showMessage(this.#answer, error.message, true);
      return;
    }
    this.#device.value = "";
    showMessage(this.#answer, `${owner} accepts ${device}.`);
    await this.load();
  }

  async #withdraw(owner: string): Promise<void> {
    await call(pathOf(owner), { method: "DELETE" });
    showMessage(this.#answer, `${owner} accepts no station.`);
    await this.load();
  }
}

function pathOf(owner: string): string {
  return `expected/${encodeURIComponent(owner)}`;
}

/** The section of the sessions and their chart. */
export class SessionsSection {
  #pages: Pages;
  #list = new List<Session>({ name: "sessions", empty: "no sessions yet", columns: SESSION_COLUMNS });

  constructor(onTurned: () => void) {
    this.#pages = new Pages({ name: "sessions", size: SESSIONS_PER_PAGE, onTurned });
  }

  async load(): Promise<void> {
    const edges = dayEdges(CHART_DAYS);
    const [{ total, sessions }, { wh }] = await Promise.all([
      call<Sessions>(`sessions?offset=${this.#pages.offset}`),
      call<Energy>(`energy?edges=${edges.map((edge) => edge.getTime() / 1000).join()}`),
    ]);
    const days = wh.map((energy, i) => ({ name: dayName(edges[i] ?? new Date()), wh: energy }));
    find("chart", HTMLElement).replaceChildren(chart(days));
    this.#pages.show(total, sessions.length);
    this.#list.show(sessions);
  }
}

/** The section of the latest requests and answers. */
export class RequestsSection {
  #list = new List<Exchange>({ name: "requests", empty: "no requests yet", columns: EXCHANGE_COLUMNS });

  async load(): Promise<void> {
    const { exchanges, ignored } = await call<Requests>("requests");
    this.#list.show(exchanges);
    const texts = ignored.map(({ atMs, why }) => `${clock(atMs)}: ${why}`);
    find("ignored", HTMLUListElement).replaceChildren(...lines(texts.length === 0 ? ["none"] : texts));
  }
}

function fields(list: Readonly<Record<string, string>>): string {
  return Object.entries(list)
    .map(([name, value]) => `${name}: ${value}`)
    .join(", ");
}

/** Starts of the last days and the end of the last one, in local time. Clock changes make days of different lengths. */
function dayEdges(days: number): Date[] {
  const now = new Date();
  return Array.from(
    { length: days + 1 },
    (_, i) => new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1 - days + i),
  );
}

function dayName(day: Date): string {
  return day.toLocaleDateString(undefined, { day: "numeric", month: "short" });
}

function moment(seconds: number): string {
  return new Date(seconds * 1000).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

function clock(milliseconds: number): string {
  return new Date(milliseconds).toLocaleTimeString();
}

function duration(seconds: number): string {
  const minutes = Math.round(seconds / 60);
  if (minutes === 0) return `${seconds} s`;
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
