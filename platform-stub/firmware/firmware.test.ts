import { spawnSync } from "node:child_process";
import { createPublicKey, verify } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { sha256, sha512 } from "@noble/hashes/sha2.js";
import mqtt from "mqtt";
import { waitFor } from "../../host-tests/tools/cli/wait.js";
import { makeImage } from "../../host-tests/virtual/world/firmware-image.js";
import { decodeHex, encodeHex } from "../../modules/bytes/index.js";
import { verifyEd25519 } from "../../modules/updates/ed25519/ed25519.js";
import { demoRegistry } from "../demo.js";
import { startPlatform } from "../platform.js";
import { Registry } from "../registry.js";
import { answer } from "./answer.js";
import { writeRelease } from "./directory.js";
import { makeKey, publicKeyOf, signatureOf } from "./keys.js";
import { Reports } from "./reports.js";
import { FirmwareRepository, type Release, type StationReport } from "./repository.js";
import { type FirmwareService, serveFirmware } from "./server.js";

const image = makeImage({ version: 5, productId: "cafe" });
const IDS = Array.from({ length: 2000 }, (_, i) => `cafe-${i.toString(16).padStart(8, "0")}`);

function releaseOf(version: number, change: Partial<Release> = {}): Release {
  const own = makeImage({ version, productId: "cafe" });
  return { productId: "cafe", version, channel: "stable", image: own, percent: 100, ...change };
}

const updatedTo =
  (version: number) =>
  (deviceId: string): StationReport => ({
    deviceId,
    productId: "cafe",
    version,
    updateState: "Updated successfully",
  });

const rolledBackFrom =
  (version: number) =>
  (deviceId: string): StationReport => ({
    deviceId,
    productId: "cafe",
    version: version - 1,
    updateState: `Rolled back: version ${version}: crash`,
  });

