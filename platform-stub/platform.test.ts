import { networkInterfaces } from "node:os";
import { expect, test } from "@jest/globals";
import { startPlatform } from "./platform.js";
import { Registry } from "./registry.js";

test("a platform that listens everywhere is reached at this machine's own address", async () => {
  const platform = await startPlatform({ registry: new Registry(), host: "0.0.0.0" });
  expect(platform).toMatchObject({ host: "127.0.0.1", url: `mqtt://127.0.0.1:${platform.port}` });
  await platform.close();
});

const addresses = Object.values(networkInterfaces()).flatMap((all) => all?.map(({ address }) => address));
if (addresses.includes("::1")) {
  test("a platform may listen on IPv6", async () => {
    const platform = await startPlatform({ registry: new Registry(), host: "::1" });
    expect(platform).toMatchObject({ host: "::1", url: `mqtt://[::1]:${platform.port}` });
    await platform.close();
  });
}

test("a platform that cannot start leaves no broker behind", async () => {
  const first = await startPlatform({ registry: new Registry() });
  await first.close();
  const { port } = first;
  const registry = new Registry();
  registry.addUser({ email: "owner@cafe.example", token: "t", rootTopic: "no/#/topic" });
  await expect(startPlatform({ registry, port })).rejects.toThrow("not subscribe");
  const second = await startPlatform({ registry: new Registry(), port });
  await second.close();
});
