/** What a station says of itself, and what its owner may set (docs/protocol.md, section 5). */

import { OFFLINE_POLICIES } from "../../modules/authorization/index.js";
import { MIN_CURRENT_A, STATION_STATUSES, type StationStatus } from "../../modules/charging/index.js";
import { type Property, STATS_INTERVAL_S, type Tree } from "../../modules/telemetry/index.js";
import type { Updates } from "../../modules/updates/index.js";
import type { OptionStore } from "../settings.js";
import { updateProperties } from "../update/updates.js";

export interface TreeOptions {
  readonly options: OptionStore;
  /** What the installation allows, A. */
  readonly maxCurrentA: number;
  readonly firmwareVersion: number;
  readonly status: () => StationStatus;
  /** Under way; `undefined` for none. */
  readonly sessionId: () => string | undefined;
  /** In W, as the vehicle draws it now; `undefined` for a station without a meter. */
  readonly powerW: (() => number) | undefined;
  /** Of the session under way, or the last one, Wh. */
  readonly energyWh: () => number;
  /** Lets the vehicle that waits charge. Gives why not, if not. */
  readonly start: () => string | undefined;
  readonly stop: () => void;
  readonly lastError: () => string | undefined;
  /** What became of the latest card. */
  readonly lastResult: () => string | undefined;
  /** Finished sessions that wait for the platform, and that were given up. */
  readonly sessions: { readonly waiting: number; readonly givenUp: number };
  /** As it was measured last; `undefined` until it is. */
  readonly temperatureC: () => number | undefined;
  readonly listedTags: () => number;
  /** Swiped cards become tags. */
  readonly isLearning: () => boolean;
  readonly setLearning: (isOn: boolean) => void;
  /** In percent; `undefined` on a wire. */
  readonly signalPercent: () => number | undefined;
  readonly uptimeS: () => number;
  /** Free, in bytes. */
  readonly heapBytes: () => number;
  readonly restarts: { readonly count: number; readonly reason: string };
  /** Begins to move to another owner, an e-mail. Gives why not, if not. */
  readonly changeOwner: (owner: string) => string | undefined;
  readonly updates: Updates;
  /** Some option has changed. */
  readonly onOptions: () => void;
}

/** A dashboard shows what there is none of as this: an empty value would delete the property. */
const NONE = "none";
const UPTIME_STEP_S = 60;
const SIGNAL_STEP_PERCENT = 5;
const TEMPERATURE_STEP_C = 5;

export function makeTree(station: TreeOptions): Tree {
  const { options, maxCurrentA, powerW, restarts, sessions, temperatureC } = station;
  const firstC = temperatureC();
  const keep = (change: Parameters<OptionStore["set"]>[0]) => {
    if (!options.set(change)) return "the station cannot store it";
    station.onOptions();
    return undefined;
  };
  const charger: Property[] = [
    {
      id: "status",
      name: "Status",
      datatype: "enum",
      format: STATION_STATUSES.join(","),
      value: station.status,
    },
    text("session", "Session", station.sessionId),
    ...(powerW
      ? [
          number("power", "Power", "W", powerW),
          number("energy", "Energy of the session", "Wh", station.energyWh),
        ]
      : []),
    {
      ...number("current-limit", "Current limit", "A", () => options.now.currentLimitA),
      format: `${MIN_CURRENT_A}:${maxCurrentA}`,
      set: (value) => keep({ currentLimitA: Number(value) }),
    },
    flag(
      "start",
      "Start",
      () => false,
      (isOn) => (isOn ? station.start() : undefined),
    ),
    flag(
      "stop",
      "Stop",
      () => false,
      (isOn) => {
        if (isOn) station.stop();
      },
    ),
    text("last-error", "Last error", station.lastError),
  ];
  const access: Property[] = [
    {
      id: "offline-policy",
      name: "Who may charge without the platform",
      datatype: "enum",
      format: OFFLINE_POLICIES.join(","),
      value: () => options.now.offlinePolicy,
      set: (value) => {
        const offlinePolicy = OFFLINE_POLICIES.find((one) => one === value);
        return keep({ offlinePolicy: offlinePolicy ?? "deny" });
      },
    },
    flag("tag-learning", "Swiped cards become tags", station.isLearning, station.setLearning),
    { ...text("owner", "Hand over to this e-mail", () => undefined), set: station.changeOwner },
    text("last-result", "What became of the latest card", station.lastResult),
    number("tags", "Tags on the local list", undefined, station.listedTags),
  ];
  const uptime = (stepS: number) => number("uptime", "Uptime", "s", () => steps(station.uptimeS(), stepS));
  const version = number("version", "Version", undefined, () => station.firmwareVersion);
  return {
    nodes: [
      { id: "charger", name: "Charger", type: "charger", properties: charger },
      {
        id: "firmware",
        name: "Firmware",
        type: "firmware",
        properties: [version, ...updateProperties(station.updates, options, keep)],
      },
      { id: "access", name: "Access", type: "access", properties: access },
    ],
    options: [
      flag(
        "card-ends",
        "A card ends its session",
        () => options.now.cardEnds,
        (cardEnds) => keep({ cardEnds }),
      ),
      flag(
        "resume",
        "Go on after a power cut",
        () => options.now.resumes,
        (resumes) => keep({ resumes }),
      ),
      flag(
        "free",
        "Charging without a card",
        () => options.now.isFree,
        (isFree) => keep({ isFree }),
      ),
    ],
    telemetry: [
      number("signal", "Signal", "%", () => steps(station.signalPercent() ?? 100, SIGNAL_STEP_PERCENT)),
      uptime(UPTIME_STEP_S),
      number("heap", "Free memory", "B", sampled(station.heapBytes, station.uptimeS)),
      number("restarts", "Restarts", undefined, () => restarts.count),
      text("restart-reason", "Last restart", () => restarts.reason),
      number("waiting", "Sessions that wait for the platform", undefined, () => sessions.waiting),
      number("given-up", "Sessions that were given up", undefined, () => sessions.givenUp),
      // No number says that nobody knows: without a thermometer that measures there is no such property.
      ...(firstC === undefined
        ? []
        : [number("temperature", "Inside", "°C", () => steps(temperatureC() ?? firstC, TEMPERATURE_STEP_C))]),
    ],
    stats: [uptime(STATS_INTERVAL_S)],
  };
}

/** What moves with each message that says so is looked at once a minute. */
function sampled(value: () => number, uptimeS: () => number): () => number {
  let latest = { minute: -1, value: 0 };
  return () => {
    const minute = Math.floor(uptimeS() / UPTIME_STEP_S);
    if (minute !== latest.minute) latest = { minute, value: value() };
    return latest.value;
  };
}

/** What moves a little all the time is not published all the time. */
function steps(value: number, step: number): number {
  return Math.floor(value / step) * step;
}

function text(id: string, name: string, value: () => string | undefined): Property {
  return { id, name, datatype: "string", value: () => value() || NONE };
}

function number(id: string, name: string, unit: string | undefined, value: () => number): Property {
  return { id, name, datatype: "integer", unit, value };
}

/** @param set gives what is wrong, if anything is */
function flag(
  id: string,
  name: string,
  value: () => boolean,
  // biome-ignore lint/suspicious/noConfusingVoidType: who cannot fail says nothing
  set: (isOn: boolean) => string | undefined | void,
): Property {
  return { id, name, datatype: "boolean", value, set: (word) => set(word === "true") ?? undefined };
}
