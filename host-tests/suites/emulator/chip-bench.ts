import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Registry } from "../../../platform-stub/index.js";
import { EmulatedStation, HOST_ADDRESS } from "../../tools/emulate/emulated-station.js";
import { type Emulator, findBuild, findEmulator } from "../../tools/emulate/emulator.js";
import { writeFlash } from "../../tools/emulate/flash-image.js";
import { type Answer, loginOf, pair, statusOf, upload } from "../../tools/emulate/http.js";
import { type MadeIdentity, makeIdentity } from "../../tools/emulate/identity.js";
import { type EmulatedRelease, makeRelease, readProgramAs } from "../../tools/emulate/release.js";
import { CAFE, ownersWithCards } from "../owners.js";

/** Card of the café's owner, as an RDM6300 sends it. */
export const CARD = "0004A1B2C3";
/** A card that no platform knows. */
export const UNKNOWN_CARD = "00DEADBEEF";
/** Limit of a test with a few starts, ms. */
export const PATIENCE_MS = 180_000;
const ONLINE_TIMEOUT_MS = 60_000;

/** Time of an instruction with `hasOwnTime`: 2^3 ns, about that of the chip. */
const INSTRUCTION_SHIFT = 3;

export interface Lab {
  readonly emulator: Emulator;
  /** Folder of the built images. */
  readonly build: string;
}

/** Returns emulator and firmware, or a sentence that says how to get what is missing. */
export function findLab(): Lab | string {
  try {
    return { emulator: findEmulator(process.env), build: findBuild(process.env) };
  } catch (error) {
    return (error as Error).message;
  }
}

export interface ChipBenchOptions {
  /** Default: the owners with their cards. */
  readonly registry?: Registry;
  /** Port of the firmware repository. */
  readonly firmwarePort?: number;
  /** The emulator's time follows its instructions, whatever else the computer does. */
  readonly hasOwnTime?: boolean;
}

/** An emulated board of the café with its bench. */
export class ChipBench {
  readonly station: EmulatedStation;
  readonly registry: Registry;
  identity: MadeIdentity | undefined;
  readonly #folder = mkdtempSync(join(tmpdir(), "plugpass-chip-"));
  readonly #flashFile = join(this.#folder, "flash.bin");
  readonly #lab: Lab;

  constructor(lab: Lab, { registry = ownersWithCards(), firmwarePort, hasOwnTime }: ChipBenchOptions = {}) {
    this.#lab = lab;
    this.registry = registry;
    this.registry.putTag({ tag: CARD, owner: CAFE.email });
    const counting = hasOwnTime
      ? { shift: INSTRUCTION_SHIFT, recordFile: join(this.#folder, "record.bin") }
      : undefined;
    const { emulator } = lab;
    this.station = new EmulatedStation({ emulator, flashFile: this.#flashFile, firmwarePort, counting });
  }

  /** Makes the flash of a new board with version 1. A provisioned one is `cafe-1` of the café. */
  newBoard({ isProvisioned = true } = {}): void {
    const { key } = this.registry.device("cafe-1") ?? {};
    this.identity = isProvisioned ? makeIdentity({ id: "cafe-1", key }) : undefined;
    const program = readProgramAs(this.#lab.build, 1);
    writeFlash(this.#flashFile, { program, identity: this.identity?.image });
  }

  /** Makes an image of another version, and its signature. */
  release(version: number): EmulatedRelease {
    return makeRelease(this.#lab.build, version);
  }

  get login(): Readonly<Record<string, string>> {
    return loginOf(this.identity?.adminPassword ?? "");
  }

  /** Starts the board and waits for its HTTP API. */
  async start(): Promise<Record<string, unknown>> {
    await this.station.start();
    return statusOf(this.station);
  }

  /** Sends the owner's parameters to `/pair`; `fields` are added or replace them. */
  pair(brokerPort: number, fields: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const owner = { wsp: CAFE.email, token: CAFE.token };
    return pair(this.station, { ...owner, host: HOST_ADDRESS, brport: String(brokerPort), ...fields });
  }

  /** Pairs the board and waits until it is online. */
  async pairOnline(brokerPort: number, fields?: Readonly<Record<string, string>>): Promise<void> {
    const { status, body } = await this.pair(brokerPort, fields);
    if (status !== 200) throw new Error(`/pair: ${status} ${body}`);
    await this.online();
  }

  async online(): Promise<void> {
    await this.station.waitFor("station: online", ONLINE_TIMEOUT_MS);
  }

  /** Polls `/status` until `accepts` returns `true`. */
  async status(
    what: string,
    accepts: (status: Record<string, unknown>) => boolean,
    timeoutMs = ONLINE_TIMEOUT_MS,
  ): Promise<Record<string, unknown>> {
    const deadlineMs = performance.now() + timeoutMs;
    for (;;) {
      const status = await statusOf(this.station);
      if (accepts(status)) return status;
      if (performance.now() > deadlineMs)
        await this.station.until(`${what}; ${JSON.stringify(status)}`, () => false, 1);
    }
  }

  /** Uploads a firmware as the panel does. */
  upload(version: number, signature?: string): Promise<Answer> {
    const release = this.release(version);
    return upload(this.station, this.login, { ...release, ...(signature !== undefined && { signature }) });
  }

  /** Plugs in, presents the card and lets the vehicle request energy. */
  async charge(): Promise<void> {
    const { station } = this;
    station.mark();
    station.bench("pilot B");
    await station.waitFor("charging: plugged");
    station.card(CARD);
    await station.waitFor("charging: authorized");
    station.bench("pilot C");
    await station.waitFor("bench: contactor closed");
  }

  async unplug(): Promise<void> {
    this.station.mark();
    this.station.bench("pilot A");
    await this.station.waitFor("charging: available");
  }

  async close(): Promise<void> {
    await this.station.cutPower();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
