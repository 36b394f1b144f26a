/**
 * Reads the station with two independent parties: Debian's mosquitto_sub, whose output of a whole session is a golden
 * file, and a checker written from the text of Homie 3.0.1, which receives only what Mosquitto retains.
 */

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { usernameOf } from "../../../platform-stub/index.js";
import { waitFor } from "../../tools/cli/wait.js";
import { ROOT } from "../../tools/imports.js";
import { homieErrors, PLATFORM_EXTENSION } from "../homie/checker.js";
import { skipFor } from "../optional.js";
import { CAFE } from "../owners.js";
import { type BrokerUnderTest, onMosquitto, PLATFORM } from "./brokers.js";
import { findMosquitto } from "./mosquitto.js";
import { OnlineStation } from "./online-station.js";

const PATIENCE_MS = 60_000;
const USER = usernameOf(CAFE.email);
const DEVICE_ROOT = `${USER}/sweet-home/cafe-1`;
const GOLDEN = join(ROOT, "host-tests/suites/e2e/session.golden.txt");
/** Time after which an idle station has published all it had queued at 5 messages a second, ms. */
const QUIET_MS = 1500;

/** Returns the path of mosquitto_sub, which Debian has in a package of its own. */
function findSubscriber(): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const found = folders.map((folder) => join(folder, "mosquitto_sub")).find((file) => existsSync(file));
  if (found === undefined) skipFor("mosquitto_sub is not installed; apt-get install mosquitto-clients");
  return found;
}

const mosquitto = findMosquitto();
const subscriber = findSubscriber();
const isThere = mosquitto !== undefined && subscriber !== undefined;

/** A running mosquitto_sub with the lines it prints: retained, QoS, topic, payload in hex. */
class Subscriber {
  readonly lines: string[] = [];
  readonly #child: ChildProcess;

  constructor(broker: BrokerUnderTest) {
    // Retain As Published: a subscription would otherwise deliver live messages as not retained (MQTT 5, 3.8.3.1).
    const words = [
      ...accountOf(broker),
      "-V",
      "5",
      "-q",
      "1",
      "--retain-as-published",
      "-t",
      "#",
      "-F",
      "%r %q %t %x",
    ];
    this.#child = spawn(subscriber ?? "", words, { stdio: ["ignore", "pipe", "inherit"] });
    let rest = "";
    this.#child.stdout?.on("data", (bytes) => {
      const [...lines] = `${rest}${bytes}`.split("\n");
      rest = lines.pop() ?? "";
      this.lines.push(...lines);
    });
  }

  /** Returns the latest payload on a topic of the station's device. */
  last(path: string): string | undefined {
    const line = this.lines.findLast((one) => one.split(" ")[2] === `${DEVICE_ROOT}/${path}`);
    return line === undefined ? undefined : textOf(line.split(" ")[3] ?? "");
  }

  async waitForPayload(path: string, payload: string): Promise<void> {
    await waitFor(`${path} is ${payload}`, () => this.last(path) === payload);
  }

  stop(): void {
    this.#child.kill();
  }
}

function accountOf({ platform }: BrokerUnderTest): string[] {
  return ["-h", platform.host, "-p", String(platform.port), "-u", PLATFORM.username, "-P", PLATFORM.password];
}

/** Reads the retained messages under the station's root with mosquitto_sub. */
async function retainedBy(broker: BrokerUnderTest): Promise<ReadonlyMap<string, string | undefined>> {
  const words = [
    ...accountOf(broker),
    "-q",
    "1",
    "-t",
    `${DEVICE_ROOT}/#`,
    "--retained-only",
    "-W",
    "1",
    "-F",
    "%t %x",
  ];
  const output = await new Promise<string>((done) => {
    // It exits with an error after one second.
    execFile(subscriber ?? "", words, (_error, stdout) => done(stdout));
  });
  const lines = output.split("\n").filter((line) => line !== "");
  return new Map(
    lines.map((line) => {
      const [topic = "", payload = ""] = line.split(" ");
      return [topic.slice(DEVICE_ROOT.length + 1), textOf(payload)];
    }),
  );
}

/** Decodes hex as UTF-8. Returns `undefined` if it is not valid UTF-8. */
function textOf(hex: string): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.from(hex, "hex"));
  } catch {
    return undefined;
  }
}

/** Formats of the payloads that differ in each run, by topic. */
const VOLATILE: Readonly<Record<string, RegExp>> = {
  "charger/session": /^[0-9a-f]{16}$/,
  $heartbeat: /^[1-9]\d*$/,
  // The virtual station uses the uptime of its process.
  "$telemetry/uptime": /^(0|[1-9]\d*0)$/,
  "$telemetry/heap": /^(0|[1-9]\d+)$/,
  "$stats/uptime": /^(0|[1-9]\d*00)$/,
  $localip: /^\d+\.\d+\.\d+\.\d+$/,
};
const VOLATILE_FIELDS: Readonly<Record<string, RegExp>> = {
  "authorize.key": /^[0-9a-f]{64}$/,
  "authorize.id": /^\d{1,20}$/,
  "session.key": /^[0-9a-f]{64}$/,
  "session.id": /^\d{1,20}$/,
  "session.data.id": /^[0-9a-f]{16}$/,
  "session.data.start": /^1[789]\d{8}$/,
  "session.data.end": /^1[789]\d{8}$/,
  "session.data.seconds": /^\d{1,2}$/,
};
/** Topics whose count and order depend on the timing of the run. The golden file has the last of each at its end. */
const SERIES = [
  "charger/energy",
  "charger/power",
  "$heartbeat",
  "$telemetry/uptime",
  "$telemetry/heap",
  // 1 is not published where the platform takes the session at once.
  "$telemetry/waiting",
  "$stats/uptime",
];

