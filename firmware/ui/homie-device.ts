/**
 * The station as a Homie device: its published properties and the owner's settings (docs/protocol.md, section 5). The
 * table is constant, so that it is preloaded into flash. A new property needs a line here and a field in the snapshot.
 */

import { OFFLINE_POLICIES, STATIC_CARDS } from "../../modules/authorization/index.js";
import {
  isCurrentLimit,
  MAX_CURRENT_A,
  MIN_CURRENT_A,
  STATION_STATUSES,
} from "../../modules/charging/index.js";
import type { MeterValue } from "../../modules/meter/index.js";
import {
  type HomieDevice,
  type Property as HomieProperty,
  STATS_INTERVAL_S,
} from "../../modules/telemetry/index.js";
import { parseTimeOfDay } from "../../modules/updates/index.js";
import { INVALID_LIMIT } from "../charger/current-limit.js";
import type { CommandFailure, StationCommands } from "../commands.js";
import { LEASE_S, MAX_AUTHORIZATION_MIN, PHASE_PAUSE_S, type SettingsFlag } from "../settings.js";
import type { StationSnapshot } from "../snapshot.js";
import { faultText } from "./status.js";

type Property = HomieProperty<StationSnapshot, StationCommands>;

const UPTIME_STEP_S = 60;
const SIGNAL_STEP_PERCENT = 5;
const TEMPERATURE_STEP_C = 5;
const VOLTAGE_STEP_V = 5;
const LIMIT_FORMAT = `0:${MAX_CURRENT_A}`;

const CHARGER: readonly Property[] = [
  {
    id: "status",
    name: "Status",
    datatype: "enum",
    format: STATION_STATUSES.join(","),
    value: (station) => station.status,
  },
  text("session", "Session", (station) => station.sessionId),
  { ...number("power", "Power", "W", (station) => station.powerW ?? 0), isPresent: hasMeter },
  {
    ...number("energy", "Energy of the session", "Wh", (station) => station.energyWh ?? 0),
    isPresent: hasMeter,
  },
  current("current-l1", "Current L1", 1),
  current("current-l2", "Current L2", 2),
  current("current-l3", "Current L3", 3),
  voltage("voltage-l1", "Voltage L1", 1),
  voltage("voltage-l2", "Voltage L2", 2),
  voltage("voltage-l3", "Voltage L3", 3),
  {
    ...number("current-limit", "Current limit", "A", (station) => station.settings.currentLimitA),
    format: (station) => `${MIN_CURRENT_A}:${station.installationA}`,
    set: (commands, value) => commands.change({ currentLimitA: Number(value) }),
  },
  {
    ...number("limit-now", "Limit of the energy manager", "A", (station) => station.managedA),
    format: LIMIT_FORMAT,
    set: (commands, value) => commands.setManagedLimit(Number(value)),
  },
  {
    ...number("limit-lease", "Validity of this limit", "s", (station) => station.settings.leaseS),
    format: `${LEASE_S.min}:${LEASE_S.max}`,
    set: (commands, value) => commands.change({ leaseS: Number(value) }),
  },
  {
    id: "paused",
    name: "Charging is paused",
    datatype: "boolean",
    value: (station) => station.isPaused,
    set: (commands, word) => commands.setPaused(word === "true"),
  },
  {
    id: "phases",
    name: "Phases",
    datatype: "enum",
    format: "1,3",
    value: (station) => station.phases,
    isPresent: switchesPhases,
    set: (commands, word) => commands.change({ phases: word === "1" ? 1 : 3 }),
  },
  command("start", "Start", (commands) => commands.start()),
  command("stop", "Stop", (commands) => commands.stop()),
  text("last-error", "Last error", lastErrorText),
];

const FIRMWARE: readonly Property[] = [
  number("version", "Version", undefined, (station) => station.firmwareVersion),
  text("updatestate", "Update", (station) => station.update),
  {
    id: "update",
    name: "Update now",
    datatype: "enum",
    // A downgrade needs a value of its own, so that `true` never installs an older version.
    format: "false,true,downgrade",
    value: () => "false",
    set: (commands, word) =>
      word === "false" ? undefined : commands.update({ allowsDowngrade: word === "downgrade" }),
  },
  flag("autoupdate", "Update by itself", "autoUpdate"),
  {
    id: "updatetime",
    name: "When it updates by itself (UTC)",
    datatype: "string",
    value: (station) => station.settings.updateTime,
    set: (commands, time) =>
      parseTimeOfDay(time) === undefined
        ? { code: "invalid", message: "the time must be HH:MM" }
        : commands.change({ updateTime: time }),
  },
  flag("staging", "Take releases that are not for everybody yet", "staging"),
];

const ACCESS: readonly Property[] = [
  {
    id: "offline-policy",
    name: "Authorization without the platform",
    datatype: "enum",
    format: OFFLINE_POLICIES.join(","),
    value: (station) => station.settings.offlinePolicy,
    set: (commands, word) =>
      commands.change({ offlinePolicy: OFFLINE_POLICIES.find((policy) => policy === word) ?? "deny" }),
  },
  {
    id: "tag-learning",
    name: "Cards at the reader become tags",
    datatype: "boolean",
    value: (station) => station.isLearning,
    set: (commands, word) => commands.setLearning(word === "true"),
  },
  {
    ...text("owner", "Transfer to this e-mail", () => undefined),
    set: (commands, email) => commands.transferTo(email),
  },
  text("last-result", "Result of the latest card", (station) => station.lastResult),
  number("tags", "Tags on the local list", undefined, (station) => station.listedTags),
];

