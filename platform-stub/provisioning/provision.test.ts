import { createHash } from "node:crypto";
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
import { readConfig, writeConfig } from "../config.js";
import { Registry } from "../registry.js";
import { configSource } from "./config-source.js";
import { type Identity, identityIn, imageOf } from "./identity.js";
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

/** Every file with all that is in it. */
function everything(): Map<string, string> {
  return new Map(
    readdirSync(directory).map((name) => [name, readFileSync(join(directory, name)).toString("hex")]),
  );
}

/** A source whose `times`th registration fails, as a full disk or a power cut would end a run there. */
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
  test("makes as many stations as it is told, with an image, two labels and a line each", async () => {
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
      expect(files).toEqual([`${id}.nvs.bin`, `${id}.label.txt`, `${id}.label.svg`]);
      const image = readFileSync(join(directory, `${id}.nvs.bin`));
      expect(sha256).toBe(createHash("sha256").update(image).digest("hex"));
      expect(time).toBe("2025-03-01T12:00:00.000Z");
      expect(rest).toEqual({});
    }
    expect(readdirSync(directory)).toHaveLength(3 * 3 + 1);
  });

  test("draws keys and passwords, and writes them into the image and on the label and nowhere else", async () => {
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
      expect(label).toContain(adminPassword);
      expect(label).not.toContain(key);
    }
  });

  test("fills the partition that the firmware has, or another one", async () => {
    const table = readFileSync(new URL("../../manifests/partitions.csv", import.meta.url), "utf8");
    const [, size] = /^nvs,.*,\s*(0x[0-9a-f]+),/im.exec(table) ?? [];
    await make({ count: 1 });
    expect(statSync(join(directory, `${manifest()[0]?.id}.nvs.bin`)).size).toBe(Number(size));
    await make({ count: 2, partitionBytes: 0x3000 });
    expect(statSync(join(directory, `${manifest()[1]?.id}.nvs.bin`)).size).toBe(0x3000);
    await expect(make({ count: 3, partitionBytes: 0x3001 })).rejects.toThrow(
      "a partition has a multiple of 4096",
    );
  });

  test("is for its owner's eyes only", async () => {
    await make();
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(directory)) {
      expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
    }
  });

  test("closes an empty directory to others, and leaves one alone that has something in it", async () => {
    mkdirSync(directory, { mode: 0o755 });
    chmodSync(directory, 0o755);
    await make();
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    chmodSync(directory, 0o755);
    await expect(make({ count: 2 })).rejects.toThrow("others may enter it, and it is not empty; chmod 700");
    expect(manifest()).toHaveLength(1);
  });

  test("repeated, changes nothing; with a larger count, adds", async () => {
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

  test("counts the stations of its own product", async () => {
    await make({ product: "cafe", count: 2 });
    await make({ product: "cafe-1a2b3c4d", count: 1 });
    expect(await make({ product: "bar", count: 1 })).toEqual({ made: 1, total: 1, halfMade: 0 });
    expect(await make({ product: "cafe", count: 2 })).toMatchObject({ made: 0 });
    expect(manifest().map(({ product }) => product)).toEqual(["cafe", "cafe", "cafe-1a2b3c4d", "bar"]);
  });
});

describe("an interrupted run is completed by the same run:", () => {
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

  test("what it had begun keeps its identity", async () => {
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
    expect(readdirSync(directory)).toHaveLength(3 * 3 + 1);
  });

  test("before its labels", async () => {
    const id = await interrupt();
    const label = read(`${id}.label.txt`);
    rmSync(join(directory, `${id}.label.txt`));
    rmSync(join(directory, `${id}.label.svg`));
    await make({ count: 2 });
    expect(manifest()[1]?.id).toBe(id);
    expect(read(`${id}.label.txt`)).toBe(label);
  });

  test("within a file, which is dropped", async () => {
    await interrupt();
    for (const suffix of [".nvs.bin.new", ".label.svg.new"]) {
      writeFileSync(join(directory, `cafe-00000000${suffix}`), "half of i");
    }
    await make({ count: 3 });
    expect(readdirSync(directory)).toHaveLength(3 * 3 + 1);
  });

  test("within a line of the manifest, which is dropped and written again", async () => {
    await make({ count: 2 });
    const [first, second] = manifest();
    truncateSync(join(directory, MANIFEST), read(MANIFEST).length - 10);
    expect(await make({ count: 2 })).toEqual({ made: 1, total: 2, halfMade: 0 });
    expect(manifest()).toEqual([first, { ...second, time: expect.any(String) }]);
  });

  test("not more of it than is asked for", async () => {
    await interrupt();
    expect(await make({ count: 1 })).toEqual({ made: 0, total: 1, halfMade: 1 });
  });

  test("unless its image is damaged or another's, which is told", async () => {
    const id = await interrupt();
    const file = join(directory, `${id}.nvs.bin`);
    const image = readFileSync(file);
    writeFileSync(file, image.fill(0, 100, 101));
    await expect(make({ count: 3 })).rejects.toThrow(
      `${id}.nvs.bin has no line in manifest.jsonl and cannot be completed: page 0, entry 1: its checksum is wrong`,
    );
    writeFileSync(file, imageOf({ ...identityOf(String(manifest()[0]?.id)) }));
    await expect(make({ count: 3 })).rejects.toThrow(`it is not an image of ${id}; take it away`);
  });
});

