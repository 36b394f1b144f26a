/** `npm run build:<target>`: builds the firmware with the Moddable SDK and reports its size. */

import { spawn, spawnSync } from "node:child_process";
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { sha256 } from "@noble/hashes/sha2.js";
import { Command } from "commander";
import { EMULATOR_CONFIG } from "../../firmware/boards/emulator/config.js";
import { defaultConfig } from "../../firmware/config.js";
import { stamped } from "../../modules/updates/image-file.js";
import { fail, print } from "../../platform-stub/command-line.js";
import { sbomFileOf } from "../../platform-stub/firmware/sbom.js";
import { binFolder, compiledFolder, mapFile } from "./bin-folder.js";
import { archivesInImage, partSizes } from "./link-map.js";
import { type Manifest, readManifest } from "./manifest.js";
import { bundleFolderOf, moduleLists, writeModuleLists } from "./module-lists.js";
import { parsePartitions } from "./partitions.js";
import { isAlias } from "./preloadable.js";
import { idfComponents, makeSBOM, moddableComponent, npmComponents, rootsComponent } from "./sbom.js";
import { manifestFolderOf, PARTITION_TABLE_OFFSET, ROOT, type Target, targetOf } from "./targets.js";
import { buildEnvironment, findIDF, findModdable, type Moddable } from "./tools.js";
import { checkUpdateKey, type UpdateKeyOptions, updateKeyLine } from "./update-key.js";
import { ownBytecodeBytes } from "./xsb.js";

/** Maximum share of a slot that an image should use; the rest is reserved for later versions. */
const GOAL_SLOT_PERCENT = 85;
/** A chip has room for three digests of keys of secure boot; a classic ESP32 for one. */
const MAX_BACKUP_KEYS = 2;
/** Number of lines of mcconfig's output that are shown when it fails. */
const LAST_LINES = 15;

new Command("npm run build:<target> --")
  .description("Builds the firmware with the Moddable SDK")
  .argument(
    "<target>",
    "esp32, esp32-signed, esp32-ethernet, esp32c3, esp32c3-signed, esp32c3-ethernet, esp32c3-qemu, esp32s3 or lin",
    targetOf,
  )
  .option("--debug", "make a debug build, which logs to xsbug", false)
  .option("--unsigned", "build a release without config.updateKey, for development", false)
  .option(
    "--signing-key <file>",
    "RSA-3072 key of secure boot, PEM, for esp32-signed and esp32c3-signed; see docs/hardening.md",
  )
  .option(
    "--backup-key <file...>",
    "further keys of secure boot, which sign the bootloader only: esp32c3-signed, at most two",
    [],
  )
  .showHelpAfterError()
  .action(build)
  .parseAsync()
  .catch(fail);

async function build(target: Target, options: BuildOptions): Promise<void> {
  const { debug, signingKey, backupKey } = options;
  checkSigning(target, options);
  checkUpdateKey(target, options, defaultConfig);
  const moddable = findModdable(process.env, process.platform);
  print(`Moddable SDK ${moddable.version}`);
  if (target.chip) print(`ESP-IDF ${findIDF(process.env).version}`);
  // xsbug shows the sources of single modules.
  await writeModuleLists(manifestFolderOf(target), { isBundled: target.chip !== undefined && !debug });
  const aliases = await run(moddable, target, [
    "-m",
    ...(debug ? ["-d"] : []),
    "-p",
    target.platform,
    "-t",
    "build",
  ]);
  if (target.chip && !debug) checkAliases(target, aliases);
  if (target.chip) finishImage(imageOf(moddable, target, debug));
  if (signingKey) signFiles(moddable, target, { debug, signingKey, backupKey });
  report(moddable, target, debug);
  if (target.chip && !debug) await writeSBOM(moddable, target);
  const line = updateKeyLine(target, defaultConfig);
  if (line !== undefined) print(line);
}

interface BuildOptions extends UpdateKeyOptions {
  readonly signingKey?: string;
  readonly backupKey: readonly string[];
}

type SigningOptions = Pick<BuildOptions, "debug" | "backupKey"> & { readonly signingKey: string };