describe("FirmwareRepository", () => {
  test("offers a staged release to its share of device ids, and only adds ids when the share grows", () => {
    const repository = new FirmwareRepository();
    repository.put(releaseOf(4));
    let before = new Set<string>();
    for (const percent of [0, 5, 20, 100]) {
      repository.put(releaseOf(5, { percent }));
      const lucky = new Set(
        IDS.filter((id) => repository.offer("cafe", "stable", id)?.release.version === 5),
      );
      expect(Math.abs((100 * lucky.size) / IDS.length - percent)).toBeLessThan(2);
      for (const id of before) expect(lucky.has(id)).toBe(true);
      before = lucky;
    }
  });

  test("offers each release to other stations first", () => {
    const repository = new FirmwareRepository();
    const first = (version: number) => {
      repository.put(releaseOf(version, { percent: 5 }));
      return IDS.filter((id) => repository.offer("cafe", "stable", id)?.release.version === version);
    };
    const [one, two] = [new Set(first(5)), first(6)];
    expect(two.filter((id) => one.has(id)).length).toBeLessThan(two.length / 3);
  });

  test("offers releases for 100 % to a station without an id, and staging releases on request", () => {
    const repository = new FirmwareRepository();
    repository.put(releaseOf(4));
    repository.put(releaseOf(5, { percent: 99 }));
    repository.put(releaseOf(6, { channel: "staging" }));
    expect(repository.offer("cafe", "stable", undefined)?.release.version).toBe(4);
    expect(repository.offer("cafe", "staging", undefined)?.release.version).toBe(6);
    expect(repository.offer("lamp", "stable", undefined)).toBeUndefined();
  });

  test("halts a release after more than a tenth of its stations rolled back, and offers the previous one", () => {
    let halts = 0;
    const repository = new FirmwareRepository({ onHalted: () => halts++ });
    repository.put(releaseOf(4));
    repository.put(releaseOf(5));
    const say = (count: number, from: number, report: (deviceId: string) => StationReport) => {
      for (const id of IDS.slice(from, from + count)) repository.report(report(id));
    };
    say(90, 0, updatedTo(5));
    say(10, 100, rolledBackFrom(5));
    expect(repository.progress(releaseOf(5)).isHalted).toBe(false);
    // A repeated report counts once.
    for (let i = 0; i < 5; i++) say(1, 100, rolledBackFrom(5));
    expect(repository.progress(releaseOf(5)).isHalted).toBe(false);
    say(1, 200, rolledBackFrom(5));
    expect(repository.progress(releaseOf(5)).isHalted).toBe(true);
    expect(repository.offer("cafe", "stable", IDS[300])?.release.version).toBe(4);
    // After the release is resumed, only a new rollback halts it.
    repository.put(releaseOf(5), { ...repository.progress(releaseOf(5)), isHalted: false });
    say(10, 100, rolledBackFrom(5));
    say(1, 90, updatedTo(5));
    expect(repository.progress(releaseOf(5)).isHalted).toBe(false);
    say(1, 201, rolledBackFrom(5));
    expect(repository.progress(releaseOf(5)).isHalted).toBe(true);
    // A further rollback of a halted release is no further halt.
    say(1, 202, rolledBackFrom(5));
    expect(halts).toBe(2);
  });

  test("counts a rollback for the version that rolled back, not for a newer offer", () => {
    const repository = new FirmwareRepository();
    repository.put(releaseOf(5));
    repository.put(releaseOf(6));
    for (const id of IDS.slice(0, 5)) {
      expect(repository.offer("cafe", "stable", id)?.release.version).toBe(6);
      repository.report(rolledBackFrom(5)(id));
    }
    expect(repository.progress(releaseOf(5))).toMatchObject({ isHalted: true, rolledBack: IDS.slice(0, 5) });
    expect(repository.progress(releaseOf(6))).toEqual({
      isHalted: false,
      haltedOwners: [],
      rolledBack: [],
      updated: [],
    });
  });

  test("halts a release for one owner only after rollbacks of that owner's stations", () => {
    const ownerOf = (id: string) => (IDS.indexOf(id) < 10 ? "a@cafe.example" : "b@cafe.example");
    const repository = new FirmwareRepository({ ownerOf });
    repository.put(releaseOf(4));
    repository.put(releaseOf(5));
    const offeredTo = (id = "") => repository.offer("cafe", "stable", id)?.release.version;
    for (const id of IDS.slice(0, 3)) repository.report(rolledBackFrom(5)(id));
    expect(repository.progress(releaseOf(5))).toMatchObject({
      isHalted: false,
      haltedOwners: ["a@cafe.example"],
    });
    expect([offeredTo(IDS[5]), offeredTo(IDS[15])]).toEqual([4, 5]);
    repository.report(rolledBackFrom(5)(IDS[10] ?? ""));
    expect(repository.progress(releaseOf(5)).isHalted).toBe(true);
    expect(offeredTo(IDS[15])).toBe(4);
  });

  test("gives each owner the same weight: an owner of many stations does not outvote the others", () => {
    const ownerOf = (id: string) => (IDS.indexOf(id) < 100 ? "many@cafe.example" : id);
    const repository = new FirmwareRepository({ ownerOf });
    repository.put(releaseOf(5));
    for (const id of IDS.slice(100, 160)) repository.report(updatedTo(5)(id));
    for (const id of [...IDS.slice(0, 100), IDS[160] ?? ""]) repository.report(rolledBackFrom(5)(id));
    expect(repository.progress(releaseOf(5))).toMatchObject({
      isHalted: false,
      haltedOwners: ["many@cafe.example"],
    });
  });

  test("does not count rollbacks of stations that are not registered, or that were not offered the release", () => {
    const isKnown = (id: string) => IDS.indexOf(id) < 100;
    const repository = new FirmwareRepository({ ownerOf: (id) => (isKnown(id) ? id : undefined) });
    repository.put(releaseOf(5, { percent: 30 }));
    const offered = new Set(IDS.filter((id) => repository.offer("cafe", "stable", id)));
    for (const id of IDS) if (!isKnown(id) || !offered.has(id)) repository.report(rolledBackFrom(5)(id));
    expect(repository.progress(releaseOf(5))).toMatchObject({ isHalted: false, rolledBack: [] });
    for (const id of IDS.filter((one) => isKnown(one) && offered.has(one)).slice(0, 3)) {
      repository.report(rolledBackFrom(5)(id));
    }
    expect(repository.progress(releaseOf(5)).isHalted).toBe(true);
  });

  test("does not halt a release for two rollbacks, for other products or for failed downloads", () => {
    const repository = new FirmwareRepository();
    repository.put(releaseOf(5));
    for (const id of IDS.slice(0, 50)) repository.report({ ...rolledBackFrom(5)(id), productId: "lamp" });
    for (const id of IDS.slice(0, 2)) repository.report(rolledBackFrom(5)(id));
    repository.report({
      ...updatedTo(4)(IDS[3] ?? ""),
      updateState: "Update failed: the connection was lost",
    });
    expect(repository.progress(releaseOf(5))).toMatchObject({
      isHalted: false,
      rolledBack: IDS.slice(0, 2),
      updated: [],
    });
  });

  test("refuses a second image of a version", () => {
    const repository = new FirmwareRepository();
    repository.put(releaseOf(5));
    const other = makeImage({ version: 5, productId: "cafe", byteLength: 4096 });
    expect(() => repository.put(releaseOf(5, { image: other }))).toThrow("already exists with another image");
  });
});

