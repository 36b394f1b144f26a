import { expect, test } from "@jest/globals";
import { decodeUTF8 } from "../../../modules/bytes/index.js";
import { OWNER, Scene, WIFI } from "../../virtual/scene.js";
import { FUZZ_RUNS, Random } from "../../virtual/world/random.js";

const NEW = { ssid: "New", password: "another-password" };
const MINUTE_MS = 60_000;
/** One more than the writes of a pairing, so that some runs have no cut. */
const MAX_WRITES = 4;
/** Share of the packets that are lost, in both directions. */
const LOSS = 0.15;

type Comes = "before" | "after";

/** Returns the stored network name, or `undefined` without parameters. */
function stored(scene: Scene): string | undefined {
  const bytes = scene.device.flash.get("plugpass", "pairing");
  return bytes && JSON.parse(decodeUTF8(bytes) ?? "").ssid;
}

/**
 * Pairs a station, for the first time or again, during packet loss and a power cut. Returns the network that is
 * stored at the end.
 */
function run(seed: number, { write, comes, isFirst }: { write: number; comes: Comes; isFirst: boolean }) {
  const random = new Random(seed);
  const scene = new Scene({ seed });
  scene.world.wifi.put(NEW);
  if (isFirst) scene.under.boot();
  else scene.bringOnline();
  scene.clock.advance(1000);
  if (!isFirst) scene.station.enterPairingMode();
  const old = stored(scene);
  scene.world.network.loses = () => random.bool(LOSS);
  scene.device.flash.cutPowerAtWrite(write, comes);
  const mistakes: Record<string, string>[] = [
    {},
    {},
    {},
    { psk: "wrong-password" },
    { token: "wrong" },
    { host: "nowhere.example" },
  ];
  const mistake = random.pick(mistakes);
  const answer = scene.pair({ ssid: NEW.ssid, psk: NEW.password, token: OWNER.token, ...mistake });
  const isAccepted = "status" in answer && answer.status === 200;
  scene.clock.advance(2 * MINUTE_MS);
  if (!scene.device.isRunning) scene.under.boot();
  scene.clock.advance(MINUTE_MS);
  // The cut may also occur at a write during the boot.
  if (!scene.device.isRunning) scene.under.boot();
  scene.device.flash.cutPowerAtWrite(1000, "before");
  scene.world.network.loses = () => false;
  scene.clock.advance(5 * MINUTE_MS);

  const now = stored(scene);
  const status = scene.status();
  const said = { now, old, isAccepted, mistake, status, ends: scene.under.ends.map(({ type }) => type) };
  const problems = [
    ...(now !== old && now !== NEW.ssid ? ["it has neither the old nor the new parameters"] : []),
    ...(Object.keys(mistake).length > 0 && now === NEW.ssid ? ["it has kept what does not work"] : []),
    ...(now === undefined
      ? status.mode === "pairing"
        ? []
        : ["it is not in pairing mode"]
      : status.state === "online"
        ? []
        : ["it is not online"]),
    ...(isAccepted && now === old && status.lastFailure === null ? ["it does not say why"] : []),
    ...(now === NEW.ssid && old !== now && status.lastFailure !== null ? ["it complains of what works"] : []),
    ...(said.ends.includes("crash") ? ["it has crashed"] : []),
  ];
  if (problems.length > 0) throw new Error(`${problems.join(", ")}: ${JSON.stringify(said)}`);
  return now;
}

const WAYS = [true, false].flatMap((isFirst) =>
  (["before", "after"] as const).flatMap((comes) =>
    Array.from({ length: MAX_WRITES }, (_, i) => ({ isFirst, comes, write: i + 1 })),
  ),
);
const RUNS = FUZZ_RUNS / 500;

test(`a power cut at each write of a pairing, ${RUNS} times each with packet loss, leaves the old, the new or no parameters and the reason`, () => {
  const networks = new Set<string | undefined>();
  for (const way of WAYS) {
    for (let i = 0; i < RUNS; i++) {
      const seed = 1000 * way.write + i;
      try {
        networks.add(run(seed, way));
      } catch (error) {
        throw new Error(`seed ${seed}, ${JSON.stringify(way)}`, { cause: error });
      }
    }
  }
  expect(networks).toEqual(new Set([undefined, WIFI.ssid, NEW.ssid]));
});
