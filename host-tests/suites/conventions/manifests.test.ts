/** Checks of the manifests that need no SDK. */

import { existsSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { type Manifest, readManifest } from "../../../scripts/sdk/manifest.js";
import { moduleLists } from "../../../scripts/sdk/module-lists.js";
import { parsePartitions, partitionErrors } from "../../../scripts/sdk/partitions.js";
import { MANIFESTS } from "../../../scripts/sdk/targets.js";
import { importGraph, ROOT, regexpsOutsideFunctions, targetOf, valueImports } from "../../tools/imports.js";
import { SLOT_BYTES } from "../../virtual/board/slots.js";

const FLASH_BYTES = 4 * 1024 * 1024;

/**
 * Pool of XS, bytes (`creation.static`), a single block of memory (decision 018). On the classic ESP32 with Bluetooth no
 * block is larger than 113,840.
 */
const STATIC_HEAP_BYTES = 106_496;
/** In PSRAM. */
const PSRAM_HEAP_BYTES = 524_288;

/** Number of sockets that can post messages to the engine's queue while JavaScript is busy, for example with TLS. */
const MAX_TCP_SOCKETS = 8;
const LISTENER_AND_DNS = 2;
const MAX_PHONES = 3;
/** Messages of one phone: connected, subscribed, written, disconnected. */
const MESSAGES_PER_PHONE = 4;
/** Messages of Wi-Fi: associated, address, and the loss of both. */
const WIFI_MESSAGES = 4;

interface SDKModule {
  readonly from: string;
  readonly documented: string;
}

const SDK_MODULES: Readonly<Record<string, SDKModule>> = JSON.parse(
  readFileSync(join(ROOT, "manifests/sdk-modules.json"), "utf8"),
);

const TARGETS: readonly [string, Manifest][] = await Promise.all(
  MANIFESTS.map(async (folder): Promise<[string, Manifest]> => {
    const file = join(ROOT, "manifests", folder.name, "manifest.json");
    return [folder.name, readManifest(file, folder.platform, await moduleLists(folder))];
  }),
);

/** Pins of a chip take the place of the classic ESP32's. */
const REPLACED = Object.fromEntries(MANIFESTS.map(({ name, replaced }) => [name, replaced]));

function manifestOf(target: string): Manifest {
  const manifest = TARGETS.find(([name]) => name === target)?.[1];
  if (!manifest) throw new Error(`there is no manifests/${target}`);
  return manifest;
}

/** Returns the source file of a manifest's module, relative to the project's root. */
function sourceOf(path: string): string {
  const found = [".ts", ".js"].map((ending) => path + ending).find((file) => existsSync(file));
  return found === undefined ? `${path} (no such file)` : relative(ROOT, found).split(sep).join("/");
}

describe.each(TARGETS)("manifests/%s", (target, manifest) => {
  const graph = importGraph(`${manifest.main}.ts`);
  /** Modules by name. A board's pins have the name of the ESP32's. */
  const named = [...manifest.ownModules].map(([name, path]) => [name, sourceOf(path)] as const);

  test("lists exactly the modules that its main module imports, according to another parser", () => {
    const wanted = [...graph.files].map((file) => file.replace(/\.(ts|js)$/, "")).sort();
    const names = named.map(([name]) => name).filter((name) => !name.startsWith("@"));
    expect(names.sort()).toEqual(wanted);
  });

  /**
   * In XS 8.2.3 (`fxAllocateRegExpData` in xsre.c lacks an `else`), each use of a regular expression that was created
   * during preload leaks memory, and a garbage collection during it ends the machine.
   */
  test("has no regular expression outside functions", () => {
    const found = [...graph.files].flatMap((file) =>
      regexpsOutsideFunctions(file).map((one) => `${file}: ${one}`),
    );
    expect(found).toEqual([]);
  });

  test("names existing files by their paths", () => {
    const elsewhere = named.filter(([name, file]) => file.replace(/\.(ts|js)$/, "") !== name);
    expect(elsewhere.filter(([name]) => !name.startsWith("@"))).toEqual(
      Object.entries(REPLACED[target] ?? {})
        .filter(([name]) => !name.startsWith("@") && manifest.ownModules.has(name))
        .map(([name, file]) => [name, `${file}.ts`]),
    );
    for (const [, file] of named) expect(existsSync(join(ROOT, file))).toBe(true);
    for (const file of manifest.buildFiles.values()) expect(existsSync(file)).toBe(true);
  });

  test("includes the source of each SDK specifier, as its documentation or typings have it", () => {
    const specifiers = [...graph.specifiers].filter((specifier) => !specifier.startsWith("@"));
    const unknown = specifiers.filter((specifier) => !(specifier in SDK_MODULES));
    expect(unknown).toEqual([]);
    const missing = specifiers.filter((specifier) => {
      const from = SDK_MODULES[specifier]?.from ?? "";
      return from !== "mcconfig" && !manifest.fromSDK.some((source) => source.startsWith(from));
    });
    expect(missing).toEqual([]);
  });
});

const CHIP_TARGETS = TARGETS.filter(([, manifest]) => manifest.buildFiles.has("PARTITIONS_FILE"));

describe.each(CHIP_TARGETS)("manifests/%s for a chip", (target, manifest) => {
  test("preloads each module of the project into flash", () => {
    const left = [...manifest.ownModules.keys()].filter((name) => !manifest.preload.has(name));
    expect(left).toEqual([]);
  });

  test("binds the functions that the firmware calls, and no others", () => {
    const typings = readFileSync(join(ROOT, "firmware/boards/moddable/sdk.d.ts"), "utf8");
    const declared = [...typings.matchAll(/^ {4}((?:esp|bootloader)_\w+)\(/gm)].map((match) => match[1]);
    expect(manifest.ffiFunctions.sort()).toEqual(declared.sort());
    const board = ["index", "life", "random"].map((name) =>
      readFileSync(join(ROOT, `firmware/boards/esp32/${name}.ts`), "utf8"),
    );
    for (const name of manifest.ffiFunctions) expect(board.join("")).toContain(`.${name}(`);
  });

  test("has a queue for all simultaneous messages: otherwise a task of ESP-IDF blocks, or a message is lost", () => {
    const { defines } = JSON.parse(readFileSync(join(ROOT, "manifests/chip.json"), "utf8"));
    const sockets = MAX_TCP_SOCKETS + LISTENER_AND_DNS;
    const phones = MAX_PHONES * MESSAGES_PER_PHONE;
    expect(defines.task.queueLength).toBeGreaterThanOrEqual(sockets + phones + WIFI_MESSAGES);
  });

  test("prints no memory to the serial log when a release crashes", () => {
    const folder = manifest.buildFiles.get("SDKCONFIGPATH") ?? "";
    // mcconfig merges the second file into the first: the last line for a name applies.
    const config = ["sdkconfig.defaults", "sdkconfig.defaults.release"]
      .map((name) => readFileSync(join(folder, name), "utf8"))
      .join("\n");
    const last = new Map(
      [...config.matchAll(/^(CONFIG_\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]),
    );
    expect(last.get("CONFIG_ESP_COREDUMP_ENABLE_TO_UART")).toBe("n");
    expect(last.get("CONFIG_ESP_COREDUMP_ENABLE_TO_NONE")).toBe("y");
    expect(last.get("CONFIG_ESP_SYSTEM_PANIC_PRINT_REBOOT")).toBe("n");
    expect(last.get("CONFIG_ESP_SYSTEM_PANIC_SILENT_REBOOT")).toBe("y");
  });

  test("leaves out the SDK's set-up of the network, which is the firmware's", () => {
    expect(manifest.excluded).toContain("$(MODDABLE)/build/devices/esp32/setup/network");
  });

  test("leaves out the SDK's calls into lwIP, which lwip/lwip-calls.c replaces", () => {
    expect(manifest.excluded).toContain("$(MODULES)/network/socket/lwip/modLwipSafe");
  });

  test("keeps WPA3-Personal and connections from phones, which smaller images could leave out", () => {
    const folder = manifest.buildFiles.get("SDKCONFIGPATH") ?? "";
    const config = readFileSync(join(folder, "sdkconfig.defaults"), "utf8");
    expect(config).not.toMatch(/^CONFIG_ESP_WIFI_ENABLE_WPA3_(SAE|OWE_STA)=n$/m);
    expect(config).not.toMatch(/^CONFIG_BT_CTRL_BLE_MASTER=n$/m);
  });

  test("gives XS a pool that the chip has as one block of memory", () => {
    expect(manifest.staticHeapBytes).toBe(target === "esp32s3" ? PSRAM_HEAP_BYTES : STATIC_HEAP_BYTES);
  });

  test("has a flash layout without overlaps, with two slots that reach the end", () => {
    const csv = readFileSync(manifest.buildFiles.get("PARTITIONS_FILE") ?? "", "utf8");
    const partitions = parsePartitions(csv);
    expect(partitionErrors(partitions, FLASH_BYTES)).toEqual([]);
    expect(partitions.find(({ subtype }) => subtype === "ota_0")?.size).toBe(SLOT_BYTES);
    const last = partitions.find(({ subtype }) => subtype === "ota_1");
    expect((last?.offset ?? 0) + (last?.size ?? 0)).toBe(FLASH_BYTES);
  });
});

test.each([
  ["esp32c3", "esp32c3"],
  ["esp32c3-signed", "esp32c3"],
  ["esp32c3-ethernet", "esp32c3"],
  ["esp32c3-qemu", "esp32c3"],
  ["esp32s3", "esp32s3"],
])("manifests/%s excludes the SDK's set-up, which drives an LED", (target, chip) => {
  const manifest = manifestOf(target);
  expect(manifest.excluded).toContain(`$(MODDABLE)/build/devices/esp32/targets/${chip}/setup-target`);
  expect(manifest.excluded).toContain("$(MODULES)/drivers/neopixel/*");
  const { config } = JSON.parse(readFileSync(join(ROOT, `manifests/${target}/manifest.json`), "utf8"));
  expect(config.led.rainbow).toBe(false);
});

test("manifests/esp32s3 has a pool of XS that malloc takes from PSRAM", () => {
  const config = readFileSync(join(ROOT, "manifests/esp32s3/sdkconfig/sdkconfig.defaults"), "utf8");
  expect(config).toContain("\nCONFIG_SPIRAM_USE_MALLOC=y\n");
  const alwaysInternal = Number(/^CONFIG_SPIRAM_MALLOC_ALWAYSINTERNAL=(\d+)$/m.exec(config)?.[1]);
  expect(manifestOf("esp32s3").staticHeapBytes).toBeGreaterThan(alwaysInternal);
  expect(config).toContain("\nCONFIG_SPIRAM_TRY_ALLOCATE_WIFI_LWIP=n\n");
});

describe("the simulator's manifest", () => {
  const { preload } = manifestOf("lin");

  test("preloads all modules without the SDK, as on the chip", () => {
    const modules = [...manifestOf("esp32").ownModules.keys()].filter((name) => name.startsWith("modules/"));
    expect(modules.filter((name) => !preload.has(name))).toEqual([]);
    expect([...preload].filter((name) => !manifestOf("esp32").preload.has(name))).toEqual([]);
  });

  test("preloads only modules that import preloaded modules", () => {
    const imports = [...preload].flatMap((name) => {
      const file = sourceOf(join(ROOT, name));
      return valueImports(file).map((specifier) => targetOf(file, specifier).replace(/\.(ts|js)$/, ""));
    });
    expect(imports.filter((name) => !preload.has(name))).toEqual([]);
  });

  test("preloads no module for the contract suites", () => {
    expect([...manifestOf("lin-contracts").preload]).toEqual([]);
  });
});

describe.each([
  ["esp32-signed", "esp32"],
  ["esp32c3-signed", "esp32c3"],
])("manifests/%s, for boards with secure boot,", (target, usual) => {
  const config = (name: string) =>
    readFileSync(join(ROOT, "manifests", name, "sdkconfig/sdkconfig.defaults"), "utf8");
  const added = config(target).slice(config(usual).length);

  test("equals the usual one plus what it protects", () => {
    expect(config(target).startsWith(config(usual))).toBe(true);
    const release = (name: string) =>
      readFileSync(join(ROOT, "manifests", name, "sdkconfig/sdkconfig.defaults.release"), "utf8");
    expect(release(target)).toBe(release(usual));
    const { buildFiles: _files, files: _paths, ...parts } = manifestOf(target);
    const { buildFiles: _usualFiles, files: _usualPaths, ...usualParts } = manifestOf(usual);
    expect({ ...parts, ownModules: [...parts.ownModules] }).toEqual({
      ...usualParts,
      ownModules: [...usualParts.ownModules],
    });
  });

  test("has secure boot version 2, flash encryption in release mode, and encrypted storage", () => {
    for (const name of [
      "SECURE_BOOT_V2_ENABLED",
      "SECURE_FLASH_ENC_ENABLED",
      "SECURE_FLASH_ENCRYPTION_MODE_RELEASE",
      "NVS_ENCRYPTION",
    ]) {
      expect(added).toContain(`\nCONFIG_${name}=y\n`);
    }
    expect(config(target)).toContain("\nCONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE=y\n");
    expect(added).not.toMatch(/INSECURE|ALLOW_(JTAG|ROM_BASIC|SHORT|ENC|DEC|CACHE)/);
  });

  test("leaves signing to the build, which stamps the image first", () => {
    expect(added).toContain("\nCONFIG_SECURE_BOOT_BUILD_SIGNED_BINARIES=n\n");
  });

  test("has slots of whole pages of 64 KB, which secure boot requires, and an encrypted partition for keys", () => {
    const csv = readFileSync(manifestOf(target).buildFiles.get("PARTITIONS_FILE") ?? "", "utf8");
    const partitions = parsePartitions(csv);
    for (const { type, size } of partitions) if (type === "app") expect(size % 0x10000).toBe(0);
    expect(partitions.find(({ subtype }) => subtype === "nvs_keys")).toMatchObject({
      offset: 0xb000,
      size: 0x1000,
    });
    expect(csv).toMatch(/^nvs_keys,.*, +encrypted$/m);
    // NVS encrypts its entries by itself, and cannot lie in an encrypted partition.
    expect(csv).not.toMatch(/^nvs,.*encrypted/m);
  });
});

test("a station's NVS image fits the usual boards and those with secure boot", () => {
  const nvsOf = (target: string) => {
    const csv = readFileSync(manifestOf(target).buildFiles.get("PARTITIONS_FILE") ?? "", "utf8");
    return parsePartitions(csv).find(({ subtype }) => subtype === "nvs");
  };
  expect(nvsOf("esp32c3-signed")).toEqual(nvsOf("esp32c3"));
  expect(nvsOf("esp32-signed")).toEqual(nvsOf("esp32"));
});

test.each(["esp32-ethernet", "esp32c3-ethernet", "esp32c3-qemu"])("manifests/%s links no Wi-Fi", (target) => {
  const { fromSDK } = manifestOf(target);
  expect(fromSDK).toContain("$(MODULES)/network/net/esp/modResolve");
  expect(fromSDK.filter((source) => /\/(wifi|net)\/manifest|modNet/.test(source))).toEqual([]);
});

test.each([
  ["esp32-ethernet", "esp32"],
  ["esp32c3-ethernet", "esp32c3"],
  ["esp32c3-qemu", "esp32c3"],
])(
  "the settings of manifests/%s equal those of manifests/%s, except for radio and Ethernet",
  (target, usual) => {
    const settings = (name: string) =>
      ["sdkconfig.defaults", "sdkconfig.defaults.release"]
        .flatMap((file) => readFileSync(join(ROOT, "manifests", name, "sdkconfig", file), "utf8").split("\n"))
        .filter((line) => line.startsWith("CONFIG_") && !/_(BT|BTDM|WIFI|ETH)_/.test(line));
    expect(settings(target)).toEqual(settings(usual));
  },
);

test("each SDK specifier is declared for the project's type check", () => {
  const typings = readFileSync(join(ROOT, "firmware/boards/moddable/sdk.d.ts"), "utf8");
  const declared = [...typings.matchAll(/^declare module "([^"]+)"/gm)].map((match) => match[1]);
  expect(declared.sort()).toEqual(Object.keys(SDK_MODULES).sort());
});

test.each([
  ["esp32", "esp32/esp32s3", "for the classic ESP32"],
  ["esp32-ethernet", "esp32/esp32c3", "for the classic ESP32 with Ethernet"],
  ["esp32c3", "esp32", "for ESP32-C3"],
  ["esp32-signed", "esp32/esp32c3", "for the classic ESP32 with secure boot"],
  ["esp32c3-signed", "esp32", "for ESP32-C3 with secure boot"],
  ["esp32c3-ethernet", "esp32", "for ESP32-C3 with Ethernet"],
  ["esp32c3-qemu", "esp32", "for the emulated ESP32-C3"],
  ["esp32s3", "esp32", "for ESP32-S3"],
  ["lin", "mac", "simulator on Linux"],
])("manifests/%s reports in a sentence that it does not support %s", (target, platform, sentence) => {
  const { platforms } = JSON.parse(readFileSync(join(ROOT, "manifests", target, "manifest.json"), "utf8"));
  const error = (platforms[`${platform.split("/")[0]}/*`] ?? platforms["..."]).error;
  expect(error).toContain(sentence);
});

describe("the partition checks", () => {
  const slots = "ota_0, app, ota_0, 0x20000, 0x1F0000,\nota_1, app, ota_1, 0x210000, 0x1F0000,\n";
  const good = `otadata, data, ota, 0x9000, 0x2000,\nnvs, data, nvs, 0xc000, 0x14000,\n${slots}`;

  test.each<[string, string, string]>([
    ["partitions that overlap", good.replace("0x14000", "0x15000"), "ota_0 overlaps nvs"],
    ["a partition behind the flash", good.replace("0x210000", "0x220000"), "ota_1 ends beyond the flash"],
    ["a slot that is not aligned", good.replace("0x20000,", "0x21000,"), "ota_0 is not aligned"],
    ["slots of two sizes", good.replace(/0x1F0000,\nota_1/, "0x1E0000,\nota_1"), "differ in size"],
    ["a missing slot", good.replace(/ota_1.*/, ""), "two firmware slots"],
    ["a missing storage", good.replace(/nvs.*\n/, ""), "one key-value partition"],
  ])("detect %s", (_name, csv, error) => {
    expect(partitionErrors(parsePartitions(csv), FLASH_BYTES).join("\n")).toContain(error);
  });

  test("accept a valid table", () => {
    expect(partitionErrors(parsePartitions(good), FLASH_BYTES)).toEqual([]);
  });
});