describe("Reports", () => {
  const seen: StationReport[] = [];
  const reports = new Reports((report) => seen.push(report));
  const publish = (root: string, what: Record<string, string>) => {
    for (const [topic, text] of Object.entries(what)) reports.receive(`${root}/${topic}`, text);
  };

  beforeEach(() => {
    seen.length = 0;
  });

  test("combines the topics of each station in any order", () => {
    publish("a/sweet-home/one", { "firmware/updatestate": "Updated successfully", "$fw/version": "5" });
    publish("a/sweet-home/two", { "$fw/name": "lamp", "$fw/version": "7" });
    expect(seen).toEqual([]);
    publish("a/sweet-home/one", { "$fw/name": "cafe" });
    expect(seen).toEqual([updatedTo(5)("one")]);
  });

  test("reports nothing after a topic is removed or invalid", () => {
    const root = "a/sweet-home/three";
    publish(root, { "$fw/name": "cafe", "$fw/version": "", "firmware/updatestate": "none" });
    publish(root, { "$fw/version": "five", "firmware/version": "5" });
    publish("a/elsewhere/three", { "$fw/version": "5" });
    expect(seen).toEqual([]);
    publish(root, { "$fw/version": "5" });
    publish(root, { "$fw/name": "", "$fw/version": "", "firmware/updatestate": "" });
    publish(root, { "firmware/updatestate": "Updated successfully", "$fw/version": "5" });
    expect(seen).toHaveLength(1);
  });
});

describe("the HTTP answer", () => {
  const repository = new FirmwareRepository();
  repository.put(releaseOf(5, { image, signature: "ab".repeat(64) }));
  const ask = (path: string, headers: Record<string, string> = {}, method = "GET") =>
    answer(repository, { method, path, headers: new Map(Object.entries(headers)) });
  const IMAGE = "/firmwares/v1/cafe.bin";
  const etag = `"${Buffer.from(sha256(image)).toString("hex")}"`;

  test("for a product contains the newest version with size, hash and signature", () => {
    const { status, body } = ask("/firmwares/v1/products/cafe/firmware-version");
    expect(status).toBe(200);
    expect(JSON.parse(Buffer.from(body).toString())).toEqual({
      firmware_version: 5,
      size: image.length,
      sha256: etag.slice(1, -1),
      signature: "ab".repeat(64),
    });
  });

  test.each([
    ["bytes=100-", 206, 100, image.length],
    ["bytes=100-199", 206, 100, 200],
    ["bytes=-16", 206, image.length - 16, image.length],
    [`bytes=0-${2 * image.length}`, 206, 0, image.length],
    ["bytes=5-4", 200, 0, image.length],
    ["bytes=0-1,3-4", 200, 0, image.length],
    ["lines=1-", 200, 0, image.length],
  ])("for the range %s has the status %d", (range, status, from, to) => {
    const response = ask(IMAGE, { range });
    expect(response.status).toBe(status);
    expect(Buffer.from(response.body).equals(image.slice(from, to))).toBe(true);
    expect(response.headers["content-length"]).toBe(String(to - from));
    if (status === 206) {
      expect(response.headers["content-range"]).toBe(`bytes ${from}-${to - 1}/${image.length}`);
    }
  });

  test("for a range with If-Range is partial for the same image and whole for another one", () => {
    expect(ask(IMAGE, { range: "bytes=10-", "if-range": etag }).status).toBe(206);
    expect(ask(IMAGE, { range: "bytes=10-", "if-range": '"other"' }).status).toBe(200);
  });

  test.each([
    [IMAGE, { range: `bytes=${image.length}-` }, "GET", 416],
    ["/firmwares/v1/lamp.bin", {}, "GET", 404],
    ["/firmwares/v1/staging/lamp.bin", {}, "GET", 404],
    ["/firmwares/v1/products/lamp/firmware-version", {}, "GET", 404],
    ["/firmwares/v1/../secret", {}, "GET", 404],
    [IMAGE, {}, "POST", 405],
  ])("for %s %j %s has the status %d", (path, headers, method, status) => {
    expect(ask(path, headers as Record<string, string>, method).status).toBe(status);
  });
});

