import { createHash, X509Certificate } from "node:crypto";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { Authority } from "../../host-tests/virtual/node-board/authority.js";
import { readConfig, writeConfig } from "../config.js";
import { Registry } from "../registry.js";
import type { StoredWiring } from "./board-file.js";
import { ClientAuthority } from "./client-authority.js";
import { configSource } from "./config-source.js";
import { type Identity, identityIn, imageOf } from "./identity.js";
import { readNVSImage } from "./nvs-reader.js";
import { type IdentitySource, offlineSource, type ProvisionOptions, provision } from "./provision.js";

const OWNER = "owner@cafe.example";
const MANIFEST = "manifest.jsonl";

let root: string;
let directory: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "plugpass-provision-"));
  directory = join(root, "stations");
});

afterEach(() => {
  rmSync(root, { recursive: true });
});

function make(options: Partial<ProvisionOptions> = {}) {
  return provision({
    product: "cafe",
    count: 1,
    directory,
    accessPointName: "PlugPass AP",
    source: offlineSource,
    ...options,
  });
}

function read(name: string): string {
  return readFileSync(join(directory, name), "utf8");
}

function manifest(): Record<string, unknown>[] {
  return read(MANIFEST)
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

function identityOf(id: string): Identity {
  return identityIn(readFileSync(join(directory, `${id}.nvs.bin`))) as Identity;
}

/** The content of every file, by name. */
function everything(): Map<string, string> {
  return new Map(
    readdirSync(directory).map((name) => [name, readFileSync(join(directory, name)).toString("hex")]),
  );
}

/** A source whose `times`th registration fails, as with a full disk or a power cut. */
function interrupting(times: number): IdentitySource {
  let left = times;
  return {
    ...offlineSource,
    register: () => {
      if (--left === 0) throw new Error("interrupted");
    },
  };
}

describe("provisioning", () => {
  test("makes the requested number of stations, each with an image, an outer and an inner label, and a manifest line", async () => {
    const now = new Date("2025-03-01T12:00:00Z");
    const made: string[] = [];
    const result = await make({ count: 3, now: () => now, onMade: (id) => made.push(id) });
    expect(result).toEqual({ made: 3, total: 3, halfMade: 0 });
    expect(new Set(made).size).toBe(3);
    const lines = manifest();
    expect(lines.map(({ id }) => id)).toEqual(made);
    for (const { id, product, files, sha256, time, ...rest } of lines) {
      expect(id).toMatch(/^cafe-[0-9a-f]{8}$/);
      expect(product).toBe("cafe");
      expect(files).toEqual([
        `${id}.nvs.bin`,
        `${id}.label.txt`,
        `${id}.label.svg`,
        `${id}.inner-label.txt`,
        `${id}.inner-label.svg`,
      ]);
      const image = readFileSync(join(directory, `${id}.nvs.bin`));
      expect(sha256).toBe(createHash("sha256").update(image).digest("hex"));
      expect(time).toBe("2025-03-01T12:00:00.000Z");
      expect(rest).toEqual({});
    }
    expect(readdirSync(directory)).toHaveLength(5 * 3 + 1);
  });

  test("writes random keys and passwords only to the image and the label", async () => {
    await make({ count: 20 });
    const identities = manifest().map(({ id }) => identityOf(String(id)));
    const secrets = identities.flatMap(({ key, accessPointPassword, adminPassword }) => {
      expect(key).toMatch(/^[0-9a-f]{64}$/);
      for (const password of [accessPointPassword, adminPassword]) {
        expect(password).toMatch(/^[a-hjkmnp-z2-9]{12}$/);
      }
      return [key, accessPointPassword, adminPassword];
    });
    expect(new Set(secrets).size).toBe(60);
    for (const secret of secrets) expect(read(MANIFEST)).not.toContain(secret);
    for (const { id, key, accessPointPassword, adminPassword } of identities) {
      const label = read(`${id}.label.txt`);
      expect(label).toContain(accessPointPassword);
      expect(label).not.toContain(adminPassword);
      expect(read(`${id}.inner-label.txt`)).toContain(adminPassword);
      expect(label).not.toContain(key);
    }
  });

  test("makes images of the firmware's partition size or of another size", async () => {
    const table = readFileSync(new URL("../../manifests/partitions.csv", import.meta.url), "utf8");
    const [, size] = /^nvs,.*,\s*(0x[0-9a-f]+),/im.exec(table) ?? [];
    await make({ count: 1 });
    expect(statSync(join(directory, `${manifest()[0]?.id}.nvs.bin`)).size).toBe(Number(size));
    await make({ count: 2, partitionBytes: 0x3000 });
    expect(statSync(join(directory, `${manifest()[1]?.id}.nvs.bin`)).size).toBe(0x3000);
    await expect(make({ count: 3, partitionBytes: 0x3001 })).rejects.toThrow(
      "a partition must have a multiple of 4096",
    );
  });

  test("makes files that only their owner can read", async () => {
    await make();
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(directory)) {
      expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
    }
  });

  test("makes an empty directory private, and refuses a non-empty one that others can enter", async () => {
    mkdirSync(directory, { mode: 0o755 });
    chmodSync(directory, 0o755);
    await make();
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    chmodSync(directory, 0o755);
    await expect(make({ count: 2 })).rejects.toThrow("others can enter it, and it is not empty; chmod 700");
    expect(manifest()).toHaveLength(1);
  });

  test("changes nothing when repeated, and adds stations for a larger count", async () => {
    await make({ count: 2 });
    const before = everything();
    expect(await make({ count: 2 })).toEqual({ made: 0, total: 2, halfMade: 0 });
    expect(await make({ count: 1 })).toEqual({ made: 0, total: 2, halfMade: 0 });
    expect(everything()).toEqual(before);
    expect(await make({ count: 3 })).toEqual({ made: 1, total: 3, halfMade: 0 });
    for (const [name, content] of before) {
      if (name !== MANIFEST) expect(everything().get(name)).toBe(content);
    }
    expect(read(MANIFEST).startsWith(Buffer.from(before.get(MANIFEST) ?? "", "hex").toString())).toBe(true);
  });

  test("counts only the stations of the product", async () => {
    await make({ product: "cafe", count: 2 });
    await make({ product: "cafe-1a2b3c4d", count: 1 });
    expect(await make({ product: "bar", count: 1 })).toEqual({ made: 1, total: 1, halfMade: 0 });
    expect(await make({ product: "cafe", count: 2 })).toMatchObject({ made: 0 });
    expect(manifest().map(({ product }) => product)).toEqual(["cafe", "cafe", "cafe-1a2b3c4d", "bar"]);
  });
});

