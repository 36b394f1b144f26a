import { expect, test } from "@jest/globals";
import { runStory } from "../cli/story.js";
import { Timeline } from "../cli/timeline.js";
import { findMosquitto, startMosquitto } from "./mosquitto.js";

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
  test(
    "the main story, on Mosquitto",
    async () => {
      const broker = await startMosquitto({ program: mosquitto, configure: () => ["allow_anonymous true"] });
      try {
        expect(await eventsOf(`mqtt://127.0.0.1:${broker.port}`)).toEqual(EVENTS);
      } finally {
        await broker.stop();
      }
    },
    LIMIT_MS,
  );
}

test("a broker that is not there: the story fails with a sentence", async () => {
  await expect(eventsOf("mqtt://127.0.0.1:1")).rejects.toThrow();
  await expect(eventsOf("http://127.0.0.1")).rejects.toThrow("--broker must be");
});