describe("a served repository", () => {
  let directory: string;
  let service: FirmwareService | undefined;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "plugpass-repository-"));
  });

  afterEach(async () => {
    await service?.close();
    service = undefined;
    rmSync(directory, { recursive: true });
  });

  test("refuses an image whose product id is a path out of the repository", () => {
    const productId = "../outside";
    const stray = makeImage({ version: 5, productId });
    const repository = join(directory, "repository");
    expect(() => writeRelease(repository, releaseOf(5, { image: stray, productId }))).toThrow(/product id/);
    expect(readdirSync(directory)).toEqual([]);
  });

  test("answers over HTTP and serves a release that is added while it runs", async () => {
    service = await serveFirmware({ directory: join(directory, "repository"), port: 0 });
    const url = `${service.url}/firmwares/v1/cafe.bin`;
    expect((await fetch(url)).status).toBe(404);
    writeRelease(join(directory, "repository"), releaseOf(5, { image }));
    const part = await fetch(url, { headers: { range: "bytes=4096-" } });
    expect(part.status).toBe(206);
    expect(Buffer.from(await part.arrayBuffer()).equals(image.slice(4096))).toBe(true);
  });

  test("reports each invalid file in its directory once and serves the other releases", async () => {
    const repository = join(directory, "repository");
    writeRelease(repository, releaseOf(5, { image }));
    writeFileSync(join(repository, ".DS_Store"), "");
    mkdirSync(join(repository, "aaa"));
    writeFileSync(join(repository, "aaa", "stable-1.json"), "{");
    writeFileSync(join(repository, "aaa", "stable-2.json"), `{"percent":300}`);
    writeFileSync(join(repository, "aaa", "stable-3.json"), `{"percent":100}`);
    const problems: string[] = [];
    service = await serveFirmware({
      directory: repository,
      port: 0,
      onProblem: (text) => problems.push(text),
    });
    for (let i = 0; i < 3; i++)
      expect((await fetch(`${service.url}/firmwares/v1/cafe.bin`)).status).toBe(200);
    expect(problems).toEqual([
      expect.stringMatching(/stable-1\.json does not describe a release: it is not JSON/),
      expect.stringMatching(/stable-2\.json does not describe a release: .*percent/s),
      expect.stringMatching(/stable-3\.bin is missing/),
    ]);
    // The repaired release is served.
    writeFileSync(join(repository, "aaa", "stable-1.json"), `{"percent":100}`);
    writeFileSync(join(repository, "aaa", "stable-1.bin"), makeImage({ version: 1, productId: "aaa" }));
    expect((await fetch(`${service.url}/firmwares/v1/aaa.bin`)).status).toBe(200);
  });

  test("reports a directory that has become a file and keeps running", async () => {
    const repository = join(directory, "repository");
    mkdirSync(repository);
    const problems: string[] = [];
    service = await serveFirmware({
      directory: repository,
      port: 0,
      onProblem: (text) => problems.push(text),
    });
    rmSync(repository, { recursive: true });
    writeFileSync(repository, "");
    for (let i = 0; i < 2; i++)
      expect((await fetch(`${service.url}/firmwares/v1/cafe.bin`)).status).toBe(404);
    expect(problems).toEqual([expect.stringContaining("must be a folder")]);
  });

  test("halts a release after rollbacks that stations publish, and keeps it halted after a restart", async () => {
    writeRelease(directory, releaseOf(5, { image }));
    const platform = await startPlatform({ registry: demoRegistry() });
    const broker = { url: platform.url, ...platform.account };
    const halted: number[] = [];
    const options = { directory, port: 0, broker };
    service = await serveFirmware({ ...options, onHalted: ({ version }) => halted.push(version) });
    const client = await mqtt.connectAsync(platform.url, { ...platform.account });
    const say = async (id: string) => {
      const { productId, version, updateState } = rolledBackFrom(5)(id);
      const words = [
        ["$fw/name", productId],
        ["$fw/version", String(version)],
        ["firmware/updatestate", updateState],
      ] as const;
      for (const [topic, text] of words) {
        const options = { qos: 1, retain: true } as const;
        await client.publishAsync(`owner/sweet-home/${id}/${topic}`, text, options);
      }
    };
    for (const id of IDS.slice(0, 2)) await say(id);
    // Reports published while the server is down are received after its start; earlier ones do not count twice.
    await service.close();
    await say(IDS[2] ?? "");
    service = await serveFirmware({ ...options, onHalted: ({ version }) => halted.push(version) });
    await waitFor("the release is halted", () => halted.length > 0, 5000);
    expect(halted).toEqual([5]);
    await service.close();
    service = await serveFirmware({ directory, port: 0 });
    expect(service.repository.progress(releaseOf(5))).toMatchObject({
      isHalted: true,
      rolledBack: IDS.slice(0, 3),
    });
    expect((await fetch(`${service.url}/firmwares/v1/cafe.bin`)).status).toBe(404);
    // Releasing the version again resumes it.
    writeRelease(directory, releaseOf(5, { image }));
    expect((await fetch(`${service.url}/firmwares/v1/cafe.bin`)).status).toBe(200);
    await client.endAsync();
    await platform.close();
  });
});