describe("a repeated run after an interruption", () => {
  async function interrupt(): Promise<string> {
    await expect(make({ count: 3, source: interrupting(2) })).rejects.toThrow("interrupted");
    expect(manifest()).toHaveLength(1);
    const finished = manifest()[0]?.id;
    const [id = ""] = readdirSync(directory)
      .filter((name) => name.endsWith(".nvs.bin"))
      .map((name) => name.slice(0, -".nvs.bin".length))
      .filter((one) => one !== finished);
    return id;
  }

  test("keeps the identity of a started station", async () => {
    const id = await interrupt();
    const before = everything();
    const completed: string[] = [];
    const result = await make({
      count: 3,
      onMade: (one, isCompleted) => isCompleted && completed.push(one),
    });
    expect(result).toEqual({ made: 2, total: 3, halfMade: 0 });
    expect(completed).toEqual([id]);
    for (const [name, content] of before) {
      if (name !== MANIFEST) expect(everything().get(name)).toBe(content);
    }
    expect(readdirSync(directory)).toHaveLength(5 * 3 + 1);
  });

  test("gives a started station the wiring of this run", async () => {
    const id = await interrupt();
    const identity = identityOf(id);
    const wiring: StoredWiring = {
      chip: "esp32c3",
      controlPilot: { generatorPin: 5, adcPin: 3, zeroMv: 1250, divider: 11.3 },
      contactorPin: 6,
    };
    await make({ count: 2, wiring });
    expect(identityOf(id)).toEqual(identity);
    const image = readFileSync(join(directory, `${id}.nvs.bin`));
    expect(Buffer.from(image).equals(Buffer.from(imageOf(identity, { wiring })))).toBe(true);
  });

  test("writes missing labels", async () => {
    const id = await interrupt();
    const label = read(`${id}.label.txt`);
    rmSync(join(directory, `${id}.label.txt`));
    rmSync(join(directory, `${id}.label.svg`));
    await make({ count: 2 });
    expect(manifest()[1]?.id).toBe(id);
    expect(read(`${id}.label.txt`)).toBe(label);
  });

  test("removes unfinished files", async () => {
    await interrupt();
    for (const suffix of [".nvs.bin.new", ".label.svg.new"]) {
      writeFileSync(join(directory, `cafe-00000000${suffix}`), "half of i");
    }
    await make({ count: 3 });
    expect(readdirSync(directory)).toHaveLength(5 * 3 + 1);
  });

  test("replaces an unfinished line of the manifest", async () => {
    await make({ count: 2 });
    const [first, second] = manifest();
    truncateSync(join(directory, MANIFEST), read(MANIFEST).length - 10);
    expect(await make({ count: 2 })).toEqual({ made: 1, total: 2, halfMade: 0 });
    expect(manifest()).toEqual([first, { ...second, time: expect.any(String) }]);
  });

  test("completes no more stations than the count needs", async () => {
    await interrupt();
    expect(await make({ count: 1 })).toEqual({ made: 0, total: 1, halfMade: 1 });
  });

  test("refuses a started station with a damaged image or another station's image", async () => {
    const id = await interrupt();
    const file = join(directory, `${id}.nvs.bin`);
    const image = readFileSync(file);
    writeFileSync(file, image.fill(0, 100, 101));
    await expect(make({ count: 3 })).rejects.toThrow(
      `${id}.nvs.bin has no line in manifest.jsonl and cannot be completed: page 0, entry 1: its checksum is wrong`,
    );
    writeFileSync(file, imageOf({ ...identityOf(String(manifest()[0]?.id)) }));
    await expect(make({ count: 3 })).rejects.toThrow(`it is not an image of ${id}; remove it`);
  });
});