/** Throws an error for keys of secure boot that are missing, do not exist, or do not belong to the target. */
function checkSigning(target: Target, { signingKey, backupKey }: BuildOptions): void {
  if (target.isSigned && !signingKey) throw new Error(`${target.name} needs --signing-key <file>`);
  if ((signingKey || backupKey.length > 0) && !target.isSigned)
    throw new Error(
      `${target.name} has no secure boot; use esp32-signed or esp32c3-signed, or leave out --signing-key`,
    );
  const rooms = target.chip?.name === "esp32" ? 0 : MAX_BACKUP_KEYS;
  if (backupKey.length > rooms)
    throw new Error(`${target.name} has room for ${rooms} backup keys, not ${backupKey.length}`);
  for (const key of [signingKey ?? [], ...backupKey].flat())
    if (!existsSync(key)) throw new Error(`the signing key ${key} does not exist`);
}

function imageOf(moddable: Moddable, target: Target, debug: boolean): string {
  const image = join(binFolder(moddable, target, debug), "xs_esp32.bin");
  if (!existsSync(image)) throw new Error(`mcconfig made no image ${image}; see its output in build/`);
  return image;
}

/** Writes product and version into the image's descriptor, which the SDK fills with constants. */
function finishImage(file: string): void {
  const { productId, firmwareVersion: version } = defaultConfig;
  writeFileSync(file, stamped(Uint8Array.from(readFileSync(file)), { productId, version }, sha256));
  print(`image contains    ${productId} version ${version}`);
}

/** Signs bootloader and image for secure boot. Throws an error if the bootloader does not fit before the partition table. */
function signFiles(moddable: Moddable, target: Target, options: SigningOptions): void {
  const { debug, signingKey, backupKey } = options;
  const bootloader = join(binFolder(moddable, target, debug), "bootloader.bin");
  sign(imageOf(moddable, target, debug), signingKey);
  sign(bootloader, signingKey);
  for (const key of backupKey) sign(bootloader, key, ["--append-signatures"]);
  const room = PARTITION_TABLE_OFFSET - (target.chip?.bootloaderOffset ?? 0);
  const { size } = statSync(bootloader);
  print(
    `bootloader        ${size} bytes of ${room} before the partition table, ${1 + backupKey.length} keys`,
  );
  if (size > room) throw new Error(`the signed bootloader is ${size - room} bytes too large`);
}

/** Adds a signature of secure boot version 2 to a file. */
function sign(file: string, key: string, flags: readonly string[] = []): void {
  const words = ["--version", "2", "--keyfile", key, "--output", `${file}.signed`, ...flags, file];
  const { status, error } = spawnSync("espsecure", ["sign-data", ...words], { stdio: "inherit" });
  if (error) throw new Error("espsecure of ESP-IDF was not found; source ESP-IDF's export.sh");
  if (status !== 0) throw new Error(`espsecure failed with ${status}`);
  renameSync(`${file}.signed`, file);
}

/**
 * Runs mcconfig. Prints one line for each kind of work and writes the whole output to a file. Returns the linker's warnings
 * about variables and objects of this project's modules that are not constant.
 */
async function run(moddable: Moddable, target: Target, words: string[]): Promise<string[]> {
  const folder = join(ROOT, "build");
  mkdirSync(folder, { recursive: true });
  const logFile = join(folder, `${target.name}.log`);
  const log = createWriteStream(logFile);
  const child = spawn("mcconfig", words, {
    cwd: join(ROOT, "manifests", target.name),
    env: buildEnvironment(process.env, moddable),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const last: string[] = [];
  const aliases: string[] = [];
  let work = "";
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      log.write(`${line}\n`);
      last.push(line);
      if (last.length > LAST_LINES) last.shift();
      if (isAlias(line)) aliases.push(line);
      const kind = /^# (\w+) /.exec(line)?.[1] ?? work;
      if (kind !== work) print(`  ${kind} …`);
      work = kind;
    });
  }
  const code = await new Promise<number | null>((done, fail) => {
    child.once("error", fail);
    child.once("close", done);
  });
  log.end();
  if (code !== 0)
    throw new Error(`${last.join("\n")}\n\nmcconfig failed with ${code}; its whole output is in ${logFile}`);
  return aliases;
}

