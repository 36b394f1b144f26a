/**
 * The software bill of materials of a firmware image (CycloneDX 1.5). Names are those of parts that are in the image: of
 * npm's packages by the imports, of ESP-IDF's by the link map. Versions are read from the sources that were compiled.
 */

import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { UPDATE_KEY_PROPERTY } from "../../platform-stub/firmware/sbom.js";

/** A component of CycloneDX 1.5, as far as it is used here. */
export interface Component {
  readonly type: "firmware" | "framework" | "library" | "operating-system" | "data";
  readonly "bom-ref": string;
  readonly name: string;
  readonly version?: string;
  readonly description?: string;
  readonly licenses?: readonly { readonly license: { readonly id: string } | { readonly name: string } }[];
  readonly purl?: string;
  readonly cpe?: string;
  readonly hashes?: readonly { readonly alg: "SHA-256"; readonly content: string }[];
}

export interface SBOMOptions {
  readonly productId: string;
  readonly version: number;
  /** Version of this project. */
  readonly projectVersion: string;
  readonly target: string;
  /** `config.updateKey`; `undefined` for an image that installs no updates. */
  readonly updateKey: string | undefined;
  /** The image as it is released, signatures included. */
  readonly image: Uint8Array;
  readonly time: Date;
  readonly components: readonly Component[];
}

/** Returns the SBOM of an image, an object for JSON. */
export function makeSBOM(options: SBOMOptions): object {
  const { productId, version, projectVersion, target, updateKey, image, time, components } = options;
  const sha256 = createHash("sha256").update(image).digest("hex");
  const ref = `${productId}@${version}`;
  return {
    $schema: "http://cyclonedx.org/schema/bom-1.5.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    serialNumber: `urn:uuid:${uuidOf(sha256)}`,
    version: 1,
    metadata: {
      timestamp: time.toISOString(),
      lifecycles: [{ phase: "build" }],
      component: {
        type: "firmware",
        "bom-ref": ref,
        name: productId,
        version: String(version),
        description: `PlugPass ${projectVersion}, target ${target}`,
        hashes: [{ alg: "SHA-256", content: sha256 }],
        properties: [
          { name: "plugpass:target", value: target },
          { name: UPDATE_KEY_PROPERTY, value: updateKey ?? "none" },
        ],
      },
    },
    components,
    dependencies: [{ ref, dependsOn: components.map((one) => one["bom-ref"]) }],
  };
}

/** A UUID of version 8 (RFC 9562): the same image has the same serial number. */
function uuidOf(sha256: string): string {
  return [
    sha256.slice(0, 8),
    sha256.slice(8, 12),
    `8${sha256.slice(13, 16)}`,
    `8${sha256.slice(17, 20)}`,
    sha256.slice(20, 32),
  ].join("-");
}

/** First comment of a module that scripts/bundle-package.js made. */
const BUNDLED = /^\/\*\n \* (\S+) (\S+), bundled by scripts\//;

/** Returns the packages of npm among the modules of a firmware: paths without their endings. */
export function npmComponents(files: readonly string[]): Component[] {
  const found: Component[] = [];
  for (const file of files) {
    const module = `${file}.js`;
    if (!existsSync(module)) continue;
    const [, name, version] = BUNDLED.exec(readFileSync(module, "utf8")) ?? [];
    if (name === undefined || version === undefined) continue;
    const purl = `pkg:npm/${name.replace("@", "%40")}@${version}`;
    found.push({ type: "library", "bom-ref": purl, name, version, licenses: license("MIT"), purl });
  }
  return found;
}

/** Returns the component of the Moddable SDK, whose engine XS runs the firmware. */
export function moddableComponent(version: string): Component {
  const purl = `pkg:github/Moddable-OpenSource/moddable@${version}`;
  return {
    type: "framework",
    "bom-ref": purl,
    name: "Moddable SDK",
    version,
    description: "Engine XS and modules of the runtime",
    licenses: license("LGPL-3.0-or-later"),
    purl,
  };
}

/** Returns the component of the authorities whose certificates are built in. */
export function rootsComponent(file: string): Component {
  const content = createHash("sha256").update(readFileSync(file)).digest("hex");
  return {
    type: "data",
    "bom-ref": "public-certificate-authorities",
    name: "public certificate authorities",
    description: "Selected by scripts/bundle-roots.js from Mozilla's list",
    licenses: license("MPL-2.0"),
    hashes: [{ alg: "SHA-256", content }],
  };
}

/** A part of ESP-IDF with a version of its own. */
interface IDFPart {
  /** Archive in the link map. */
  readonly archive: RegExp;
  readonly name: string;
  readonly type: "library" | "operating-system";
  readonly license: string;
  /** File of ESP-IDF's components that has the version; without it, ESP-IDF's version applies. */
  readonly file?: string;
  /** Name in CPE, without version. */
  readonly cpe?: string;
  /** Option of ESP-IDF that selects the part among those with the same archive. */
  readonly option?: string;
}

