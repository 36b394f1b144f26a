/** Tests what the platform stub stores and keeps after a kill, and the transfer of a real station between owners. */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import mqtt from "mqtt";
import { usernameOf } from "../../../platform-stub/accounts.js";
import { readConfig, writeConfig } from "../../../platform-stub/config.js";
import { openSQLiteStore } from "../../../platform-stub/sqlite-store.js";
import { StationWatcher } from "../../../platform-stub/station-watcher.js";
import { Traffic } from "../../../platform-stub/traffic.js";
import { waitFor } from "../../tools/cli/wait.js";
import { ROOT } from "../../tools/imports.js";
import { BAR, CAFE, ownersWithCards, SESSION } from "../owners.js";
import { findSQLite } from "../sqlite.js";
import { type BrokerUnderTest, brokersUnderTest } from "./brokers.js";
import { OnlineStation } from "./online-station.js";
import { waitForStation } from "./station-log.js";

const PATIENCE_MS = 60_000;
const CAFE_NAME = usernameOf(CAFE.email);

const hasSQLite = await findSQLite();

(hasSQLite ? describe : describe.skip)("npm run platform", () => {
  let folder: string;
  let config: string;
  let child: ChildProcess | undefined;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "plugpass-platform-"));
    config = join(folder, "platform.json");
    writeConfig(config, ownersWithCards().data);
  });

  afterEach(async () => {
    await kill();
    rmSync(folder, { recursive: true });
  });

  async function kill(): Promise<void> {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exit = new Promise((done) => child?.once("exit", done));
    child.kill("SIGKILL");
    await exit;
  }

  /** Starts the platform. Returns its output once it is up. */
  async function start(...words: string[]): Promise<string> {
    const all = [
      "scripts/run.js",
      "platform-stub/cli.ts",
      "--config",
      config,
      "--port",
      "0",
      "--admin-port",
      "0",
    ];
    const running = spawn(process.execPath, [...all, ...words], { cwd: ROOT });
    child = running;
    let output = "";
    for (const stream of [running.stdout, running.stderr]) {
      stream.on("data", (bytes) => {
        output += bytes;
      });
    }
    await waitFor("it is up", () => output.includes("Ctrl-C"));
    return output;
  }

  /** Reports a session as a station does, and waits for the response. */
  async function report(output: string): Promise<void> {
    const [, port] = /up at 127\.0\.0\.1 port (\d+)/.exec(output) ?? [];
    const account = { clientId: "cafe-1", username: CAFE_NAME, password: CAFE.token };
    const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, account, false);
    let codes = "";
    client.on("message", (_topic, payload) => {
      codes += JSON.parse(payload.toString()).code;
    });
    await client.subscribeAsync(`${CAFE_NAME}/res/cafe-1/+`, { qos: 1 });
    const key = readConfig(config).devices.find(({ id }) => id === "cafe-1")?.key;
    client.publish(`${CAFE_NAME}/req/cafe-1/session`, JSON.stringify({ data: SESSION, key, id: "1" }), {
      qos: 1,
    });
    await waitFor("it is accepted", () => codes === "200").finally(() => client.endAsync(true));
  }

  test(
    "keeps an accepted session after an immediate kill, and accepts it again as the same session",
    async () => {
      await report(await start());
      await kill();
      await report(await start());
      await kill();
      const store = await openSQLiteStore(join(folder, "platform.sqlite"));
      expect(store.sessions.list({ offset: 0, limit: 9 })).toMatchObject([{ id: SESSION.id, endWh: 60 }]);
      store.close();
    },
    PATIENCE_MS,
  );

  test(
    "prints the admin page's password at its first start only, or with --new-admin-password",
    async () => {
      const passwordLine = /the admin page's password, printed only now: (\S+)/;
      const [, first] = passwordLine.exec(await start()) ?? [];
      expect(first).toMatch(/^[a-z2-9]{12}$/);
      await kill();
      expect(await start()).not.toMatch(passwordLine);
      await kill();
      const [, anew] = passwordLine.exec(await start("--new-admin-password")) ?? [];
      expect(anew).not.toBe(first);
    },
    PATIENCE_MS,
  );

  test(
    "stores nothing with --memory",
    async () => {
      await report(await start("--memory"));
      await kill();
      expect(readdirSync(folder)).toEqual(["platform.json"]);
    },
    PATIENCE_MS,
  );
});

