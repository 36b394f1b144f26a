/** What goes wrong in a café: networks, brokers, platforms, the power. Each fault begins, lasts, and is healed. */

import type { Timer } from "../../../modules/board/index.js";
import type { Intercept } from "../../world/platform.js";
import type { Random } from "../../world/random.js";
import { type Scene, WIFI } from "../scene.js";
import type { Diary } from "./diary.js";

export interface FaultsOptions {
  readonly scene: Scene;
  readonly random: Random;
  readonly diary: Diary;
}

interface Fault {
  readonly name: string;
  /** The way to the platform is as it should be. */
  readonly isBehindBroker?: boolean;
  readonly begin: () => void;
  readonly end: () => void;
}

const MINUTE_MS = 60_000;
const MEAN_GAP_MS = 20 * MINUTE_MS;
const MIN_LASTS_MS = 2000;
const MAX_LASTS_MS = 20 * MINUTE_MS;
const MIN_OFF_MS = 500;
const MAX_OFF_MS = 3 * MINUTE_MS;
/** The power goes at one of the next so many writes to the storage. */
const MAX_WRITES_TO_CUT = 8;
/** Three crashes that are quicker lead to a rescue, which is another story (restarts.test.ts). */
const CRASH_AFTER_MS = 3 * MINUTE_MS;
/** What a network does to what is on its way: after this it is quiet again. */
const AFTERMATH_MS = 2 * MINUTE_MS;
/** More than the 10 s that a request has. */
const MAX_DELAY_MS = 12_000;

export class Faults {
  #options: FaultsOptions;
  #isOn = false;
  #next: Timer | undefined;
  #active = new Map<Fault, Timer>();
  #lastMs = 0;
  #bootMs = 0;
  #powerOn: Timer | undefined;
  #faults: readonly Fault[];

  constructor(options: FaultsOptions) {
    this.#options = options;
    this.#faults = this.#all();
  }

