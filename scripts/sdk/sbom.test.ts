import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { z } from "zod";
import { readSBOM } from "../../platform-stub/firmware/sbom.js";
import { archivesInImage } from "./link-map.js";
import { moduleLists } from "./module-lists.js";
import { idfComponents, makeSBOM, moddableComponent, npmComponents } from "./sbom.js";
import { manifestFolderOf, ROOT, targetOf } from "./targets.js";

const hash = z.object({
  alg: z.enum(["SHA-256", "SHA-512", "SHA-1", "SHA-384"]),
  content: z.string().regex(/^[0-9a-f]{40,128}$/),
});
const license = z.union([
  z.strictObject({
    license: z.union([
      z.object({ id: z.string().regex(/^[A-Za-z0-9.+-]+$/) }),
      z.object({ name: z.string().min(1) }),
    ]),
  }),
  z.strictObject({ expression: z.string().min(1) }),
]);
const component = z.object({
  type: z.enum(["application", "framework", "library", "operating-system", "firmware", "data"]),
  "bom-ref": z.string().min(1),
  name: z.string().min(1),
  version: z.string().min(1).optional(),
  purl: z
    .string()
    .regex(/^pkg:[a-z]+\/[^\s@]+@[^\s@]+$/)
    .optional(),
  cpe: z
    .string()
    .regex(/^cpe:2\.3:[aho]:(?:[^:\s]+:){9}[^:\s]+$/)
    .optional(),
  hashes: z.array(hash).optional(),
  licenses: z.array(license).optional(),
});
/** The required fields of CycloneDX 1.5, and the forms of those that are used. */
const cycloneDX = z
  .object({
    $schema: z.literal("http://cyclonedx.org/schema/bom-1.5.schema.json"),
    bomFormat: z.literal("CycloneDX"),
    specVersion: z.literal("1.5"),
    serialNumber: z.string().regex(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/),
    version: z.int().min(1),
    metadata: z.object({ timestamp: z.iso.datetime(), component }),
    components: z.array(component),
    dependencies: z.array(z.object({ ref: z.string(), dependsOn: z.array(z.string()).optional() })),
  })
  .refine(({ metadata, components }) => {
    const refs = [metadata.component, ...components].map((one) => one["bom-ref"]);
    return new Set(refs).size === refs.length;
  }, "a bom-ref is not unique")
  .refine(({ metadata, components, dependencies }) => {
    const refs = new Set([metadata.component, ...components].map((one) => one["bom-ref"]));
    return dependencies.every(({ ref, dependsOn = [] }) => [ref, ...dependsOn].every((one) => refs.has(one)));
  }, "a dependency has no component");

/** A part of ESP-IDF 6.0: only the files with versions. */
const IDF_FILES = {
  "mbedtls/mbedtls/include/mbedtls/build_info.h": '#define MBEDTLS_VERSION_STRING         "4.0.0"\n',
  "mbedtls/mbedtls/tf-psa-crypto/include/tf-psa-crypto/build_info.h":
    '#define TF_PSA_CRYPTO_VERSION_STRING        "1.0.0"\n',
  "bt/host/nimble/nimble/sbom.yml": "name: 'Apache Mynewt Nimble'\nversion: '1.6.0'\n",
  "lwip/lwip/sbom.yml": "name: 'lwip'\nversion: '2.2.0'\n",
  "esp_libc/sbom_picolibc.yml": "if: 'LIBC_PICOLIBC'\nname: 'picolib'\nversion: '1.8.10'\n",
  "esp_libc/sbom_newlibc.yml": "if: 'LIBC_NEWLIB'\nname: 'newlib'\nversion: '4.5.0'\n",
  "freertos/FreeRTOS-Kernel/sbom.yml": "name: 'freertos'\nversion: '10.5.1'\n",
};
const MAP = `Linker script and memory map
.flash.text     0x42000020   0x1000
 .text.a        0x42000020       0x10 esp-idf/lwip/liblwip.a(tcp.c.obj)
 .text.b        0x42000030       0x10 esp-idf/mbedtls/mbedtls/library/libmbedtls.a(ssl_tls.c.obj)
 .text.c        0x42000040       0x10 esp-idf/mbedtls/mbedtls/tf-psa-crypto/core/libtfpsacrypto.a(psa_crypto.c.obj)
 .text.d        0x42000050       0x10 esp-idf/freertos/libfreertos.a(tasks.c.obj)
 .text.e        0x42000060       0x10 esp-idf/bt/libbt.a(ble_hs.c.obj)
 .text.f        0x42000070       0x10 esp-idf/espressif__w5500/libespressif__w5500.a(esp_eth_mac_w5500.c.obj)
 .text.g        0x42000080       0x10 /tools/riscv32-esp-elf/lib/rv32imc/libc.a(libc_printf.c.o)
 .text.h        0x42000090       0x10 /tools/lib/gcc/riscv32-esp-elf/14.2.0/rv32imc/libgcc.a(muldi3.o)
.debug_info     0x00000000   0x1000
 .debug_info    0x00000000       0x10 esp-idf/wpa_supplicant/libwpa_supplicant.a(wpa.c.obj)
`;