export const homieDevice: HomieDevice<StationSnapshot, StationCommands> = {
  nodes: [
    { id: "charger", name: "Charger", type: "charger", properties: CHARGER },
    { id: "firmware", name: "Firmware", type: "firmware", properties: FIRMWARE },
    { id: "access", name: "Access", type: "access", properties: ACCESS },
  ],
  options: [
    flag("card-ends", "A card ends its session", "cardEnds"),
    {
      id: "static-cards",
      name: "Cards without a secret are accepted by",
      datatype: "enum",
      format: STATIC_CARDS.join(","),
      value: (station) => station.settings.staticCards,
      set: (commands, word) =>
        commands.change({ staticCards: STATIC_CARDS.find((one) => one === word) ?? "all" }),
    },
    {
      ...number("fallback-current", "Limit without the energy manager", "A", (station) => station.fallbackA),
      format: LIMIT_FORMAT,
      set: (commands, value) =>
        isCurrentLimit(Number(value)) ? commands.change({ fallbackA: Number(value) }) : INVALID_LIMIT,
    },
    {
      ...number(
        "phase-pause",
        "Pause of a change of the phases",
        "s",
        (station) => station.settings.phasePauseS,
      ),
      format: `${PHASE_PAUSE_S.min}:${PHASE_PAUSE_S.max}`,
      isPresent: switchesPhases,
      set: (commands, value) => commands.change({ phasePauseS: Number(value) }),
    },
    flag("resume", "Resume after a power cut", "resumes"),
    {
      ...number(
        "authorization-time",
        "Time to start charging; 0: no limit",
        "min",
        (station) => station.settings.authorizationMin,
      ),
      format: `0:${MAX_AUTHORIZATION_MIN}`,
      set: (commands, value) => commands.change({ authorizationMin: Number(value) }),
    },
    flag("wake-up", "Wake up a vehicle that does not start", "wakesUp"),
    flag("free", "Charging without a card", "isFree"),
  ],
  telemetry: [
    number("signal", "Signal", "%", (station) => floor(station.signalPercent ?? 100, SIGNAL_STEP_PERCENT)),
    {
      id: "encrypted",
      name: "MQTT is encrypted",
      datatype: "boolean",
      value: (station) => station.isEncrypted,
    },
    uptime(UPTIME_STEP_S),
    number("heap", "Free memory", "B", (station) => station.memory?.heapFreeBytes ?? 0),
    number("heap-lowest", "Lowest free memory", "B", (station) => station.memory?.heapLowestBytes ?? 0),
    number(
      "engine-lowest",
      "Unused memory of the engine",
      "B",
      (station) => station.memory?.engineLowestBytes ?? 0,
    ),
    number("restarts", "Restarts", undefined, (station) => station.restartCount),
    text("restart-reason", "Last restart", (station) => station.restartReason),
    number("waiting", "Sessions that wait for the platform", undefined, (station) => station.waitingSessions),
    number("given-up", "Discarded sessions", undefined, (station) => station.givenUpSessions),
    {
      ...number("temperature", "Inside", "°C", (station) =>
        floor(station.temperatureC ?? 0, TEMPERATURE_STEP_C),
      ),
      isPresent: (station) => station.temperatureC !== undefined,
    },
  ],
  stats: [uptime(STATS_INTERVAL_S)],
};

function switchesPhases(station: StationSnapshot): boolean {
  return station.phases !== undefined;
}

function hasMeter(station: StationSnapshot): boolean {
  return station.meterWh !== undefined;
}

/** Current of a phase, in steps of 0.1 A. Its id is a value of a Modbus meter. */
function current(id: MeterValue, name: string, phase: number): Property {
  // As in uptime().
  const value = id;
  const constantPhase = phase;
  return {
    id,
    name,
    datatype: "float",
    unit: "A",
    value: (station) => Math.round((station.phaseValues?.currentA(constantPhase) ?? 0) * 10) / 10,
    isPresent: (station) => station.phaseValues?.measures(value) === true,
  };
}

/** Voltage of a phase. Its id is a value of a Modbus meter. */
function voltage(id: MeterValue, name: string, phase: number): Property {
  // As in uptime().
  const value = id;
  const constantPhase = phase;
  return {
    ...number(id, name, "V", (station) =>
      floor(station.phaseValues?.voltageV(constantPhase) ?? 0, VOLTAGE_STEP_V),
    ),
    isPresent: (station) => station.phaseValues?.measures(value) === true,
  };
}

function lastErrorText({ lastError }: StationSnapshot): string | undefined {
  return lastError && faultText(lastError);
}

/** Rounds down to a multiple of `step`, so that a fluctuating value is not published continuously. */
function floor(value: number, step: number): number {
  return Math.floor(value / step) * step;
}

function uptime(stepS: number): Property {
  // A parameter that a closure holds could change, and would take RAM besides flash.
  const constantS = stepS;
  return number("uptime", "Uptime", "s", (station) => floor(station.uptimeS, constantS));
}

function text(id: string, name: string, value: (station: StationSnapshot) => string | undefined): Property {
  return { id, name, datatype: "string", value };
}

function number(
  id: string,
  name: string,
  unit: string | undefined,
  value: (station: StationSnapshot) => number,
): Property {
  return { id, name, datatype: "integer", unit, value };
}

/** A boolean setting. */
function flag(id: string, name: string, setting: SettingsFlag): Property {
  // As in uptime().
  const key = setting;
  return {
    id,
    name,
    datatype: "boolean",
    value: (station) => station.settings[key],
    set: (commands, word) => commands.change({ [key]: word === "true" }),
  };
}

/** A momentary command: `true` performs it, and its value stays `false`. */
function command(
  id: string,
  name: string,
  run: (commands: StationCommands) => CommandFailure | undefined,
): Property {
  return {
    id,
    name,
    datatype: "boolean",
    value: () => false,
    set: (commands, word) => (word === "true" ? run(commands) : undefined),
  };
}