describe("provisioning is refused", () => {
  test.each(["", "-cafe", "a/b", "a b", "café", "../x", "x".repeat(56)])(
    'for the product "%s"',
    async (product) => {
      await expect(make({ product })).rejects.toThrow("is no product: 1-55 letters, digits, - and _");
      expect(existsSync(directory)).toBe(false);
    },
  );

  test.each([0, -1, 1.5, 10_001, Number.NaN])("for a count of %d", async (count) => {
    await expect(make({ count })).rejects.toThrow("a count is 1-10000");
  });

  test("where the directory cannot be written", async () => {
    const file = join(root, "file");
    writeFileSync(file, "");
    await expect(make({ directory: file })).rejects.toThrow(`cannot write to ${file}: EEXIST`);
    await expect(make({ directory: join(file, "sub") })).rejects.toThrow("/sub: ENOTDIR");
    await expect(make({ directory: "/proc/plugpass" })).rejects.toThrow("cannot write to /proc/plugpass: ");
  });

  test("for a source that gives what is there already; nothing is overwritten", async () => {
    await make();
    const id = String(manifest()[0]?.id);
    const before = everything();
    const source: IdentitySource = { draw: async () => ({ id, key: "00".repeat(32) }) };
    await expect(make({ count: 2, source })).rejects.toThrow(
      `has a station ${id} already; nothing is overwritten`,
    );
    expect(everything()).toEqual(before);
  });

  test("for a manifest with something else in it", async () => {
    await make();
    appendFileSync(join(directory, MANIFEST), "secret\n");
    await expect(make()).rejects.toThrow("manifest.jsonl, line 2: it is not JSON");
    truncateSync(join(directory, MANIFEST), 0);
    appendFileSync(join(directory, MANIFEST), '{"id":1}\n');
    await expect(make()).rejects.toThrow("manifest.jsonl, line 1: it is not a station's");
  });
});

test("an id that is taken is drawn again", async () => {
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

  test("adds the devices to it, with the keys of the images", async () => {
    await make({ count: 2, source: configSource({ file }) });
    const [old, ...added] = readConfig(file).devices;
    expect(old?.id).toBe("old");
    expect(added).toEqual(
      manifest().map(({ id }) => ({
        id,
        owner: OWNER,
        key: identityOf(String(id)).key,
        cipher: "aes-256-gcm",
      })),
    );
  });

  test("completes a station that is in it already, and one that is not yet", async () => {
    await expect(make({ count: 2, source: interrupting(1) })).rejects.toThrow("interrupted");
    await make({ count: 1, source: configSource({ file }) });
    expect(readConfig(file).devices).toHaveLength(2);
    rmSync(join(directory, MANIFEST));
    await make({ count: 1, source: configSource({ file }) });
    expect(readConfig(file).devices).toHaveLength(2);
    expect(manifest()).toHaveLength(1);
  });

  test("is refused where a device there has another key", async () => {
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

  test("needs to know whose the stations are", () => {
    expect(() => configSource({ file: join(root, "none.json") })).toThrow("there is no file");
    expect(() => configSource({ file, owner: "other@cafe.example" })).toThrow(
      "has no user other@cafe.example",
    );
    const registry = new Registry(readConfig(file));
    registry.addUser({ email: "other@cafe.example", token: "secret" });
    writeConfig(file, registry.data);
    expect(() => configSource({ file })).toThrow("has 2 users; say whose the stations are");
    expect(() => configSource({ file, owner: "other@cafe.example" })).not.toThrow();
    writeConfig(file, { users: [], devices: [], tags: [] });
    expect(() => configSource({ file })).toThrow("has no user; add one");
  });
});