describe("provisioning is refused", () => {
  test.each(["", "-cafe", "a/b", "a b", "café", "../x", "x".repeat(56)])(
    'for the product "%s"',
    async (product) => {
      await expect(make({ product })).rejects.toThrow(
        "is not a product id: it must have 1-55 letters, digits, - and _",
      );
      expect(existsSync(directory)).toBe(false);
    },
  );

  test.each([0, -1, 1.5, 10_001, Number.NaN])("for a count of %d", async (count) => {
    await expect(make({ count })).rejects.toThrow("the count must be 1-10000");
  });

  test("for a directory that cannot be written", async () => {
    const file = join(root, "file");
    writeFileSync(file, "");
    await expect(make({ directory: file })).rejects.toThrow(`cannot write to ${file}: EEXIST`);
    await expect(make({ directory: join(file, "sub") })).rejects.toThrow("/sub: ENOTDIR");
    await expect(make({ directory: "/proc/plugpass" })).rejects.toThrow("cannot write to /proc/plugpass: ");
  });

  test("for a source that returns an existing id, and overwrites nothing", async () => {
    await make();
    const id = String(manifest()[0]?.id);
    const before = everything();
    const source: IdentitySource = { draw: async () => ({ id, key: "00".repeat(32) }) };
    await expect(make({ count: 2, source })).rejects.toThrow(`the station ${id} already exists in`);
    expect(everything()).toEqual(before);
  });

  test("for a manifest with an invalid line", async () => {
    await make();
    appendFileSync(join(directory, MANIFEST), "secret\n");
    await expect(make()).rejects.toThrow("manifest.jsonl, line 2: the line is not JSON");
    truncateSync(join(directory, MANIFEST), 0);
    appendFileSync(join(directory, MANIFEST), '{"id":1}\n');
    await expect(make()).rejects.toThrow("manifest.jsonl, line 1: the line does not describe a station");
  });
});

test("an id in use is generated again", async () => {
  const asked: string[] = [];
  const { id } = await offlineSource.draw("cafe", (one) => asked.push(one) < 3);
  expect(asked).toHaveLength(3);
  expect(asked[2]).toBe(id);
});

