/** The sections that only show: stations, sessions, requests. */

import { hasCard } from "../../methods.js";
import {
  type Energy,
  type Requests,
  SESSIONS_PER_PAGE,
  type Sessions,
  type Station,
  type Stations,
} from "../shapes.js";
import { chart, kWh } from "./chart.js";
import { cell, emptyRow, find, lines, Pages, row, tell } from "./dom.js";
import { call } from "./server.js";

const CHART_DAYS = 14;

export async function loadStations(): Promise<void> {
  const { isConnected, stations } = await call<Stations>("stations");
  const note = isConnected ? "" : "The platform has lost its broker: what stations do is not known.";
  tell(find("stations-note", HTMLElement), note, !isConnected);
  const rows = stations.length === 0 ? [emptyRow("no stations", 11)] : stations.map(stationRow);
  find("stations-rows", HTMLTableSectionElement).replaceChildren(...rows);
}

/** `$state` of the Homie tree, in words for people. */
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
    cell(of("charger/power", " W"), { isNumber: true }),
    cell(of("charger/energy", " Wh"), { isNumber: true }),
    cell(of("charger/current-limit", " A"), { isNumber: true }),
    cell(of("$telemetry/signal", " %"), { isNumber: true }),
    cell([values["$fw/name"], values["$fw/version"]].filter(Boolean).join(" ")),
    cell(heardS === null ? "" : `${heardS} s ago`, { isNumber: true }),
  );
}

/** The sessions and their chart. */
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
    const rows = sessions.map(({ start, accepted, device, tagEnd, method, seconds, energyWh, why }) =>
      row(
        cell(start === null ? `unknown; reported ${moment(accepted)}` : moment(start), { isHeader: true }),
        cell(device),
        cell(hasCard(method) ? `…${tagEnd}` : "none"),
        cell(method),
        cell(duration(seconds), { isNumber: true }),
        cell(`${kWh(energyWh)} kWh`, { isNumber: true }),
        cell(why),
      ),
    );
    const list = find("sessions-rows", HTMLTableSectionElement);
    list.replaceChildren(...(rows.length === 0 ? [emptyRow("no sessions yet", 7)] : rows));
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
  list.replaceChildren(...(rows.length === 0 ? [emptyRow("no requests yet", 6)] : rows));
  const texts = ignored.map(({ atMs, why }) => `${clock(atMs)}: ${why}`);
  find("ignored", HTMLUListElement).replaceChildren(...lines(texts.length === 0 ? ["none"] : texts));
}

function fields(list: Readonly<Record<string, string>>): string {
  return Object.entries(list)
    .map(([name, value]) => `${name}: ${value}`)
    .join(", ");
}

/** Where the last days begin here, and the last one ends: summer time makes them of different lengths. */
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
