/** The sections of stations, sessions and requests. */

import { hasCard } from "../../methods.js";
import {
  type Acceptance,
  type Energy,
  type Requests,
  SESSIONS_PER_PAGE,
  type Sessions,
  type Station,
  type Stations,
} from "../shapes.js";
import { chart, kWh } from "./chart.js";
import {
  button,
  cell,
  emptyRow,
  find,
  type Guard,
  lines,
  Pages,
  replaceRows,
  row,
  showMessage,
} from "./dom.js";
import { call, Refused } from "./server.js";

const CHART_DAYS = 14;

/** The section of the stations and of the accepted transfers. */
export class StationsSection {
  #guard: Guard;
  #rows = find("stations-rows", HTMLTableSectionElement);
  #expected = find("expected-rows", HTMLTableSectionElement);
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
    replaceRows(this.#rows, stations.length === 0 ? [emptyRow("no stations", 11)] : stations.map(stationRow));
    replaceRows(
      this.#expected,
      expected.length === 0 ? [emptyRow("no accepted transfers", 4)] : expected.map((one) => this.#row(one)),
    );
    // Replacing the options would close a list that the user has open.
    if (owners.join("\n") === [...this.#owner.options].map(({ value }) => value).join("\n")) return;
    this.#owner.replaceChildren(...owners.map((owner) => new Option(owner, owner)));
  }

  #row({ owner, device, forS }: Acceptance): HTMLTableRowElement {
    return row(
      cell(owner, { isHeader: true }),
      cell(device ?? "first to request"),
      cell(duration(forS), { isNumber: true }),
      cell([
        button("Withdraw", {
          label: `Withdraw acceptance of ${owner}`,
          onClick: () => this.#guard(() => this.#withdraw(owner)),
        }),
      ]),
    );
  }

  async #accept(): Promise<void> {
    const owner = this.#owner.value;
    const device = this.#device.value || undefined;
    try {
      await call(pathOf(owner), { method: "PUT", body: JSON.stringify({ device }) });
    } catch (error) {
      if (!(error instanceof Refused) || error.status === 401) throw error;
      showMessage(this.#answer, error.message, true);
      return;
    }
    this.#device.value = "";
    showMessage(this.#answer, `${owner} accepts ${device ?? "a station"}.`);
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

/** Display texts of Homie's `$state`. */
const CONNECTIONS: Readonly<Record<string, string>> = {
  init: "connecting",
  ready: "online",
  disconnected: "off",
  sleeping: "asleep",
  lost: "lost",
  alert: "alert",
};

function stationRow({ id, owner, values, heardS }: Station): HTMLTableRowElement {
  const state = values.$state;
  const isOnline = state === "ready";
  const of = (path: string, unit = "") => (isOnline && values[path] ? `${values[path]}${unit}` : "");
  const connection = state === undefined ? "never seen" : (CONNECTIONS[state] ?? state);
  const status = of("charger/status");
  return row(
    cell(id, { isHeader: true }),
    cell(values.$name ?? ""),
    cell(owner),
    cell(connection, { isBad: state === "lost" || state === "alert" }),
    cell(status, { isBad: status === "faulted" }),
    cell(of("charger/last-error").replace(/^none$/, "")),
    cell(of("charger/power", " W"), { isNumber: true }),
    cell(of("charger/energy", " Wh"), { isNumber: true }),
    cell(of("charger/current-limit", " A"), { isNumber: true }),
    cell(of("$telemetry/signal", " %"), { isNumber: true }),
    cell([values["$fw/name"], values["$fw/version"]].filter(Boolean).join(" ")),
    cell(heardS === null ? "" : `${heardS} s ago`, { isNumber: true }),
  );
}

/** The section of the sessions and their chart. */
export class SessionsSection {
  #pages: Pages;

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
    const rows = sessions.map(({ start, accepted, device, tagEnd, method, seconds, energyWh, why, doubts }) =>
      row(
        cell(start === null ? `unknown; reported ${moment(accepted)}` : moment(start), { isHeader: true }),
        cell(device),
        cell(hasCard(method) ? `…${tagEnd}` : "none"),
        cell(method),
        cell(duration(seconds), { isNumber: true }),
        cell(`${kWh(energyWh)} kWh`, { isNumber: true }),
        cell([why, ...doubts].join("; "), { isBad: doubts.length > 0 }),
      ),
    );
    const list = find("sessions-rows", HTMLTableSectionElement);
    replaceRows(list, rows.length === 0 ? [emptyRow("no sessions yet", 7)] : rows);
  }
}

export async function loadRequests(): Promise<void> {
  const { exchanges, ignored } = await call<Requests>("requests");
  const rows = exchanges.map(({ atMs, device, endpoint, asked, code, answered }) =>
    row(
      cell(clock(atMs), { isHeader: true }),
      cell(device),
      cell(endpoint),
      cell(fields(asked)),
      cell(code, { isBad: !code.startsWith("2") }),
      cell(fields(answered)),
    ),
  );
  const list = find("requests-rows", HTMLTableSectionElement);
  replaceRows(list, rows.length === 0 ? [emptyRow("no requests yet", 6)] : rows);
  const texts = ignored.map(({ atMs, why }) => `${clock(atMs)}: ${why}`);
  find("ignored", HTMLUListElement).replaceChildren(...lines(texts.length === 0 ? ["none"] : texts));
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