describe.each(brokersUnderTest())("a station at the stub on %s", (_name, start) => {
  let broker: BrokerUnderTest;
  let watcher: StationWatcher;
  let traffic: Traffic;
  let station: OnlineStation;

  beforeEach(async () => {
    traffic = new Traffic();
    broker = await start({ onRequest: (request, decision) => traffic.record(request, decision) });
    const { registry, platform } = broker;
    watcher = await StationWatcher.start({ registry, url: platform.url, ...platform.account });
    station = await OnlineStation.start(broker);
  }, PATIENCE_MS);

  afterEach(async () => {
    // Undefined if the station did not come online.
    station?.stop();
    await watcher.close();
    await broker.close();
  });

  function stateOf(id: string): string | undefined {
    const device = broker.registry.device(id);
    return device && watcher.statusOf(device).values.$state;
  }

  test(
    "is transferred: the new owner has it once it is online there, and the new owner's cards are accepted",
    async () => {
      const { registry } = broker;
      await waitFor("it is seen", () => stateOf("cafe-1") === "ready");
      registry.acceptTransfer({ owner: BAR.email, device: "cafe-1" });
      expect(station.station.station?.commands.transferTo(BAR.email)).toBeUndefined();
      await waitFor("it is the bar's", () => registry.device("cafe-1")?.owner === BAR.email);
      await waitFor("it is seen there", () => stateOf("cafe-1") === "ready");
      expect(registry.offeredTo("cafe-1")).toBeUndefined();
      await waitForStation(
        station.station,
        "the station is online",
        (virtual) => virtual.station?.lifeCycle === "online",
      );
      expect(await station.present("GUEST-0001")).toMatchObject({ result: { code: 403 } });
      expect(await station.present("GUEST-0004")).toMatchObject({ result: { code: 200 } });
    },
    PATIENCE_MS,
  );

  test(
    "ignores commands that were sent while it was offline, and executes later ones",
    async () => {
      const { platform } = broker;
      const root = `${CAFE_NAME}/sweet-home/cafe-1`;
      const values = new Map<string, string>();
      const app = await mqtt.connectAsync(platform.url, { ...platform.account, reconnectPeriod: 0 });
      app.on("message", (topic, payload) => values.set(topic.slice(root.length + 1), payload.toString()));
      await app.subscribeAsync(`${root}/#`);
      const set = (path: string, value: string, retain = false) =>
        app.publishAsync(`${root}/${path}/set`, value, { qos: 1, retain });
      await waitFor("it is seen", () => values.get("$state") === "ready");
      station.station.device.cutPower();
      await waitFor("it is offline", () => values.get("$state") === "lost");
      for (const path of ["charger/start", "access/tag-learning", "$options/free"]) await set(path, "true");
      await set("charger/start", "true", true);
      station.station.device.vehicle.plug();
      station.station.boot();
      await waitFor("it is back", () => values.get("$state") === "ready");
      await waitFor("the vehicle is detected", () => values.get("charger/status") === "plugged");
      await set("charger/current-limit", "9");
      await waitFor("the setting is published", () => values.get("charger/current-limit") === "9");
      expect(values.get("access/tag-learning")).toBe("false");
      expect(values.get("$options/free")).toBe("false");
      expect(station.station.station?.status).toBe("plugged");
      await set("charger/start", "true");
      await waitFor("it charges", () => values.get("charger/status") === "charging");
      await app.endAsync();
    },
    PATIENCE_MS,
  );

  test(
    "sends its trace when the platform asks for it",
    async () => {
      await waitFor("it is seen", () => stateOf("cafe-1") === "ready");
      const device = broker.registry.device("cafe-1");
      if (device) watcher.requestDiagnostics(device);
      await waitFor("the trace has arrived", () => traffic.exchanges[0]?.endpoint === "diagnostics");
      const [exchange] = traffic.exchanges;
      expect(exchange?.code).toBe("200");
      expect(exchange?.asked.events).toMatch(/^0 started power 1; .*; \d+ lifeCycle online 1$/);
      expect(exchange?.asked.counters).toMatch(/connected 1/);
    },
    PATIENCE_MS,
  );

  test(
    "replaces its response key when the platform offers one",
    async () => {
      const { registry } = broker;
      const before = registry.device("cafe-1")?.key;
      registry.rotateKey("cafe-1");
      await waitFor("the key is replaced", () => registry.device("cafe-1")?.nextKey === undefined, 20_000);
      expect(registry.device("cafe-1")?.key).not.toBe(before);
      expect(await station.present("GUEST-0001")).toMatchObject({ result: { code: 200 } });
    },
    PATIENCE_MS,
  );

  test(
    "stays with its owner when the new owner has not accepted it",
    async () => {
      const { registry } = broker;
      await waitFor("it is seen", () => stateOf("cafe-1") === "ready");
      registry.acceptTransfer({ owner: BAR.email, device: "cafe-2" });
      expect(station.station.station?.commands.transferTo(BAR.email)).toBeUndefined();
      await waitForStation(station.station, "the transfer is refused", ({ device }) =>
        device.logLines.some((line) =>
          /owner has not changed: the new owner has not accepted the transfer/.test(line),
        ),
      );
      expect(registry.offeredTo("cafe-1")).toBeUndefined();
      expect(registry.device("cafe-1")?.owner).toBe(CAFE.email);
      expect(await station.present("GUEST-0001")).toMatchObject({ result: { code: 200 } });
    },
    PATIENCE_MS,
  );

  test(
    "is lost after a power cut, and a station that was never online has no state",
    async () => {
      await waitFor("it is seen", () => stateOf("cafe-1") === "ready");
      expect(stateOf("cafe-2")).toBeUndefined();
      station.stop();
      await waitFor("it is lost", () => stateOf("cafe-1") === "lost");
    },
    PATIENCE_MS,
  );
});