  /** Nothing is wrong between the station and its broker, and nothing was a moment ago. */
  get isCalm(): boolean {
    for (const { isBehindBroker } of this.#active.keys()) if (!isBehindBroker) return false;
    return this.#options.scene.clock.monotonicMs() - this.#lastMs > AFTERMATH_MS;
  }

  start(): void {
    if (this.#isOn) return;
    this.#isOn = true;
    this.#plan();
  }

  /** Everything is well again, at once; and stays well. */
  heal(): void {
    const { scene } = this.#options;
    this.#isOn = false;
    scene.clock.clear(this.#next);
    for (const fault of [...this.#active.keys()]) this.#end(fault);
    scene.device.flash.cutPowerAtWrite(undefined, "before");
    this.switchOn();
  }

  switchOn(): void {
    const { scene } = this.#options;
    scene.clock.clear(this.#powerOn);
    this.#powerOn = undefined;
    if (scene.device.isRunning) return;
    this.#bootMs = scene.clock.monotonicMs();
    // A restarted station does not know the time before it is in a network.
    scene.clock.setEpochMs(undefined);
    scene.under.boot();
  }

  /** The power has gone: it comes back after a while. */
  followPowerCut(): void {
    const { scene, random } = this.#options;
    this.#lastMs = scene.clock.monotonicMs();
    if (!this.#isOn) return;
    scene.clock.clear(this.#powerOn);
    this.#powerOn = scene.clock.set(() => this.switchOn(), logUniform(random, MIN_OFF_MS, MAX_OFF_MS));
  }

  #plan(): void {
    const { scene, random } = this.#options;
    if (!this.#isOn) return;
    this.#next = scene.clock.set(
      () => {
        this.#begin(random.pick(this.#faults));
        this.#plan();
      },
      exponential(random, MEAN_GAP_MS),
    );
  }

  #begin(fault: Fault): void {
    const { scene, random, diary } = this.#options;
    if (this.#active.has(fault)) return;
    const lastsMs = logUniform(random, MIN_LASTS_MS, MAX_LASTS_MS);
    diary.note(`${fault.name}, for ${Math.round(lastsMs / 1000)} s`);
    diary.count(fault.name);
    this.#active.set(
      fault,
      scene.clock.set(() => this.#end(fault), lastsMs),
    );
    fault.begin();
  }

  #end(fault: Fault): void {
    const { scene, diary } = this.#options;
    scene.clock.clear(this.#active.get(fault));
    if (!this.#active.delete(fault)) return;
    if (!fault.isBehindBroker) this.#lastMs = scene.clock.monotonicMs();
    diary.note(`over: ${fault.name}`);
    fault.end();
  }

  #all(): Fault[] {
    const { scene } = this.#options;
    const { broker, brokerHost, world } = scene;
    const { faults } = broker;
    const brokerFault = (name: string, set: (isOn: boolean) => void): Fault => ({
      name,
      begin: () => set(true),
      end: () => set(false),
    });
    const wifi = { ...WIFI };
    return [
      { name: "no broker", begin: () => broker.stop(), end: () => broker.start() },
      brokerFault("no way to the broker", (isOn) => {
        brokerHost.isCut = isOn;
      }),
      brokerFault("a silent broker", (isOn) => {
        faults.isSilent = isOn;
      }),
      brokerFault("a broker that lets nobody in", (isOn) => {
        faults.connackCode = isOn ? 3 : 0;
      }),
      brokerFault("a broker that answers no pings", (isOn) => {
        faults.ignoresPings = isOn;
      }),
      brokerFault("a broker that acknowledges nothing", (isOn) => {
        faults.ignoresPublishes = isOn;
      }),
      {
        name: "no Wi-Fi",
        begin: () => world.wifi.remove(wifi.ssid),
        end: () => world.wifi.put(wifi),
      },
      {
        name: "no DHCP",
        begin: () => world.wifi.put({ ...wifi, dhcp: false }),
        end: () => world.wifi.put({ ...wifi, dhcp: true }),
      },
      {
        name: "another Wi-Fi password",
        begin: () => world.wifi.put({ ...wifi, password: "ristretto-doppio" }),
        end: () => world.wifi.put(wifi),
      },
      brokerFault("a Wi-Fi that tells nothing", (isOn) => {
        world.wifi.isMute = isOn;
      }),
      ...this.#platformFaults(),
      ...this.#powerFaults(),
    ];
  }

  #platformFaults(): Fault[] {
    const { scene, random } = this.#options;
    const { platform, broker, clock } = scene;
    const fault = (name: string, intercept: Intercept): Fault => ({
      name,
      isBehindBroker: true,
      begin: () => {
        platform.intercept = intercept;
      },
      end: () => {
        platform.intercept = undefined;
      },
    });
    return [
      fault("a silent platform", () => []),
      fault("a platform whose answers are lost now and then", (answer) => (random.bool() ? [answer] : [])),
      fault("a platform that says everything twice", (answer) => [answer, answer]),
      fault("a platform that fails", (_answer, request) => [
        platform.respond(request, { message: "no" }, "0", "500"),
      ]),
      fault("answers that are changed on their way", (answer) => [
        { ...answer, code: answer.code === "200" ? "201" : "200" },
      ]),
      fault("a slow platform", (answer, { user, deviceId, endpoint }) => {
        clock.set(
          () => broker.publish(`${user}/res/${deviceId}/${endpoint}`, JSON.stringify(answer)),
          random.int(MAX_DELAY_MS),
        );
        return [];
      }),
    ];
  }

  #powerFaults(): Fault[] {
    const { scene, random } = this.#options;
    const { device, clock } = scene;
    const cutAtWrite: Fault = {
      name: "a power cut at a write",
      begin: () =>
        device.flash.cutPowerAtWrite(1 + random.int(MAX_WRITES_TO_CUT), random.bool() ? "before" : "after"),
      end: () => device.flash.cutPowerAtWrite(undefined, "before"),
    };
    const lasting = { end: () => {} };
    return [
      cutAtWrite,
      // There are more moments for it than for anything else.
      { ...cutAtWrite, name: "a power cut at another write" },
      { ...cutAtWrite, name: "a power cut at a further write" },
      { name: "a power cut", begin: () => device.cutPower(), ...lasting },
      {
        name: "a crash",
        begin: () => {
          if (clock.monotonicMs() - this.#bootMs < CRASH_AFTER_MS) return;
          this.#bootMs = clock.monotonicMs();
          clock.setEpochMs(undefined);
          device.interrupt(() => {
            throw new Error(MADE_CRASH);
          });
        },
        ...lasting,
      },
    ];
  }
}

/** The message of a crash that the world has made. */
export const MADE_CRASH = "made by the simulation";

export function exponential(random: Random, mean: number): number {
  return -Math.log(1 - random.uint32() / 2 ** 32) * mean;
}

/** As likely in each decade: most are short, some are long. */
export function logUniform(random: Random, min: number, max: number): number {
  return min * (max / min) ** (random.uint32() / 2 ** 32);
}
