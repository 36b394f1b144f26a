import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { VirtualStation } from "../../tools/cli/virtual-station.js";
import { waitFor } from "../../tools/cli/wait.js";
import { NodeClock } from "../../virtual/node-board/index.js";
import { RemoteAir } from "../../virtual/radio-link/client.js";
import { type RadioServer, serveRadio } from "../../virtual/radio-link/server.js";
import { Phone, type PresentOptions, type SeenStation } from "../../virtual/world/phone.js";
import { World } from "../../virtual/world/world.js";

/** Runs the parts of `npm run station` and `npm run phone` in one process, with the radio over a socket. */

let clock: NodeClock;
let station: VirtualStation;
let radio: RadioServer;
let air: RemoteAir;

beforeEach(async () => {
  clock = new NodeClock();
  const world = new World(clock, { intervalMs: 2 });
  station = new VirtualStation({
    world,
    httpPort: 0,
    provisioning: { deviceId: "station-1" },
    config: { name: "Slavia" },
  });
  radio = await serveRadio(world.air, 0);
  station.boot();
  air = await RemoteAir.open({ host: "127.0.0.1", port: radio.port });
});

afterEach(() => {
  air.close();
  radio.close();
  station.device.cutPower();
  clock.dispose();
});

function present(options: Partial<PresentOptions>): Promise<unknown> {
  return new Promise((done) => {
    const phone = new Phone({ air, clock });
    phone.present({ address: station.device.mac, tag: "GUEST-0001", onDone: done, ...options });
  });
}

test("a phone in another process discovers the station and its changes", async () => {
  const seen: SeenStation[] = [];
  new Phone({ air, clock }).scan((one) => seen.push(one));
  await waitFor("the station is discovered", () =>
    seen.some(({ name, pairing }) => name === "Slavia" && pairing),
  );
  station.device.vehicle.plug();
  await waitFor("the change is received", () => seen.at(-1)?.status === "plugged");
});

test("a phone in another process presents a tag and receives the results", async () => {
  const pending: number[] = [];
  const outcome = await present({ onPending: ({ code }) => pending.push(code) });
  expect(pending).toEqual([202]);
  expect(outcome).toMatchObject({
    result: { state: "rejected", code: 409, attempt: 1, status: "available" },
  });
});

test("a phone in another process can use a larger MTU", async () => {
  expect(await present({ tag: "T".repeat(64), mtu: 247 })).toMatchObject({ result: { code: 409 } });
});

test("a phone in another process reports a station that cannot be reached", async () => {
  expect(await present({ address: "00:00:00:00:00:00" })).toMatchObject({
    failure: expect.stringContaining("no connection"),
  });
});

test("a phone in another process reports a missing radio and how to start one", async () => {
  radio.close();
  const endpoint = { host: "127.0.0.1", port: radio.port };
  await expect(RemoteAir.open(endpoint)).rejects.toThrow("start a station with npm run station");
});