let folder: string;

function put(name: string, content: string): void {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), content);
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "plugpass-sbom-"));
  for (const [name, content] of Object.entries(IDF_FILES)) put(`components/${name}`, content);
  put("managed/espressif__w5500/idf_component.yml", "version: 2.0.1\ndependencies: {}\n");
});

afterAll(() => rmSync(folder, { recursive: true }));

function idf() {
  return idfComponents({
    folder,
    version: "6.0",
    archives: archivesInImage(MAP),
    managedFolder: join(folder, "managed"),
    sdkconfig: "# C library\n# CONFIG_LIBC_NEWLIB is not set\nCONFIG_LIBC_PICOLIBC=y\n",
  });
}

async function npmParts(target: "esp32c3" | "esp32s3") {
  const { modules } = await moduleLists(manifestFolderOf(targetOf(target)));
  return npmComponents(Object.values(modules).map((path) => join(ROOT, "manifests", target, path)));
}

describe("the SBOM of a firmware", () => {
  test("has the required fields of CycloneDX 1.5, and is that of the image", async () => {
    const image = Uint8Array.of(1, 2, 3);
    const sbom = makeSBOM({
      productId: "cafe",
      version: 7,
      projectVersion: "0.1.0",
      target: "esp32c3",
      updateKey: "ab".repeat(32),
      image,
      time: new Date(0),
      components: [...(await npmParts("esp32c3")), moddableComponent("8.2.3"), ...idf()],
    });
    expect(cycloneDX.safeParse(sbom)).toMatchObject({ success: true });
    put("image.cdx.json", JSON.stringify(sbom));
    expect(readSBOM(join(folder, "image.cdx.json"), image).updateKey).toBe("ab".repeat(32));
  });

  test("names the packages of npm that are in the firmware, with the versions that are installed", async () => {
    const installed = (name: string) =>
      JSON.parse(readFileSync(join(ROOT, "node_modules", name, "package.json"), "utf8")).version;
    expect((await npmParts("esp32s3")).map(({ name, version }) => `${name} ${version}`)).toEqual([
      `mqtt-packet ${installed("mqtt-packet")}`,
      `@noble/ed25519 ${installed("@noble/ed25519")}`,
    ]);
  });

  test("names the parts of ESP-IDF that the linker placed, with the versions in its sources", () => {
    expect(idf().map(({ name, version }) => `${name} ${version}`)).toEqual([
      "ESP-IDF 6.0",
      "mbedTLS 4.0.0",
      "TF-PSA-Crypto 1.0.0",
      "NimBLE 1.6.0",
      "lwIP 2.2.0",
      "FreeRTOS 10.5.1",
      "picolibc 1.8.10",
      "espressif/w5500 2.0.1",
      "libgcc 14.2.0",
    ]);
  });

  test("is refused when a part has no version", () => {
    const archives = new Set(["esp-idf/wpa_supplicant/libwpa_supplicant.a"]);
    expect(() =>
      idfComponents({ folder, version: "6.0", archives, managedFolder: folder, sdkconfig: "" }),
    ).toThrow("wpa_supplicant/sbom.yml has no version");
  });
});

test("npm run sbom prints an SBOM of what the platform installs, without a network", () => {
  const { stdout, stderr } = spawnSync(process.execPath, ["scripts/run.js", "scripts/sbom/platform.ts"], {
    cwd: ROOT,
    encoding: "utf8",
    env: { ...process.env, npm_config_offline: "true" },
    maxBuffer: 16 * 1024 * 1024,
  });
  expect(stderr).toBe("");
  const sbom = JSON.parse(stdout);
  expect(cycloneDX.safeParse(sbom)).toMatchObject({ success: true });
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const names = sbom.components.map(({ name }: { name: string }) => name);
  expect(sbom.metadata.component).toMatchObject({ name: "plugpass", type: "application" });
  expect(Object.keys(dependencies).filter((name) => !names.includes(name))).toEqual([]);
  for (const name of ["jest", "@biomejs/biome", "@stryker-mutator/core"]) {
    expect(devDependencies).toHaveProperty(name);
    expect(names).not.toContain(name);
  }
});
