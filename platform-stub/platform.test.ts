import { networkInterfaces } from "node:os";
import { expect, test } from "@jest/globals";
import mqtt from "mqtt";
import { waitFor } from "../host-tests/tools/cli/wait.js";
import { usernameOf } from "./accounts.js";
import { startPlatform } from "./platform.js";
import { Registry } from "./registry.js";
import { StationWatcher } from "./station-watcher.js";
import { MemoryStore } from "./store.js";

test("a platform that listens on all addresses returns the loopback address", async () => {
  const platform = await startPlatform({ registry: new Registry(), host: "0.0.0.0" });
  expect(platform).toMatchObject({ host: "127.0.0.1", url: `mqtt://127.0.0.1:${platform.port}` });
  await platform.close();
});

const addresses = Object.values(networkInterfaces()).flatMap((all) => all?.map(({ address }) => address));
if (addresses.includes("::1")) {
  test("a platform can listen on IPv6", async () => {
    const platform = await startPlatform({ registry: new Registry(), host: "::1" });
    expect(platform).toMatchObject({ host: "::1", url: `mqtt://[::1]:${platform.port}` });
    await platform.close();
  });
}

test("a platform that fails to start closes its broker", async () => {
  const first = await startPlatform({ registry: new Registry() });
  await first.close();
  const { port } = first;
  const registry = new Registry();
  registry.addUser({ email: "owner@cafe.example", token: "t", rootTopic: "no/#/topic" });
  await expect(startPlatform({ registry, port })).rejects.toThrow("does not allow this account to subscribe");
  const second = await startPlatform({ registry: new Registry(), port });
  await second.close();
});

test("a platform with a failing store refuses clients, keeps running and reports each problem once", async () => {
  const store = new MemoryStore();
  const registry = new Registry(undefined, { store });
  registry.addUser({ email: "owner@cafe.example", token: "t" });
  registry.addDevice({ id: "cafe-1", owner: "owner@cafe.example" });
  const problems: string[] = [];
  const onProblem = (what: string) => problems.push(what);
  const platform = await startPlatform({ registry, onProblem });
  const { url, account } = platform;
  const watcher = await StationWatcher.start({ registry, url, ...account, onProblem });
  const client = await mqtt.connectAsync(url, account, false);
  const all = store.users.all.bind(store.users);
  store.users.all = store.devices.get = () => {
    throw new Error("the database failed");
  };
  const station = { username: usernameOf("owner@cafe.example"), password: "t", clientId: "cafe-1" };
  for (let i = 0; i < 2; i++) {
    await expect(mqtt.connectAsync(url, station, false)).rejects.toThrow("Server unavailable");
    await client.publishAsync("someone/sweet-home/cafe-1/$state", "ready", { qos: 1 });
  }
  await waitFor("both problems are reported", () => problems.length === 2);
  expect(problems.toSorted()).toEqual([
    "clients are not accepted: the database failed",
    "stations are not watched: the database failed",
  ]);
  store.users.all = all;
  Reflect.deleteProperty(store.devices, "get");
  const again = await mqtt.connectAsync(url, station, false);
  await again.endAsync();
  await client.endAsync();
  await watcher.close();
  await platform.close();
});