function isOfSeries(line: string): boolean {
  return SERIES.includes(pathOf(line) ?? "");
}

/** Returns the path under the station's root, or `undefined` for another topic. */
function pathOf(line: string): string | undefined {
  const [, , topic = ""] = line.split(" ");
  return topic.startsWith(`${DEVICE_ROOT}/`) ? topic.slice(DEVICE_ROOT.length + 1) : undefined;
}

/** Formats a message as in the golden file. */
function normalised(line: string): string {
  const [retained = "", qos = "", topic = "", hex = ""] = line.split(" ");
  const path = pathOf(line);
  const text = textOf(hex) ?? "not UTF-8";
  const isVolatile = path !== undefined && VOLATILE[path]?.test(text);
  const payload = path === undefined ? withoutVolatileFields(topic, text) : isVolatile ? "<…>" : text;
  return `${retained === "1" ? "retained" : "passing "} QoS ${qos}  ${topic.replace(USER, "<user>")}  ${payload}`;
}

/** Replaces the volatile fields of a request or a response. */
function withoutVolatileFields(topic: string, text: string): string {
  const [endpoint = "", , kind = ""] = topic.split("/").reverse();
  const hide = (value: unknown, fieldPath: string): unknown => {
    if (kind === "res" && (fieldPath === `${endpoint}.id` || fieldPath === `${endpoint}.data`)) return "<…>";
    if (typeof value === "object" && value !== null) {
      return Object.fromEntries(
        Object.entries(value).map(([key, inner]) => [key, hide(inner, `${fieldPath}.${key}`)]),
      );
    }
    return VOLATILE_FIELDS[fieldPath]?.test(String(value)) ? "<…>" : value;
  };
  return JSON.stringify(hide(JSON.parse(text), endpoint));
}

(isThere ? describe : describe.skip)("independent readers on Mosquitto", () => {
  let broker: BrokerUnderTest;
  let reader: Subscriber;
  let station: OnlineStation;

  beforeEach(async () => {
    broker = await onMosquitto(mosquitto ?? "")();
    reader = new Subscriber(broker);
    // The subscription is not reported, so this waits for it.
    await sleep(QUIET_MS);
  });

  afterEach(async () => {
    // Undefined if the station did not come online.
    station?.stop();
    reader.stop();
    await broker.close();
  });

  async function errors(): Promise<string[]> {
    return homieErrors({ deviceId: "cafe-1", values: await retainedBy(broker) }, PLATFORM_EXTENSION);
  }

  test(
    "the station's device is valid Homie 3.0.1 while idle, charging, without power and after shutdown",
    async () => {
      station = await OnlineStation.start(broker);
      await reader.waitForPayload("$state", "ready");
      expect(await errors()).toEqual([]);
      await station.present("GUEST-0001");
      await reader.waitForPayload("charger/status", "charging");
      expect(await errors()).toEqual([]);
      station.station.device.cutPower();
      // The last will ("Device behavior": lost).
      await reader.waitForPayload("$state", "lost");
      expect(await errors()).toEqual([]);
      station.station.boot();
      await reader.waitForPayload("$state", "ready");
      station.station.shutDown();
      await reader.waitForPayload("$state", "disconnected");
      expect(await errors()).toEqual([]);
    },
    PATIENCE_MS,
  );

  test(
    "the messages of a whole session match the golden file",
    async () => {
      const steps: string[] = [];
      let seen = 0;
      const step = async (name: string, includesSeries = false) => {
        await sleep(QUIET_MS);
        const lines = reader.lines.slice(seen).filter((line) => includesSeries || !isOfSeries(line));
        steps.push(`# ${name}`, ...lines.map(normalised), "");
        seen = reader.lines.length;
      };
      station = await OnlineStation.start(broker);
      await reader.waitForPayload("$state", "ready");
      await step("the station comes online", true);
      station.station.device.vehicle.plug();
      await reader.waitForPayload("charger/status", "plugged");
      await step("a vehicle is plugged in");
      await station.present("GUEST-0002");
      await step("a card that is blocked");
      await station.present("GUEST-0001");
      await reader.waitForPayload("charger/status", "charging");
      await step("a card that is good");
      await station.count(150);
      await reader.waitForPayload("charger/energy", "150");
      await step("150 Wh");
      station.station.device.vehicle.unplug();
      await reader.waitForPayload("charger/status", "available");
      await waitFor(
        "the session is reported",
        () => station.station.station?.hasUnreportedSessions === false,
      );
      await step("the vehicle is unplugged");
      await waitFor("a heartbeat", () => reader.last("$heartbeat") !== undefined);
      station.stop();
      await reader.waitForPayload("$state", "lost");
      await step("the power goes");
      const last = (path: string) => reader.lines.findLast((line) => pathOf(line) === path) ?? "";
      steps.push("# now and then, the last of each", ...SERIES.map(last).map(normalised));
      const text = `${steps.join("\n")}\n`;
      if (process.env.PLUGPASS_GOLDEN === "1") writeFileSync(GOLDEN, text);
      expect(text).toBe(readFileSync(GOLDEN, "utf8"));
    },
    PATIENCE_MS,
  );
});