/**
 * Throws an error for preloaded variables or objects that can change: they take RAM besides flash. It removes the bundle:
 * mcconfig does not link an unchanged one again, so the next build would have no warnings.
 */
function checkAliases(target: Target, aliases: readonly string[]): void {
  if (aliases.length === 0) return;
  rmSync(bundleFolderOf(manifestFolderOf(target)), { recursive: true });
  throw new Error(
    `${aliases.join("\n")}\n\n${aliases.length} preloaded variables or objects can change; use const, and freeze what a function returns`,
  );
}

function report(moddable: Moddable, target: Target, debug: boolean): void {
  const bytecodeBytes = ownBytecodeBytes(join(compiledFolder(moddable, target, debug), "modules"));
  const panelBytes = folderBytes(join(ROOT, "modules/web/panel/built"));
  print(`own bytecode      ${bytecodeBytes} bytes`);
  print(`admin panel       ${panelBytes} bytes`);
  if (!target.chip) return;
  const image = imageOf(moddable, target, debug);
  const { size } = statSync(image);
  const map = readFileSync(mapFile(moddable, target, debug), "utf8");
  for (const { part, bytes } of partSizes(map, size, ownObjects()))
    print(`${String(bytes).padStart(9)}  ${part}`);
  const slot = slotBytes(target);
  const percent = (100 * size) / slot;
  print(`image             ${size} bytes, ${percent.toFixed(1)} % of a slot of ${slot}`);
  print(`static heap       ${manifestOf(target).staticHeapBytes} bytes`);
  print(`image file        ${image}`);
  if (size > slot) throw new Error(`the image is ${size - slot} bytes larger than its slot`);
  if (!debug && percent > GOAL_SLOT_PERCENT)
    print(`warning: an image should use at most ${GOAL_SLOT_PERCENT} % of its slot`);
}

/** Writes the SBOM beside the image, which `npm run release` reads. */
async function writeSBOM(moddable: Moddable, target: Target): Promise<void> {
  const { productId, firmwareVersion: version, updateKey } = defaultConfig;
  const image = imageOf(moddable, target, false);
  const map = readFileSync(mapFile(moddable, target, false), "utf8");
  const project = join(compiledFolder(moddable, target, false), `xsProj-${target.chip?.name}`);
  const { modules } = await moduleLists(manifestFolderOf(target));
  const idf = findIDF(process.env);
  const sbom = makeSBOM({
    productId,
    version,
    projectVersion: JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")).version,
    target: target.name,
    updateKey: target.isEmulated ? EMULATOR_CONFIG.updateKey : updateKey,
    image: readFileSync(image),
    time: new Date(),
    components: [
      ...npmComponents(Object.values(modules).map((path) => join(ROOT, "manifests", target.name, path))),
      moddableComponent(moddable.version),
      ...idfComponents({
        ...idf,
        archives: archivesInImage(map),
        managedFolder: join(project, "managed_components"),
        sdkconfig: readFileSync(join(project, "sdkconfig"), "utf8"),
      }),
      rootsComponent(join(ROOT, "build/roots.der")),
    ],
  });
  const file = sbomFileOf(image);
  writeFileSync(file, `${JSON.stringify(sbom, null, 2)}\n`);
  print(`SBOM              ${file}`);
}

/** Names of the object files of this project's C. */
function ownObjects(): string[] {
  const files = readdirSync(join(ROOT, "firmware"), { recursive: true, encoding: "utf8" });
  return files.filter((file) => file.endsWith(".c")).map((file) => `${basename(file)}.o`);
}

function folderBytes(folder: string): number {
  return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}

function manifestOf(target: Target): Manifest {
  return readManifest(join(ROOT, "manifests", target.name, "manifest.json"), target.platform);
}

function slotBytes(target: Target): number {
  const table = parsePartitions(
    readFileSync(manifestOf(target).buildFiles.get("PARTITIONS_FILE") ?? "", "utf8"),
  );
  const slot = table.find(({ subtype }) => subtype === "ota_0");
  if (!slot) throw new Error("partitions.csv has no slot ota_0");
  return slot.size;
}
