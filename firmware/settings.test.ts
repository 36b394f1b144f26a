import { beforeEach, describe, expect, test } from "@jest/globals";
import { FirmwareRun, Flash } from "../host-tests/virtual/board/index.js";
import { VirtualClock } from "../host-tests/virtual/world/clock.js";
import type { Board } from "../modules/board/index.js";
import { encodeUTF8 } from "../modules/bytes/index.js";
import { defaultConfig } from "./config.js";
import { Records } from "./records.js";
import { SettingsStore } from "./settings.js";

const MINUTE_MS = 60_000;
/** Changes that are stored at once. */
const QUICK_WRITES = 8;

class SettingsScene {
  readonly clock = new VirtualClock();
  readonly flash = new Flash();
  readonly logLines: string[] = [];
  isBroken = false;
  changes = 0;
  settings = this.open();

  /** Opens the settings as a start of the firmware does. */
  open(): SettingsStore {
    const storage = this.flash.open("plugpass", new FirmwareRun({ clock: this.clock, onEnd: () => {} }));
    const board = {
      clock: this.clock,
      log: (line: string) => this.logLines.push(line),
      openStorage: () => ({
        ...storage,
        write: (key: string, value: ArrayBuffer) => {
          if (this.isBroken) throw new Error("the flash is broken");
          storage.write(key, value);
        },
      }),
    } as unknown as Board;
    const settings = new SettingsStore({ board, config: defaultConfig, records: new Records(board) });
    settings.subscribe({
      handleSettingsChanged: () => {
        this.changes++;
      },
    });
    return settings;
  }

  /** Changes the limit `times` times, by the second. */
  flood(times: number): void {
    for (let i = 0; i < times; i++) {
      this.settings.set({ currentLimitA: 6 + (i % 10) });
      this.clock.advance(1000);
    }
  }
}

let scene: SettingsScene;

beforeEach(() => {
  scene = new SettingsScene();
});

describe("SettingsStore", () => {
  test("stores a change at once, and notifies its listeners", () => {
    expect(scene.settings.set({ currentLimitA: 8 })).toBe(true);
    expect([scene.changes, scene.open().now.currentLimitA]).toEqual([1, 8]);
  });

  test("stores a value that is the default, because the default may change", () => {
    scene.settings.set({ currentLimitA: defaultConfig.currentLimitA });
    expect(scene.flash.writeCount).toBe(1);
  });

  test("neither stores nor reports an unchanged value", () => {
    scene.settings.set({ currentLimitA: 8 });
    scene.settings.set({ currentLimitA: 8, isFree: false });
    expect([scene.changes, scene.flash.writeCount]).toEqual([1, 1]);
  });

  test("stores the latest change once a minute after eight changes", () => {
    scene.flood(QUICK_WRITES);
    expect(scene.flash.writeCount).toBe(QUICK_WRITES);
    scene.settings.set({ isFree: true });
    expect([scene.settings.now.isFree, scene.open().now.isFree]).toEqual([true, false]);
    scene.clock.advance(MINUTE_MS);
    expect([scene.flash.writeCount, scene.open().now.isFree]).toEqual([QUICK_WRITES + 1, true]);
  });

  test("writes at most once a minute, and eight times, in a day with a change each second", () => {
    scene.flood(24 * 3600);
    expect(scene.flash.writeCount).toBeLessThanOrEqual(24 * 60 + QUICK_WRITES);
    expect(scene.flash.writeCount).toBeGreaterThan(24 * 30);
  });

  test("stores changes at once again after a rest", () => {
    scene.flood(3600);
    scene.clock.advance(QUICK_WRITES * MINUTE_MS + MINUTE_MS);
    const { writeCount } = scene.flash;
    scene.settings.set({ isFree: true });
    expect(scene.flash.writeCount).toBe(writeCount + 1);
  });

  test("stores at its end what is not stored yet", () => {
    scene.flood(QUICK_WRITES);
    scene.settings.set({ isFree: true });
    scene.settings.close();
    expect([scene.open().now.isFree, scene.clock.pending]).toEqual([true, 0]);
    const { writeCount } = scene.flash;
    scene.settings.close();
    expect(scene.flash.writeCount).toBe(writeCount);
  });

  test("changes nothing that cannot be stored", () => {
    scene.isBroken = true;
    expect(scene.settings.set({ currentLimitA: 8 })).toBe(false);
    expect([scene.settings.now.currentLimitA, scene.changes]).toEqual([16, 0]);
    expect(scene.logLines).toEqual(["settings: the change is not stored: the flash is broken"]);
  });

  test("keeps what belongs to the installation when the owner is forgotten, and stores nothing later", () => {
    scene.flood(QUICK_WRITES);
    const limits = {
      currentLimitA: 9,
      fallbackA: 7,
      leaseS: 60,
      phases: 1,
      phasePauseS: 20,
      name: "Café",
    } as const;
    scene.settings.set({ ...limits, isFree: true, resumes: true });
    scene.settings.forgetOwner();
    scene.clock.advance(2 * MINUTE_MS);
    expect(scene.open().now).toMatchObject({ ...limits, isFree: false, resumes: false });
  });

  test.each([5, -1, 33, "6", null])("ignores a stored fallback current of %j", (fallbackA) => {
    scene.flash.set("plugpass", "options", encodeUTF8(JSON.stringify({ v: 1, fallbackA })));
    expect(scene.open().now.fallbackA).toBeUndefined();
  });

  test.each([{ leaseS: 9 }, { leaseS: 1e6 }, { phases: 2 }, { phasePauseS: 4 }])(
    "ignores %j in its record",
    (fields) => {
      scene.flash.set("plugpass", "options", encodeUTF8(JSON.stringify({ v: 1, ...fields })));
      expect(scene.open().now).toMatchObject({ leaseS: 300, phases: 3, phasePauseS: 10 });
    },
  );
});