describe("provisioning with a platform's configuration", () => {
  let file: string;

  beforeEach(() => {
    file = join(root, "platform.json");
    const registry = new Registry();
    registry.addUser({ email: OWNER, token: "secret" });
    registry.addDevice({ id: "old", owner: OWNER });
    writeConfig(file, registry.data);
  });

  test("adds the devices to the configuration with the keys and the passwords of the images", async () => {
    await make({ count: 2, source: configSource({ file }) });
    const [old, ...added] = readConfig(file).devices;
    expect(old?.id).toBe("old");
    expect(added).toEqual(
      manifest().map(({ id }) => ({
        id,
        owner: OWNER,
        key: identityOf(String(id)).key,
        cipher: "aes-256-gcm",
        password: identityOf(String(id)).password,
      })),
    );
    expect(added[0]?.password).toMatch(/^[A-Za-z0-9_-]{32}$/);
  });

  test("completes a started station, whether or not the configuration has it", async () => {
    await expect(make({ count: 2, source: interrupting(1) })).rejects.toThrow("interrupted");
    await make({ count: 1, source: configSource({ file }) });
    expect(readConfig(file).devices).toHaveLength(2);
    rmSync(join(directory, MANIFEST));
    await make({ count: 1, source: configSource({ file }) });
    expect(readConfig(file).devices).toHaveLength(2);
    expect(manifest()).toHaveLength(1);
  });

  test("is refused when the configuration has the device with another key", async () => {
    await make({ count: 1 });
    rmSync(join(directory, MANIFEST));
    const id = readdirSync(directory)[0]?.split(".")[0] ?? "";
    const registry = new Registry(readConfig(file));
    registry.addDevice({ id, owner: OWNER });
    writeConfig(file, registry.data);
    await expect(make({ count: 1, source: configSource({ file }) })).rejects.toThrow(
      `has a device ${id} with another key`,
    );
  });

  test("requires an unambiguous owner", () => {
    expect(() => configSource({ file: join(root, "none.json") })).toThrow("does not exist");
    expect(() => configSource({ file, owner: "other@cafe.example" })).toThrow(
      "has no user other@cafe.example",
    );
    const registry = new Registry(readConfig(file));
    registry.addUser({ email: "other@cafe.example", token: "secret" });
    writeConfig(file, registry.data);
    expect(() => configSource({ file })).toThrow("has 2 users; name the stations' owner");
    expect(() => configSource({ file, owner: "other@cafe.example" })).not.toThrow();
    writeConfig(file, { users: [], devices: [], tags: [] });
    expect(() => configSource({ file })).toThrow("has no user; add one");
  });
});

describe("the options of a station's TLS", () => {
  test("store a certificate and a key of its own in each image, by a client authority", async () => {
    const file = join(root, "authority.pem");
    const authority = new Authority("Stations");
    writeFileSync(file, authority.cert + authority.key);
    await make({ count: 2, clientAuthority: new ClientAuthority(file) });
    const keys = manifest().map(({ id }) => {
      const values = readNVSImage(readFileSync(join(directory, `${id}.nvs.bin`))).get("plugpass");
      expect(new X509Certificate(values?.get("tls-cert") ?? "").subject).toBe(`CN=${id}`);
      return Buffer.from(values?.get("tls-key") ?? []).toString("hex");
    });
    expect(new Set(keys).size).toBe(2);
  });

  test("store a time server and the duty to use TLS in the record", async () => {
    await make({ timeServer: "time.cafe.example", requiresTLS: true, installationLimitA: 10 });
    const values = readNVSImage(readFileSync(join(directory, `${manifest()[0]?.id}.nvs.bin`))).get(
      "plugpass",
    );
    const record = JSON.parse(Buffer.from(values?.get("device") ?? "").toString());
    expect(record.timeServer).toBe("time.cafe.example");
    expect(record.installationLimitA).toBe(10);
    expect(record.preset).toEqual({ security: "tls" });
  });

  test("store no certificate without the authority", async () => {
    await make();
    const [station] = manifest();
    const values = readNVSImage(readFileSync(join(directory, `${station?.id}.nvs.bin`))).get("plugpass");
    expect([...(values?.keys() ?? [])]).toEqual(["device"]);
  });
});