test("a rollback counts only on the topics of the station's owner, also below a root topic of several levels", async () => {
  const directory = mkdtempSync(join(tmpdir(), "plugpass-repository-"));
  writeRelease(directory, releaseOf(5, { image }));
  const registry = new Registry();
  registry.addUser({ email: "a@cafe.example", token: "t", rootTopic: "cafe/prague" });
  registry.addDevice({ id: IDS[0] ?? "", owner: "a@cafe.example" });
  const platform = await startPlatform({ registry });
  const broker = { url: platform.url, ...platform.account };
  const service = await serveFirmware({ directory, port: 0, broker, registry });
  const client = await mqtt.connectAsync(platform.url, { ...platform.account });
  const publish = async (root: string, id = "") => {
    const { productId, version, updateState } = rolledBackFrom(5)(id);
    await client.publishAsync(`${root}/sweet-home/${id}/$fw/name`, productId, { qos: 1 });
    await client.publishAsync(`${root}/sweet-home/${id}/$fw/version`, String(version), { qos: 1 });
    await client.publishAsync(`${root}/sweet-home/${id}/firmware/updatestate`, updateState, { qos: 1 });
  };
  await publish("elsewhere", IDS[0]);
  await publish("cafe/prague", IDS[1]);
  expect(service.repository.progress(releaseOf(5)).rolledBack).toEqual([]);
  await publish("cafe/prague", IDS[0]);
  await waitFor("it counts", () => service.repository.progress(releaseOf(5)).rolledBack.length > 0, 5000);
  expect(service.repository.progress(releaseOf(5)).rolledBack).toEqual(IDS.slice(0, 1));
  await client.endAsync();
  await service.close();
  await platform.close();
  rmSync(directory, { recursive: true });
});

