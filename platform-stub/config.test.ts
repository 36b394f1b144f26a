import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { usernameOf } from "./accounts.js";
import { checkConfig, readConfig, writeConfig } from "./config.js";
import { aclFile, writeMosquittoFiles } from "./mosquitto.js";
import { Registry } from "./registry.js";

const PORTS = { stations: 1883, platform: 1884 };
const PLATFORM = { username: "platform", password: "p" };
const OWNER = "owner@cafe.example";
const KEY = "0f".repeat(32);

describe("a configuration", () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "plugpass-config-"));
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  test("is written and read back, readable only by its owner", () => {
    const file = join(directory, "sub", "platform.json");
    const registry = new Registry();
    registry.addUser({ email: OWNER, token: "secret" });
    registry.addDevice({ id: "station-1", owner: OWNER });
    writeConfig(file, registry.data);
    expect(readConfig(file)).toEqual(registry.data);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test("may be empty", () => {
    expect(checkConfig({}, "it")).toEqual({ users: [], devices: [], tags: [] });
  });

  test.each<[string, unknown, string]>([
    ["an array instead of an object", [], "the file"],
    ["an unknown key", { user: [] }, '"user"'],
    ["no e-mail", { users: [{ email: "x", token: "t" }] }, "users[0].email: must be an e-mail address"],
    ["no token", { users: [{ email: OWNER }] }, "users[0].token"],
    [
      "a short key",
      { devices: [{ id: "a", owner: OWNER, key: "00" }] },
      "devices[0].key: must be 64 lower-case hex digits",
    ],
    ["an id with a slash", { devices: [{ id: "a/b", owner: OWNER, key: KEY }] }, "devices[0].id"],
    [
      "a wrong cipher",
      { devices: [{ id: "a", owner: OWNER, key: KEY, cipher: "rot13" }] },
      "devices[0].cipher",
    ],
    [
      "a card with proofs and without a secret",
      { tags: [{ tag: "ka5tqgx2m7bd4wzn", owner: OWNER, accepts: "proof" }] },
      "tags[0].secret: is missing; npm run platform -- add-tag makes",
    ],
    [
      "a card with proofs and a number of its own",
      { tags: [{ tag: "GUEST-0001", owner: OWNER, accepts: "both", secret: "A".repeat(43) }] },
      "tags[0].tag: a card that accepts proofs needs a number of 16 characters",
    ],
    [
      "a secret that is not of 32 bytes",
      { tags: [{ tag: "ka5tqgx2m7bd4wzn", owner: OWNER, accepts: "both", secret: "A".repeat(42) }] },
      "tags[0].secret: must be 32 bytes in base64url",
    ],
    ["a short tag", { tags: [{ tag: "abc", owner: OWNER }] }, "tags[0].tag: must be 4-64 characters"],
    [
      "a root topic with a wildcard",
      { users: [{ email: OWNER, token: "t", rootTopic: "a/+" }] },
      "users[0].rootTopic",
    ],
  ])("with %s is refused, and the error names the path", (_name, value, path) => {
    expect(() => checkConfig(value, "it")).toThrow(path);
  });

  test("with several mistakes is refused with an error that names them all", () => {
    const value = { users: [{ email: "x", token: "" }], tags: [{ tag: "?" }] };
    for (const path of ["users[0].email", "users[0].token", "tags[0].tag", "tags[0].owner"]) {
      expect(() => checkConfig(value, "it")).toThrow(path);
    }
  });

  test("that is missing or not JSON is refused without quoting its content", () => {
    const file = join(directory, "none.json");
    expect(() => readConfig(file)).toThrow("does not exist; create it");
    writeFileSync(file, "{secret");
    expect(() => readConfig(file)).toThrow("is not JSON");
    expect(() => readConfig(file)).not.toThrow("secret");
  });

  test("with an unknown owner, or with a duplicate user or device, is refused", () => {
    const registry = new Registry();
    expect(() => registry.addDevice({ id: "a", owner: OWNER })).toThrow("add the user first");
    expect(() => registry.putTag({ tag: "GUEST-0001", owner: OWNER })).toThrow("add the user first");
    registry.addUser({ email: OWNER, token: "t" });
    registry.addDevice({ id: "a", owner: OWNER });
    expect(() => registry.addUser({ email: ` ${OWNER} `, token: "t" })).toThrow("already exists");
    expect(() => registry.addDevice({ id: "a", owner: OWNER })).toThrow("already exists");
  });

  test("is converted to Mosquitto's files, which are overwritten only with force", () => {
    const options = {
      directory,
      registry: new Registry(),
      platform: { username: "platform", password: "p" },
      hasOwnerAccounts: false,
      ports: PORTS,
    };
    writeMosquittoFiles({ ...options, force: false });
    expect(() => writeMosquittoFiles({ ...options, force: false })).toThrow("--force");
    writeMosquittoFiles({ ...options, force: true });
    expect(statSync(join(directory, "passwords")).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(directory, "passwords"), "utf8")).not.toContain(":p\n");
  });

  test.each(["a:b", "a\nb", "a b", "#a", ""])("is not converted for the account name %j", (username) => {
    const out = join(directory, "mosquitto");
    const platform = { username, password: "p" };
    expect(() =>
      writeMosquittoFiles({
        directory: out,
        registry: new Registry(),
        platform,
        hasOwnerAccounts: false,
        ports: PORTS,
        force: true,
      }),
    ).toThrow("--username must be");
    expect(existsSync(out)).toBe(false);
  });
});