const IDF_PARTS: readonly IDFPart[] = [
  {
    archive: /libmbed(tls|x509)\.a$/,
    name: "mbedTLS",
    type: "library",
    license: "Apache-2.0",
    file: "mbedtls/mbedtls/include/mbedtls/build_info.h",
    cpe: "a:arm:mbed_tls",
  },
  {
    archive: /lib(tfpsacrypto|mbed-builtin|mbedcrypto)\.a$/,
    name: "TF-PSA-Crypto",
    type: "library",
    license: "Apache-2.0",
    file: "mbedtls/mbedtls/tf-psa-crypto/include/tf-psa-crypto/build_info.h",
  },
  {
    archive: /esp-idf\/bt\/libbt\.a$/,
    name: "NimBLE",
    type: "library",
    license: "Apache-2.0",
    file: "bt/host/nimble/nimble/sbom.yml",
  },
  {
    archive: /liblwip\.a$/,
    name: "lwIP",
    type: "library",
    license: "BSD-3-Clause",
    file: "lwip/lwip/sbom.yml",
    cpe: "a:lwip_project:lwip",
  },
  {
    archive: /libfreertos\.a$/,
    name: "FreeRTOS",
    type: "operating-system",
    license: "MIT",
    file: "freertos/FreeRTOS-Kernel/sbom.yml",
    cpe: "o:amazon:freertos",
  },
  {
    archive: /libwpa_supplicant\.a$/,
    name: "wpa_supplicant",
    type: "library",
    license: "BSD-3-Clause",
    file: "wpa_supplicant/sbom.yml",
    cpe: "a:w1.fi:wpa_supplicant",
  },
  {
    archive: /libhttp_parser\.a$/,
    name: "HTTP Parser",
    type: "library",
    license: "MIT",
    file: "http_parser/sbom.yml",
  },
  {
    archive: /\/libc\.a$/,
    name: "picolibc",
    type: "library",
    license: "BSD-3-Clause",
    file: "esp_libc/sbom_picolibc.yml",
    option: "CONFIG_LIBC_PICOLIBC",
  },
  {
    archive: /\/libc\.a$/,
    name: "newlib",
    type: "library",
    license: "BSD-3-Clause",
    file: "esp_libc/sbom_newlibc.yml",
    cpe: "a:newlib_project:newlib",
    option: "CONFIG_LIBC_NEWLIB",
  },
  { archive: /libnet80211\.a$/, name: "Espressif Wi-Fi libraries", type: "library", license: "Apache-2.0" },
  {
    archive: /lib(btdm_app|ble_app)\.a$/,
    name: "Espressif Bluetooth controller",
    type: "library",
    license: "Apache-2.0",
  },
];
/** Archives of components that ESP-IDF downloads. */
const MANAGED = /esp-idf\/(espressif__(\w+))\/lib/;
/** Archive of the compiler's run-time library, with the compiler's version in its path. */
const GCC_RUNTIME = /\/gcc\/[^/]+\/([\d.]+)\/.*libgcc\.a$/;
const VERSION = /(?:^version: '?|_VERSION_STRING\s+")([\w.]+)/m;

export interface IDFOptions {
  /** Folder of ESP-IDF. */
  readonly folder: string;
  readonly version: string;
  /** Archives that have a part in the image (`archivesInImage`). */
  readonly archives: ReadonlySet<string>;
  /** Folder of the downloaded components; may be missing. */
  readonly managedFolder: string;
  /** Content of the build's file `sdkconfig`. */
  readonly sdkconfig: string;
}

/** Returns ESP-IDF and its parts in the image. Throws an error if a part has no version. */
export function idfComponents(options: IDFOptions): Component[] {
  const { folder, version, archives, managedFolder, sdkconfig } = options;
  const purl = `pkg:github/espressif/esp-idf@v${version}`;
  const list = [...archives];
  const idf: Component = {
    type: "framework",
    "bom-ref": purl,
    name: "ESP-IDF",
    version,
    licenses: license("Apache-2.0"),
    purl,
    cpe: cpeOf("a:espressif:esp-idf", version),
  };
  const parts = IDF_PARTS.filter(
    ({ archive, option }) =>
      list.some((one) => archive.test(one)) &&
      (option === undefined || sdkconfig.includes(`\n${option}=y\n`)),
  );
  const managed = new Map(list.flatMap((one) => managedOf(one)));
  return [
    idf,
    ...parts.map(({ name, type, license: id, file, cpe }): Component => {
      const own = file === undefined ? version : versionIn(join(folder, "components", file));
      const ref = `esp-idf/${name.replaceAll(" ", "-")}@${own}`;
      return {
        type,
        "bom-ref": ref,
        name,
        version: own,
        description: "As ESP-IDF contains it",
        licenses: license(id),
        ...(cpe !== undefined && { cpe: cpeOf(cpe, own) }),
      };
    }),
    ...[...managed].map(([directory, name]): Component => {
      const own = versionIn(join(managedFolder, directory, "idf_component.yml"));
      const ref = `espressif/${name}@${own}`;
      return { type: "library", "bom-ref": ref, name: `espressif/${name}`, version: own };
    }),
    ...list.flatMap((one) => gccRuntime(one)),
  ];
}

function managedOf(archive: string): [string, string][] {
  const [, directory, name] = MANAGED.exec(archive) ?? [];
  return directory === undefined || name === undefined ? [] : [[directory, name]];
}

function gccRuntime(archive: string): Component[] {
  const version = GCC_RUNTIME.exec(archive)?.[1];
  if (version === undefined) return [];
  const licenses = [{ license: { name: "GPL-3.0-or-later WITH GCC-exception-3.1" } }];
  return [{ type: "library", "bom-ref": `libgcc@${version}`, name: "libgcc", version, licenses }];
}

function versionIn(file: string): string {
  const found = existsSync(file) ? VERSION.exec(readFileSync(file, "utf8"))?.[1] : undefined;
  if (found === undefined) throw new Error(`${file} has no version for the SBOM`);
  return found;
}

function cpeOf(name: string, version: string): string {
  return `cpe:2.3:${name}:${version}:*:*:*:*:*:*:*`;
}

function license(id: string): Component["licenses"] {
  return [{ license: { id } }];
}
