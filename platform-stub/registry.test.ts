import { describe, expect, test } from "@jest/globals";
import { usernameOf, userTopicsOf } from "./accounts.js";
import { keyIdOf, keyOfRequest } from "./device-keys.js";
import type { RegistryData } from "./entries.js";
import { Registry } from "./registry.js";
import { MemoryStore } from "./store.js";

const OWNER = "Owner@Cafe.example";
const KEY = "0f".repeat(32);
const DATA: RegistryData = {
  users: [{ email: OWNER, token: "t" }],
  devices: [{ id: "cafe-1", owner: OWNER, key: KEY, cipher: "aes-256-gcm" }],
  tags: [],
};

describe("an e-mail in another spelling of upper and lower case", () => {
  test("names the same user", () => {
    const registry = new Registry(DATA);
    expect(registry.user("owner@CAFE.example")?.email).toBe(OWNER);
    expect(() => registry.addUser({ email: "owner@cafe.EXAMPLE", token: "u" })).toThrow("already exists");
  });

  test("is stored for devices, cards and acceptances as the user has it", () => {
    const registry = new Registry(DATA);
    expect(
      registry.addDevice({ id: "cafe-2", owner: "owner@cafe.example" }) && registry.device("cafe-2")?.owner,
    ).toBe(OWNER);
    registry.putTag({ tag: "GUEST-0001", owner: "OWNER@cafe.example" });
    expect(registry.tag("GUEST-0001")?.owner).toBe(OWNER);
    registry.acceptTransfer({ owner: "owner@cafe.example", device: "x-1" });
    expect(registry.acceptingUser("oWNER@cafe.example", "x-1")?.email).toBe(OWNER);
    registry.withdrawAcceptance("owner@cafe.example");
    expect(registry.acceptances).toEqual([]);
  });

  test("has the hash of the registered e-mail and of the one in lower case as user name and topic", () => {
    const registry = new Registry(DATA);
    const lower = usernameOf("owner@cafe.example");
    expect(registry.userByName(usernameOf(OWNER))?.email).toBe(OWNER);
    expect(registry.userByName(lower)?.email).toBe(OWNER);
    expect(userTopicsOf({ email: OWNER, token: "t" })).toEqual([usernameOf(OWNER), lower]);
    expect(userTopicsOf({ email: "a@b.example", token: "t" })).toEqual([usernameOf("a@b.example")]);
  });
});

describe("a key rotation in the registry", () => {
  test("offers the same key until the station has used it", () => {
    const registry = new Registry(DATA);
    registry.rotateKey("cafe-1");
    const offered = registry.device("cafe-1")?.nextKey ?? "";
    expect(offered).toMatch(/^[0-9a-f]{64}$/);
    registry.rotateKey("cafe-1");
    const device = registry.device("cafe-1");
    expect(device?.nextKey).toBe(offered);
    if (device) expect(registry.completeRotation(device)).toMatchObject({ key: offered });
    expect(registry.device("cafe-1")).not.toHaveProperty("nextKey");
  });

  test("is refused for an unknown station and for CBC", () => {
    const registry = new Registry(DATA);
    registry.addDevice({ id: "cafe-2", owner: OWNER, cipher: "aes-256-cbc" });
    expect(() => registry.rotateKey("cafe-2")).toThrow("CBC");
    expect(() => registry.rotateKey("cafe-3")).toThrow("cafe-3 is not a station");
  });

  test("outlasts a change of the device in the configuration file, but not a new key in it", () => {
    const registry = new Registry(undefined, { store: new MemoryStore() });
    registry.applyConfiguration(DATA);
    registry.rotateKey("cafe-1");
    const offered = registry.device("cafe-1");
    if (offered) registry.completeRotation(offered);
    const file = (fields: object) => ({
      ...DATA,
      devices: DATA.devices.map((one) => ({ ...one, ...fields })),
    });
    registry.applyConfiguration(file({ password: "p" }));
    expect(registry.device("cafe-1")).toMatchObject({ key: offered?.nextKey, password: "p" });
    registry.applyConfiguration(file({ password: "p", key: "aa".repeat(32) }));
    expect(registry.device("cafe-1")?.key).toBe("aa".repeat(32));
  });
});

describe("the key of a request", () => {
  const device = { key: KEY, nextKey: "aa".repeat(32) };

  test.each<[string, { key?: string; keyId?: string }, string | undefined]>([
    ["the present key", { key: KEY }, KEY],
    ["the new key", { key: device.nextKey }, device.nextKey],
    ["the id of the present key", { keyId: keyIdOf(KEY) }, KEY],
    ["the id of the new key", { keyId: keyIdOf(device.nextKey) }, device.nextKey],
    ["neither", {}, KEY],
    ["another key", { key: "bb".repeat(32) }, undefined],
    ["another key and the right id", { key: "bb".repeat(32), keyId: keyIdOf(KEY) }, undefined],
    ["another id", { keyId: "0123456789abcdef" }, undefined],
    ["an empty id", { keyId: "" }, undefined],
  ])("is found for a request with %s", (_name, request, expected) => {
    expect(keyOfRequest(device, request)).toBe(expected);
  });
});

test("a device with an account of its own cannot use its owner's account", () => {
  const registry = new Registry(DATA);
  registry.addDevice({ id: "cafe-2", owner: OWNER, password: "p" });
  const [user] = registry.users;
  if (!user) throw new Error("there is no user");
  const isAccount = (id: string) => registry.isAccount(id, { user, password: Buffer.from("t") });
  expect([isAccount("cafe-1"), isAccount("cafe-2")]).toEqual([true, false]);
});
