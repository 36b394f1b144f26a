import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import mqtt from "mqtt";
import { type DemoOptions, runDemo } from "../../tools/demo/demo.js";
import { Timeline } from "../../tools/demo/timeline.js";
import { ROOT } from "../../tools/imports.js";
import { HOW_TO_GET_BLUETOOTH, loadBluetoothPackages } from "../../virtual/bluetooth/packages.js";
import { skipFor } from "../optional.js";
import { Command } from "./command.js";
import { findMosquitto, type Mosquitto, startMosquitto } from "./mosquitto.js";

const EVENTS = [
  "platform",
  "pairing-mode",
  "paired",
  "online",
  "plugged",
  "pending",
  "authorized",
  "charging",
  "rejected",
  "untrusted",
  "timeout",
  "proved",
  "replayed",
  "finished",
];
const LIMIT_MS = 60_000;

async function eventsOf(options: Omit<DemoOptions, "timeline"> = {}): Promise<string[]> {
  const events: string[] = [];
  const timeline = new Timeline({ isJSON: true, print: (line) => events.push(JSON.parse(line).event) });
  await runDemo({ timeline, ...options });
  return events;
}

/** A line of the demo without its time, ports and durations. */
function withoutNumbers(line: string): string {
  return line
    .trim()
    .replace(/\d+(\.\d+)?/g, "#")
    .replace(/ +/g, " ");
}

test(
  "the demo without Bluetooth runs to the end on the stub's own broker, and prints what the README shows",
  async () => {
    const lines: string[] = [];
    const timeline = new Timeline({ isJSON: false, print: (line) => lines.push(line) });
    await runDemo({ timeline, radio: "calls" });
    expect(lines.flatMap((line) => /\[([a-z-]+)\]$/.exec(line)?.[1] ?? [])).toEqual(EVENTS);
    const shown = readFileSync(join(ROOT, "README.md"), "utf8").match(/^ +\d+\.\d{3} .*$/gm) ?? [];
    expect(shown.length).toBeGreaterThan(10);
    expect(lines.map(withoutNumbers)).toEqual(expect.arrayContaining(shown.map(withoutNumbers)));
  },
  LIMIT_MS,
);

const hasBluetooth = loadBluetoothPackages() !== undefined;
if (!hasBluetooth) skipFor(HOW_TO_GET_BLUETOOTH);

(hasBluetooth ? test : test.skip)(
  "the demo over real Bluetooth stacks runs to the end and logs its packets",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "plugpass-btsnoop-"));
    const btsnoopFile = join(folder, "demo.btsnoop");
    try {
      expect(await eventsOf({ radio: "hci", btsnoopFile })).toEqual(EVENTS);
      const packets = readFileSync(btsnoopFile);
      expect(packets.subarray(0, 8).toString("latin1")).toBe("btsnoop\0");
      // The ATT write of the tag.
      expect(packets.includes("GUEST-0001")).toBe(true);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
  LIMIT_MS,
);

const mosquitto = findMosquitto();
if (mosquitto !== undefined) {
  describe("the demo on Mosquitto", () => {
    let broker: Mosquitto;
    let url: string;

    beforeEach(async () => {
      broker = await startMosquitto({
        program: mosquitto,
        configure: (_directory, ports) => [`listener ${ports.stations} 127.0.0.1`, "allow_anonymous true"],
      });
      url = `mqtt://127.0.0.1:${broker.port}`;
    });

    afterEach(() => broker.stop());

    /** Returns the topics that the broker retains. */
    async function retained(): Promise<string[]> {
      const topics: string[] = [];
      const client = await mqtt.connectAsync(url, {}, false);
      client.on("message", (topic) => topics.push(topic));
      await client.subscribeAsync("#");
      await sleep(200);
      await client.endAsync();
      return topics;
    }

    test(
      "runs to the end and leaves no retained topics",
      async () => {
        expect(await eventsOf({ brokerURL: url })).toEqual(EVENTS);
        expect(await retained()).toEqual([]);
      },
      LIMIT_MS,
    );

    test.each(["paired", "online", "authorized"])(
      "leaves no retained topics when it is interrupted after %s",
      async (last) => {
        const ending = new AbortController();
        const print = (line: string) => {
          if (JSON.parse(line).event === last) ending.abort(new Error("interrupted"));
        };
        const timeline = new Timeline({ isJSON: true, print });
        await expect(runDemo({ timeline, brokerURL: url, signal: ending.signal })).rejects.toThrow(
          "interrupted",
        );
        expect(await retained()).toEqual([]);
      },
      LIMIT_MS,
    );

    test(
      "reports that the broker has disconnected",
      async () => {
        const demo = new Command("start.ts", ["--json", "--broker", url]);
        await demo.waitForOutput('"event":"online"');
        await broker.stop();
        expect(await demo.ended()).toBe(1);
        expect(demo.output).toMatch(/"event":"done","ok":false,"message":"the broker is gone"}\n$/);
      },
      LIMIT_MS,
    );

    test(
      "ends at Ctrl-C and leaves no retained topics",
      async () => {
        const demo = new Command("start.ts", ["--json", "--broker", url]);
        await demo.waitForOutput('"event":"plugged"');
        demo.process.kill("SIGINT");
        expect(await demo.ended()).toBe(1);
        expect(demo.output).toContain('"message":"interrupted"');
        expect(await retained()).toEqual([]);
      },
      LIMIT_MS,
    );
  });
}

test("the demo ends silently when its output is closed", async () => {
  const demo = new Command("start.ts", ["--json"]);
  await demo.waitForOutput('"event":"platform"');
  demo.process.stdout?.destroy();
  expect(await demo.ended()).toBe(1);
  expect(demo.output).not.toContain("EPIPE");
});

test("the demo without Bluetooth rejects --btsnoop", async () => {
  await expect(eventsOf({ radio: "calls", btsnoopFile: "x" })).rejects.toThrow("use --radio hci");
});

test("the demo reports a packet log that cannot be written", async () => {
  const btsnoopFile = join("missing", "x.btsnoop");
  await expect(eventsOf({ radio: hasBluetooth ? "hci" : "calls", btsnoopFile })).rejects.toThrow("--btsnoop");
});

test("the demo reports a broker that cannot be reached and an invalid --broker", async () => {
  await expect(eventsOf({ brokerURL: "mqtt://127.0.0.1:1" })).rejects.toThrow();
  await expect(eventsOf({ brokerURL: "http://127.0.0.1" })).rejects.toThrow("--broker must be");
});
