import { describe, expect, test } from "@jest/globals";
import { VirtualClock } from "../../host-tests/virtual/world/clock.js";
import type { Board } from "../../modules/board/index.js";
import type { Fault } from "../../modules/faults/index.js";
import type { Signal } from "../../modules/indicator/index.js";
import type { JSONObject } from "../../modules/json/index.js";
import { type RequestOutcome, requestFailure } from "../../modules/requests/index.js";
import { TagLearning } from "./tag-learning.js";

const LEARNING_MS = 5 * 60_000;
const CARDS_PER_MINUTE = 30;
const TAG = "04A1B2C3D4";
const LEARNED: RequestOutcome = { ok: true, data: { tagId: "17" } };

interface SentRequest {
  readonly endpoint: string;
  readonly data: JSONObject;
  readonly done: (outcome: RequestOutcome) => void;
}

/** Tag learning beside a platform, an indicator and a reporter that record their calls. */
class LearningScene {
  readonly clock = new VirtualClock();
  readonly requests: SentRequest[] = [];
  readonly signals: Signal[] = [];
  readonly faults: Fault[] = [];
  readonly logLines: string[] = [];
  isOnline = true;
  /** Number of calls of `handleChargerChanged`. */
  changes = 0;
  readonly learning: TagLearning;

  constructor() {
    const scene = this;
    this.learning = new TagLearning({
      board: { clock: this.clock, log: (line: string) => this.logLines.push(line) } as unknown as Board,
      platform: {
        get isOnline() {
          return scene.isOnline;
        },
        request: (endpoint, data, done) => {
          this.requests.push({ endpoint, data, done });
          return { close() {} };
        },
      },
      indicator: { signal: (signal) => this.signals.push(signal) },
      reporter: { reportFault: (fault) => this.faults.push(fault) },
      listener: {
        handleChargerChanged: () => {
          this.changes++;
        },
      },
    });
  }

  /** Learns a card; the platform responds to its request, if there is one, with `outcome`. */
  learn(outcome: RequestOutcome): void {
    const { length } = this.requests;
    this.learning.learn(TAG);
    this.requests[length]?.done(outcome);
  }
}

describe("TagLearning.set", () => {
  test("tag learning is off at the start", () => {
    expect(new LearningScene().learning.isOn).toBe(false);
  });

  test("turns itself off after five minutes and reports both changes", () => {
    const scene = new LearningScene();
    scene.learning.set(true);
    expect(scene.changes).toBe(1);
    scene.clock.advance(LEARNING_MS - 1);
    expect(scene.learning.isOn).toBe(true);
    scene.clock.advance(1);
    expect(scene.learning.isOn).toBe(false);
    expect(scene.changes).toBe(2);
  });

  test("starts the five minutes again when it is turned on again", () => {
    const scene = new LearningScene();
    scene.learning.set(true);
    scene.clock.advance(LEARNING_MS - 1);
    scene.learning.set(true);
    scene.clock.advance(LEARNING_MS - 1);
    expect(scene.learning.isOn).toBe(true);
    expect(scene.clock.pending).toBe(1);
  });

  test("leaves no timer behind when it is turned off or closed", () => {
    const scene = new LearningScene();
    scene.learning.set(true);
    scene.learning.set(false);
    expect(scene.learning.isOn).toBe(false);
    expect(scene.clock.pending).toBe(0);
    scene.learning.set(true);
    scene.learning.close();
    expect(scene.clock.pending).toBe(0);
  });
});

describe("TagLearning.learn", () => {
  test("registers the tag at the platform and signals success", () => {
    const scene = new LearningScene();
    scene.learn(LEARNED);
    expect(scene.requests).toMatchObject([{ endpoint: "create-tag", data: { tag: TAG } }]);
    expect(scene.signals).toEqual(["learned"]);
    expect(scene.faults).toEqual([]);
  });

  test("signals nothing before the platform has responded", () => {
    const scene = new LearningScene();
    scene.learning.learn(TAG);
    expect(scene.signals).toEqual([]);
  });

  test.each<[string, RequestOutcome, RegExp]>([
    [
      "a refusal",
      { ok: false, failure: { code: "refused", message: "refused", platformCode: 403 } },
      /refused/,
    ],
    ["a time-out", { ok: false, failure: requestFailure("timeout") }, /did not answer/],
    ["a response without `tagId`", { ok: true, data: {} }, /tagId/],
    ["a `tagId` of over 64 characters", { ok: true, data: { tagId: "1".repeat(65) } }, /tagId/],
  ])("reports %s to the owner", (_name, outcome, message) => {
    const scene = new LearningScene();
    scene.learn(outcome);
    expect(scene.signals).toEqual(["failed"]);
    expect(scene.faults).toEqual([{ code: "card-not-learned", message: expect.stringMatching(message) }]);
  });

  test("fails at once without a connection, with no request", () => {
    const scene = new LearningScene();
    scene.isOnline = false;
    scene.learning.learn(TAG);
    expect(scene.requests).toEqual([]);
    expect(scene.signals).toEqual(["failed"]);
    expect(scene.faults).toHaveLength(1);
  });

  test("refuses more cards than the limit per minute, and reports none of those", () => {
    const scene = new LearningScene();
    for (let i = 0; i < CARDS_PER_MINUTE + 1; i++) scene.learn(LEARNED);
    expect(scene.requests).toHaveLength(CARDS_PER_MINUTE);
    expect(scene.signals.at(-1)).toBe("failed");
    expect(scene.faults).toEqual([]);
    scene.clock.advance(60_000);
    scene.learn(LEARNED);
    expect(scene.requests).toHaveLength(CARDS_PER_MINUTE + 1);
  });

  test("writes the end of a tag to log and report, never the whole tag", () => {
    const scene = new LearningScene();
    scene.learn(LEARNED);
    scene.learn({ ok: false, failure: requestFailure("timeout") });
    const lines = [...scene.logLines, ...scene.faults.map(({ message }) => message)].join("\n");
    expect(lines).toContain("…C3D4");
    expect(lines).not.toContain(TAG);
  });
});