describe("the access rules for Mosquitto", () => {
  test("are patterns, plus separate rules for owners with a root topic", () => {
    const registry = new Registry();
    registry.addUser({ email: OWNER, token: "t", rootTopic: "cafe/prague" });
    registry.addDevice({ id: "station-1", owner: OWNER });
    const lines = aclFile({ registry, platform: PLATFORM, hasOwnerAccounts: true }).split("\n");
    expect(lines).toContain("pattern write %u/req/%c/+");
    expect(lines).toContain("pattern read %u/res/%c/+");
    expect(lines).toContain(`user ${usernameOf(OWNER)}`);
    expect(lines).toContain("topic write cafe/prague/req/station-1/+");
  });

  test("give a station's own account the topics of its owner, and those of an owner who has accepted its transfer", () => {
    const registry = new Registry();
    registry.addUser({ email: OWNER, token: "t", rootTopic: "cafe" });
    registry.addUser({ email: "new@bar.example", token: "t", rootTopic: "bar" });
    registry.addDevice({ id: "station-1", owner: OWNER, password: "p" });
    const rules = () => aclFile({ registry, platform: PLATFORM, hasOwnerAccounts: false }).split("\n");
    expect(rules()).toContain("user station-1");
    expect(rules()).toContain("topic read cafe/res/station-1/+");
    expect(rules().join()).not.toMatch(/bar|pattern/);
    registry.acceptTransfer({ owner: "new@bar.example", device: "station-1" });
    expect(rules()).toContain("topic read bar/res/station-1/+");
  });
});

describe("Mosquitto's configuration", () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "plugpass-config-"));
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  const write = (registry: Registry, hasOwnerAccounts: boolean) => {
    const options = { directory, registry, platform: PLATFORM, hasOwnerAccounts, ports: PORTS, force: true };
    return writeMosquittoFiles(options).configLines;
  };

  test("makes the client id of a station's own account its user name", () => {
    const lines = write(new Registry(), false);
    expect(lines).toContain("use_username_as_clientid true");
    expect(lines.indexOf("use_username_as_clientid true")).toBe(lines.indexOf("listener 1883") + 1);
    expect(lines).toContain("listener 1884 127.0.0.1");
    expect(write(new Registry(), true)).not.toContain("use_username_as_clientid true");
  });

  test("is refused for stations without an account of their own, unless owners' accounts are wanted", () => {
    const registry = new Registry();
    registry.addUser({ email: OWNER, token: "t" });
    registry.addDevice({ id: "station-1", owner: OWNER });
    expect(() => write(registry, false)).toThrow("have no account of their own (station-1)");
    expect(write(registry, true)).toContain("listener 1883");
  });
});

test("the MQTT user is the SHA-256 of the e-mail, trimmed", () => {
  // printf owner@cafe.example | sha256sum
  expect(usernameOf(" owner@cafe.example ")).toBe(
    "ba806713d6d0e20f42ed03d4d9de5b11a5cd364318902eb0186b1677abcf8a27",
  );
});
