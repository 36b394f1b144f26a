import { expect, test } from "@jest/globals";
import { awaitPaired, type PairingStatus } from "../../tools/cli/await-paired.js";
import { Scene } from "../../virtual/scene.js";

/** Polls a station in virtual time. It cannot be reached from `fromMs` to `toMs` after the request. */
function poll(scene: Scene, { fromMs, toMs }: { fromMs: number; toMs: number }): Promise<string> {
  const startMs = scene.clock.monotonicMs();
  return awaitPaired({
    readStatus: async () => {
      const sinceMs = scene.clock.monotonicMs() - startMs;
      if (fromMs <= sinceMs && sinceMs < toMs) throw new Error("no station answers");
      return scene.status() as unknown as PairingStatus;
    },
    sleep: async (durationMs) => scene.clock.advance(durationMs),
    nowMs: () => scene.clock.monotonicMs(),
  });
}

function pairing(fields: Record<string, string> = {}): Scene {
  const scene = new Scene();
  scene.under.boot();
  scene.clock.advance(1000);
  expect(scene.pair(fields)).toMatchObject({ status: 200 });
  return scene;
}

const NEVER = { fromMs: 0, toMs: 0 };

test("awaitPaired resolves with the device id when the station is online", async () => {
  const scene = pairing();
  await expect(poll(scene, NEVER)).resolves.toBe(scene.under.deviceId);
});

test("awaitPaired resolves although the access point was away while the station joined the network", async () => {
  const scene = pairing();
  await expect(poll(scene, { fromMs: 400, toMs: 25_000 })).resolves.toBe(scene.under.deviceId);
});

test("awaitPaired rejects with the failure of the trial, also after the access point was away", async () => {
  await expect(poll(pairing({ psk: "wrong password" }), { fromMs: 400, toMs: 8000 })).rejects.toThrow(
    "pairing failed: wifi-wrong-password: ",
  );
});

test("awaitPaired ignores the failure of the previous trial while the next one runs", async () => {
  const scene = pairing({ token: "wrong" });
  scene.until("the first trial has failed", () => scene.status().lastFailure !== null);
  expect(scene.pair()).toMatchObject({ status: 200 });
  await expect(poll(scene, NEVER)).resolves.toBe(scene.under.deviceId);
});

test("awaitPaired rejects when the station is not reached again within 130 s", async () => {
  const scene = pairing();
  const startMs = scene.clock.monotonicMs();
  await expect(poll(scene, { fromMs: 400, toMs: 1e9 })).rejects.toThrow(
    "the station was not reached again: no station answers; join its network, and look at /status",
  );
  expect(scene.clock.monotonicMs() - startMs).toBe(130_000);
});
