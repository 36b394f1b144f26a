import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { makeNVSImage } from "../../platform-stub/provisioning/nvs-image.js";
import { binFolder, mapFile } from "./bin-folder.js";
import { checkPermanence, flashFiles } from "./flash-files.js";
import { readManifest } from "./manifest.js";
import { manifestFolderOf, ROOT, targetOf } from "./targets.js";
import { buildEnvironment, findIDF, findModdable } from "./tools.js";
import { ownBytecodeBytes } from "./xsb.js";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "plugpass-sdk-"));
});

afterEach(() => rmSync(folder, { recursive: true }));

function put(name: string, content: string | Buffer = ""): string {
  const file = join(folder, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  return file;
}

/** A git repository with one commit, tagged as the releases of ESP-IDF are. */
function makeIDFRepository(path: string, tag: string): void {
  const author = ["-c", "user.name=test", "-c", "user.email=test@example.com"];
  for (const words of [
    ["init", "--quiet"],
    [...author, "commit", "--quiet", "--allow-empty", "--message", tag],
    [...author, "tag", "--annotate", "--message", tag, tag],
  ]) {
    expect(spawnSync("git", words, { cwd: path }).status).toBe(0);
  }
}

describe("findModdable", () => {
  const found = () => findModdable({ MODDABLE: folder }, "linux");

  test("returns folder, version and tools", () => {
    put("tools/VERSION", "8.2.3\n");
    put("build/bin/lin/release/mcconfig");
    expect(found()).toEqual({ folder, version: "8.2.3", bin: join(folder, "build/bin/lin/release") });
  });

  test.each(["8.2.4", "8.10.0", "9.0.0"])("accepts version %s", (version) => {
    put("tools/VERSION", version);
    put("build/bin/lin/release/mcconfig");
    expect(found().version).toBe(version);
  });

  test("reports a missing SDK", () => {
    expect(() => findModdable({}, "linux")).toThrow("$MODDABLE is not set");
    expect(found).toThrow("no tools/VERSION");
  });

  test.each(["8.2.2", "8.1.9", "7.9.9"])("refuses version %s as too old", (version) => {
    put("tools/VERSION", version);
    expect(found).toThrow(`is ${version}; it must be 8.2.3 or newer`);
  });

  test("reports an SDK whose tools are not built", () => {
    put("tools/VERSION", "8.2.3");
    expect(found).toThrow(`run make in ${join(folder, "build/makefiles/lin")}`);
    expect(() => findModdable({ MODDABLE: folder }, "darwin")).toThrow("build/makefiles/mac");
  });

  test("mcconfig runs with this project's TypeScript and linker on its path", () => {
    const path = buildEnvironment({ PATH: "/bin" }, { folder, version: "8.2.3", bin: "/sdk/bin" }).PATH;
    expect(path).toBe(`${join(ROOT, "node_modules/.bin")}:${join(ROOT, "scripts/sdk/linker")}:/sdk/bin:/bin`);
  });

  test("gives the compiler ESP-IDF's mbedTLS with its configuration, for the chip only", () => {
    const moddable = { folder: "/sdk", version: "8.2.3", bin: "/sdk/bin" };
    expect(buildEnvironment({ IDF_PATH: "/idf" }, moddable).C_INCLUDES).toMatch(
      /^-I\/idf\/components\/mbedtls\/port\/include .* -DMBEDTLS_CONFIG_FILE=\\"mbedtls\/esp_config\.h\\"/,
    );
    expect(buildEnvironment({}, moddable)).not.toHaveProperty("C_INCLUDES");
  });
});

describe("findIDF", () => {
  const found = () => findIDF({ IDF_PATH: folder });

  test.each(["v6.0", "v6.0.1"])("accepts version %s", (version) => {
    put("export.sh");
    makeIDFRepository(folder, version);
    expect(found().version).toBe(version.replace("v", ""));
  });

  test("reports a missing ESP-IDF", () => {
    expect(() => findIDF({})).toThrow("$IDF_PATH is not set");
    expect(found).toThrow("no export.sh");
  });

  test.each(["v5.4", "v6.1"])("refuses version %s", (version) => {
    put("export.sh");
    makeIDFRepository(folder, version);
    expect(found).toThrow(`is ${version.slice(1)}; it must be 6.0`);
  });

  test("refuses an archive, whose version the SDK cannot read", () => {
    put("export.sh");
    put("version.txt", "v6.0");
    expect(found).toThrow("is not a git repository");
  });
});

describe("flashFiles", () => {
  const bins = ["bootloader.bin", "partition-table.bin", "ota_data_initial.bin", "xs_esp32.bin"];
  const files = (target: string, station?: string) =>
    flashFiles({ target: targetOf(target), debug: false, station }, folder).map(([offset, file]) => [
      offset,
      file.slice(folder.length + 1),
    ]);

  test("returns the offsets of partition table and chip", () => {
    for (const bin of bins) put(bin);
    const station = put("one.nvs.bin", Buffer.alloc(0x14000));
    expect(files("esp32", station)).toEqual([
      [0x1000, "bootloader.bin"],
      [0x8000, "partition-table.bin"],
      [0x9000, "ota_data_initial.bin"],
      [0xc000, "one.nvs.bin"],
      [0x20000, "xs_esp32.bin"],
    ]);
    expect(files("esp32c3")[0]).toEqual([0, "bootloader.bin"]);
    expect(files("esp32s3")[0]).toEqual([0, "bootloader.bin"]);
  });

  test("does not overwrite stored data without a station", () => {
    for (const bin of bins) put(bin);
    expect(files("esp32").map(([offset]) => offset)).not.toContain(0xc000);
  });

  test("reports a missing build", () => {
    expect(() => files("esp32c3")).toThrow("npm run build:esp32c3");
    expect(() => files("lin")).toThrow("lin is not a board");
  });

  test("refuses a station whose size is not that of its partition", () => {
    for (const bin of bins) put(bin);
    expect(() => files("esp32", join(folder, "none.nvs.bin"))).toThrow("make it with npm run provision");
    const station = put("short.nvs.bin", Buffer.alloc(0x6000));
    expect(() => files("esp32", station)).toThrow("has 24576 bytes, but the partition has 81920");
  });

  test("binFolder is the folder of mcconfig's images", () => {
    const moddable = { folder: "/sdk", version: "8.2.3", bin: "" };
    expect(binFolder(moddable, targetOf("esp32c3"), true)).toBe("/sdk/build/bin/esp32/esp32c3/debug/esp32c3");
  });
});

describe("checkPermanence", () => {
  const plain = () => put("a.nvs.bin", Buffer.from(makeNVSImage(new Map())));
  const encrypted = () => put("a.encrypted.nvs.bin", Buffer.alloc(0x6000, 0x55));
  const check = (name: string, options: { station?: string; nvsKeys?: string; permanent?: boolean }) => () =>
    checkPermanence(
      { target: targetOf(name), debug: false, ...options },
      { permanent: options.permanent ?? false },
    );

  test("accepts a board with secure boot with its encrypted identity and consent", () => {
    const station = encrypted();
    expect(check("esp32c3-signed", { station, permanent: true })).not.toThrow();
    expect(check("esp32-signed", { station, nvsKeys: "keys", permanent: true })).not.toThrow();
    expect(check("esp32c3", { station: plain() })).not.toThrow();
    expect(check("esp32c3", {})).not.toThrow();
  });

  test("refuses what would make a board with secure boot useless", () => {
    const station = encrypted();
    expect(check("esp32c3-signed", { station })).toThrow("repeat with --permanent");
    expect(check("esp32c3-signed", { permanent: true })).toThrow("needs --station");
    expect(check("esp32c3-signed", { station: plain(), permanent: true })).toThrow("npm run encrypt");
    expect(check("esp32-signed", { station, permanent: true })).toThrow("needs --nvs-keys");
    expect(check("esp32c3-signed", { station, nvsKeys: "keys", permanent: true })).toThrow(
      "leave out --nvs-keys",
    );
  });

  test("refuses the files of such a board for any other", () => {
    expect(check("esp32c3", { station: encrypted() })).toThrow("is encrypted");
    expect(check("esp32c3", { permanent: true })).toThrow("has no secure boot");
    expect(check("esp32", { nvsKeys: "keys" })).toThrow("has no secure boot");
    expect(check("esp32", { station: join(folder, "none.nvs.bin") })).toThrow("does not exist");
  });
});

describe("ownBytecodeBytes", () => {
  function atom(name: string, content: Buffer): Buffer {
    const head = Buffer.alloc(8);
    head.writeUInt32BE(content.length + 8);
    head.write(name, 4, "latin1");
    return Buffer.concat([head, content]);
  }

  test("counts the bytecode of this project's modules, without names", () => {
    const file = atom(
      "XS_B",
      Buffer.concat([atom("SYMB", Buffer.alloc(50)), atom("CODE", Buffer.alloc(300))]),
    );
    put("modules/mqtt/index.xsb", file);
    put("firmware/main.xsb", file);
    put("timer.xsb", file);
    expect(ownBytecodeBytes(folder)).toBe(600);
  });

  test("throws for a damaged file", () => {
    put("firmware/main.xsb", Buffer.alloc(20));
    expect(() => ownBytecodeBytes(folder)).toThrow("build again");
  });
});

test.each([
  "firmware-key.pem",
  "app-key.pem",
  "stations/cafe-1.nvs.bin",
  "secure-boot-0.pem",
  "cafe-1.hmac-key.bin",
  "cafe-1.nvs-keys.bin",
  "stations/manifest.jsonl",
  "build/platform.json",
  "build/platform.sqlite",
  "build/esp32.log",
  "story.btsnoop",
])("git ignores %s, which a command of the documentation reads or writes", (file) => {
  expect(spawnSync("git", ["check-ignore", "--quiet", file], { cwd: ROOT }).status).toBe(0);
});

test("allowScripts decides on every package with an install script", () => {
  const read = (name: string) => JSON.parse(readFileSync(join(ROOT, name), "utf8"));
  const packages: Record<string, { hasInstallScript?: boolean }> = read("package-lock.json").packages;
  const withScripts = Object.entries(packages)
    .filter(([, { hasInstallScript }]) => hasInstallScript)
    .map(([path]) => path.replace(/^.*node_modules\//, ""));
  expect(Object.keys(read("package.json").allowScripts).sort()).toEqual([...new Set(withScripts)].sort());
});

test.each(["esp32c3", "esp32s3"])("the firmware for %s contains its pins", (chip) => {
  expect(manifestFolderOf(targetOf(chip)).replaced).toEqual({
    "firmware/boards/esp32/pins": `firmware/boards/${chip}/pins`,
  });
});

test("mapFile is the link map in the folder of ESP-IDF's build", () => {
  const moddable = { folder: "/sdk", version: "8.2.3", bin: "" };
  expect(mapFile(moddable, targetOf("esp32s3"), false)).toBe(
    "/sdk/build/tmp/esp32/esp32s3/release/esp32s3/xsProj-esp32s3/build/xs_esp32.map",
  );
});

test("readManifest throws an error with the path of an invalid manifest", () => {
  const file = put("manifest.json", '{"modules": 3}');
  expect(() => readManifest(file, "esp32")).toThrow(`${file} is not a valid manifest`);
});

test.each([
  ["build.ts", ["esp32-signed"], "esp32-signed needs --signing-key"],
  ["build.ts", ["esp32", "--signing-key", "key.pem"], "esp32 has no secure boot"],
  [
    "build.ts",
    ["esp32s2"],
    "the target esp32s2 is unknown; use one of esp32, esp32-signed, esp32-ethernet, esp32c3, esp32c3-ethernet, esp32c3-qemu, esp32c3-signed, esp32s3, lin",
  ],
  ["build.ts", ["esp32"], "config.updateKey is not set, so no update could be installed"],
  [
    "build.ts",
    ["esp32c3-signed", "--signing-key", "package.json", "--unsigned"],
    "cannot be built with --unsigned",
  ],
  ["build.ts", ["esp32-signed", "--signing-key", "nope.pem"], "the signing key nope.pem does not exist"],
  [
    "build.ts",
    ["esp32-signed", "--signing-key", "package.json", "--backup-key", "package.json"],
    "esp32-signed has room for 0 backup keys, not 1",
  ],
  ["build.ts", ["esp32", "--unsigned"], "$MODDABLE is not set"],
  ["build.ts", ["esp32", "--debug"], "$MODDABLE is not set"],
  ["build.ts", ["lin"], "$MODDABLE is not set"],
  ["flash.ts", [], "--port"],
  ["flash.ts", ["--port", "/dev/null"], "$MODDABLE is not set"],
  ["monitor.ts", ["--port", "/dev/null"], "$MODDABLE is not set"],
  ["flash.ts", ["--port", ""], "--port is empty"],
  ["flash.ts", ["--port", "/dev/nope"], "the port /dev/nope does not exist"],
  ["monitor.ts", ["--port", ""], "--port is empty"],
  ["monitor.ts", ["--port", "/dev/nope"], "the port /dev/nope does not exist"],
  ["monitor.ts", ["--port", "/dev/nope", "--debug"], "the port /dev/nope does not exist"],
])("%s %j reports what is missing and exits with 1", (script, words, sentence) => {
  const { MODDABLE: _moddable, IDF_PATH: _idf, ...env } = process.env;
  const { status, stderr } = spawnSync(
    process.execPath,
    ["scripts/run.js", join("scripts/sdk", script), ...words],
    { cwd: ROOT, env, encoding: "utf8" },
  );
  expect(stderr).toContain(sentence);
  expect(stderr).not.toContain("    at ");
  expect(status).toBe(1);
});

test("monitor.ts shows the log with a miniterm that Ctrl-C ends", () => {
  const MODDABLE = join(folder, "sdk");
  const IDF_PATH = join(folder, "idf");
  put("sdk/tools/VERSION", "8.2.3");
  for (const host of ["lin", "mac"]) put(`sdk/build/bin/${host}/release/mcconfig`);
  put("idf/export.sh", "python() { echo $@; }; exec() { $@; }");
  makeIDFRepository(IDF_PATH, "v6.0");
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ["scripts/run.js", "scripts/sdk/monitor.ts", "--port", "/dev/null"],
    { cwd: ROOT, env: { ...process.env, MODDABLE, IDF_PATH }, encoding: "utf8" },
  );
  expect(stderr).toBe("");
  expect(stdout).toBe("-m serial.tools.miniterm --raw --exit-char 3 /dev/null 115200\n");
});