describe("npm run release and npm run sign", () => {
  let directory: string;
  let file: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "plugpass-release-"));
    file = join(directory, "image.bin");
    writeFileSync(file, image);
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  /** Writes the SBOM that the build writes beside the image. */
  function writeSBOM(updateKey: string, content = sha256(image)): void {
    const hashes = [{ alg: "SHA-256", content: encodeHex(content) }];
    const properties = [{ name: "plugpass:updateKey", value: updateKey }];
    const sbom = { bomFormat: "CycloneDX", metadata: { component: { hashes, properties } } };
    writeFileSync(join(directory, "image.cdx.json"), JSON.stringify(sbom));
  }

  function run(command: "release" | "sign", ...words: string[]) {
    const args = ["scripts/run.js", `platform-stub/firmware/${command}-cli.ts`, ...words];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
    return { status, text: stdout + stderr };
  }

  test("add a signed image, whose signature the station's own code accepts", () => {
    const key = join(directory, "key.pem");
    const repository = join(directory, "repository");
    const made = run("sign", "key", "--out", key);
    const publicKey = decodeHex(/\b[0-9a-f]{64}\b/.exec(made.text)?.[0] ?? "") ?? new Uint8Array(0);
    expect(statSync(key).mode & 0o777).toBe(0o600);
    writeSBOM(publicKeyOf(key));
    const released = run(
      "release",
      "--image",
      file,
      "--version",
      "5",
      "--key",
      key,
      "--repository",
      repository,
    );
    expect(released).toEqual({
      status: 0,
      text: `cafe version 5, 8192 bytes, signed: released in ${repository} for 100 % (stable)\n`,
    });
    const { signature } = JSON.parse(readFileSync(join(repository, "cafe/stable-5.json"), "utf8"));
    const bytes = decodeHex(signature) ?? new Uint8Array(0);
    expect(verifyEd25519(bytes, sha256(image), publicKey, sha512)).toBe(true);
    expect(run("sign", "--image", file, "--key", key).text.trim()).toBe(signature);
    expect(readFileSync(join(repository, "cafe/stable-5.cdx.json"), "utf8")).toContain('"CycloneDX"');
  });

  test.each<[string, string[], string]>([
    ["a version other than the image's", ["--version", "6"], "the image is cafe version 5"],
    ["an invalid version", ["--version", "five"], "a version must be a whole number"],
    ["an invalid percentage", ["--version", "5", "--percent", "101"], "a percentage must be 0-100"],
    ["an invalid key", ["--version", "5", "--key", "package.json"], "not an Ed25519 key"],
    ["a missing key", ["--version", "5", "--key", "nowhere.pem"], "npm run sign -- key"],
  ])("refuse %s", (_name, words, why) => {
    const repository = join(directory, "repository");
    const key = join(directory, "key.pem");
    makeKey(key);
    writeSBOM(publicKeyOf(key));
    // The last of two --key options applies.
    const { status, text } = run(
      "release",
      "--image",
      file,
      "--repository",
      repository,
      "--key",
      key,
      ...words,
    );
    expect(status).toBe(1);
    expect(text).toContain(why);
    expect(existsSync(repository)).toBe(false);
  });

  test.each<[string, () => void, string[], string]>([
    ["an image without an SBOM", () => rmSync(join(directory, "image.cdx.json")), [], "writes the SBOM"],
    [
      "the SBOM of another image",
      () => writeSBOM("ab", new Uint8Array(32)),
      [],
      "is the SBOM of another image",
    ],
    [
      "a file that is no SBOM",
      () => writeFileSync(join(directory, "image.cdx.json"), "{}"),
      [],
      "is not an SBOM of npm run build",
    ],
    ["an image without an update key", () => writeSBOM("none"), [], "would never be updated again"],
    ["an image for the updates of another key", () => writeSBOM("ab"), [], "repeat with --changes-key"],
    ["--changes-key without a change", () => {}, ["--changes-key"], "leave out --changes-key"],
  ])("refuse %s", (_name, prepare, words, why) => {
    const repository = join(directory, "repository");
    const key = join(directory, "key.pem");
    makeKey(key);
    writeSBOM(publicKeyOf(key));
    prepare();
    const options = ["--image", file, "--version", "5", "--repository", repository, "--key", key];
    const { status, text } = run("release", ...options, ...words);
    expect([status, text]).toEqual([1, expect.stringContaining(why)]);
    expect(existsSync(repository)).toBe(false);
  });

  test("release an image that changes the key, if --changes-key insists", () => {
    const repository = join(directory, "repository");
    const key = join(directory, "key.pem");
    makeKey(key);
    writeSBOM("ab".repeat(32));
    const options = ["--image", file, "--version", "5", "--repository", repository, "--key", key];
    expect(run("release", ...options, "--changes-key").status).toBe(0);
  });

  test("refuse an image without a key to sign it", () => {
    const repository = join(directory, "repository");
    const { status, text } = run("release", "--image", file, "--version", "5", "--repository", repository);
    expect(status).toBe(1);
    expect(text).toContain("required option '--key <file>' not specified");
    expect(existsSync(repository)).toBe(false);
  });

  test("refuse an image that the bootloader would refuse", () => {
    const damaged = image.slice();
    damaged[4000] = (damaged[4000] ?? 0) ^ 1;
    writeFileSync(file, damaged);
    for (const command of ["release", "sign"] as const) {
      const { status, text } = run(command, "--image", file, "--version", "5", "--key", "x");
      expect([status, text.includes("checksum") || text.includes("unknown option")]).toEqual([1, true]);
    }
  });

  test("never overwrite a key", () => {
    const key = join(directory, "key.pem");
    makeKey(key);
    expect(() => makeKey(key)).toThrow("already exists");
    // Node's implementation verifies the signature too.
    const publicKey = createPublicKey(readFileSync(key));
    expect(publicKey.export({ type: "spki", format: "der" }).subarray(-32).toString("hex")).toBe(
      publicKeyOf(key),
    );
    expect(verify(null, sha256(image), publicKey, Buffer.from(signatureOf(key, image), "hex"))).toBe(true);
  });
});
