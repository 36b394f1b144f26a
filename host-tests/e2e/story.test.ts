import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import mqtt from "mqtt";
import { runStory } from "../cli/story.js";
import { Timeline } from "../cli/timeline.js";
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
  "finished",
];
const LIMIT_MS = 30_000;

async function eventsOf(brokerURL?: string): Promise<string[]> {
  const events: string[] = [];
  const timeline = new Timeline({ isJSON: true, print: (line) => events.push(JSON.parse(line).event) });
  await runStory({ timeline, brokerURL });
  return events;
}

test(
  "the main story, on the stub's own broker",
  async () => {
    expect(await eventsOf()).toEqual(EVENTS);
  },
  LIMIT_MS,
);

const mosquitto = findMosquitto();
if (mosquitto !== undefined) {
  describe("on Mosquitto", () => {
    let broker: Mosquitto;
    let url: string;

    beforeEach(async () => {
      broker = await startMosquitto({ program: mosquitto, configure: () => ["allow_anonymous true"] });
      url = `mqtt://127.0.0.1:${broker.port}`;
    });

    afterEach(() => broker.stop());

    /** Topics that the broker keeps. */
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
      "the main story, and nothing is left of it",
      async () => {
        expect(await eventsOf(url)).toEqual(EVENTS);
        expect(await retained()).toEqual([]);
      },
      LIMIT_MS,
    );

    test.each(["paired", "online", "authorized"])(
      "somebody who ends it after %s: nothing is left of it",
      async (last) => {
        const ending = new AbortController();
        const print = (line: string) => {
          if (JSON.parse(line).event === last) ending.abort(new Error("interrupted"));
        };
        const timeline = new Timeline({ isJSON: true, print });
        await expect(runStory({ timeline, brokerURL: url, signal: ending.signal })).rejects.toThrow(
          "interrupted",
        );
        expect(await retained()).toEqual([]);
      },
      LIMIT_MS,
    );

    test(
      "a broker that goes in the middle of it is told",
      async () => {
        const story = new Command("start.ts", ["--json", "--broker", url]);
        await story.says('"event":"online"');
        await broker.stop();
        expect(await story.ended).toBe(1);
        expect(story.output).toMatch(/"event":"done","ok":false,"message":"the broker is gone"}\n$/);
      },
      LIMIT_MS,
    );

    test(
      "Ctrl-C ends it, and nothing is left of it",
      async () => {
        const story = new Command("start.ts", ["--json", "--broker", url]);
        await story.says('"event":"plugged"');
        story.process.kill("SIGINT");
        expect(await story.ended).toBe(1);
        expect(story.output).toContain('"message":"interrupted"');
        expect(await retained()).toEqual([]);
      },
      LIMIT_MS,
    );
  });
}

test("it ends without a word when nobody reads on", async () => {
  const story = new Command("start.ts", ["--json"]);
  await story.says('"event":"platform"');
  story.process.stdout?.destroy();
  expect(await story.ended).toBe(1);
  expect(story.output).not.toContain("EPIPE");
});

test("a broker that is not there: the story fails with a sentence", async () => {
  await expect(eventsOf("mqtt://127.0.0.1:1")).rejects.toThrow();
  await expect(eventsOf("http://127.0.0.1")).rejects.toThrow("--broker must be");
});
