/** Faults in a café: network, broker, platform, power. Each fault begins, lasts for a while, and ends. */

import type { Timer } from "../../../modules/board/index.js";
import { type Scene, WIFI } from "../../virtual/scene.js";
import type { Intercept, Outage, PlatformRequest } from "../../virtual/world/platform.js";
import type { Random } from "../../virtual/world/random.js";
import type { EventLog } from "./event-log.js";
import type { Swipes } from "./swipes.js";

export interface FaultsOptions {
  readonly scene: Scene;
  readonly random: Random;
  readonly eventLog: EventLog;
  readonly swipes: Pick<Swipes, "recordOtherCard">;
  readonly hasPN532: boolean;
}

interface Fault {
  readonly name: string;
  /** The path between the station and its broker works. */
  readonly isBehindBroker?: boolean;
  /** The fault lasts hours. */
  readonly isLong?: boolean;
  readonly begin: () => void;
  readonly end: () => void;
}

const MINUTE_MS = 60_000;
const MEAN_GAP_MS = 20 * MINUTE_MS;
const MIN_LASTS_MS = 2000;
const MAX_LASTS_MS = 20 * MINUTE_MS;
const MIN_LONG_MS = 60 * MINUTE_MS;
const MAX_LONG_MS = 5 * MIN_LONG_MS;
const MIN_OFF_MS = 500;
const MAX_OFF_MS = 3 * MINUTE_MS;
/** Range from which the write that loses power is drawn. */
const MAX_WRITES_TO_CUT = 8;
/** Minimum time between crashes, ms. Three faster ones lead to safe mode (restarts.test.ts). */
const CRASH_AFTER_MS = 3 * MINUTE_MS;
/** Time after a network fault in which its effects may still appear, ms. */
const AFTERMATH_MS = 2 * MINUTE_MS;
/** Maximum delay of a slow platform, ms: more than the 10 s limit of a request. */
const MAX_DELAY_MS = 12_000;
/** Time between two bursts of noise on the line of a card reader, ms. */
const NOISE_MS = 1900;
/** Delay of one answer, ms: enough for the next vehicle to arrive. */
const ANSWER_DELAY_MS = 7000;

export class Faults {
  readonly #options: FaultsOptions;
  #isOn = false;
  #next: Timer | undefined;
  readonly #active = new Map<Fault, Timer>();
  /** Outages that keep requests from the platform now. */
  readonly #outages = new Set<Outage>();
  #lastMs = 0;
  #bootMs = 0;
  #powerOn: Timer | undefined;
  readonly #faults: readonly Fault[];

  constructor(options: FaultsOptions) {
    this.#options = options;
    this.#faults = options.hasPN532 ? [...this.#all(), ...this.#readerFaults()] : this.#all();
    options.scene.platform.outage = (request) => {
      for (const outage of this.#outages) {
        const answers = outage(request);
        if (answers) return answers;
      }
      return undefined;
    };
  }

  /** The path between the station and its broker works, and has worked for a while. */
  get isCalm(): boolean {
    for (const { isBehindBroker } of this.#active.keys()) if (!isBehindBroker) return false;
    return this.#options.scene.clock.monotonicMs() - this.#lastMs > AFTERMATH_MS;
  }

  start(): void {
    if (this.#isOn) return;
    this.#isOn = true;
    this.#scheduleNext();
  }

  /** Ends all faults and begins no new ones. */
  heal(): void {
    const { scene } = this.#options;
    this.#isOn = false;
    scene.clock.clear(this.#next);
    for (const fault of [...this.#active.keys()]) this.#end(fault);
    scene.device.flash.cutPowerAtWrite(undefined, "before");
    this.switchOn();
  }

  /** Time since the power was switched on, or since a fault crashed the firmware after that, ms. */
  get poweredMs(): number {
    return this.#options.scene.clock.monotonicMs() - this.#bootMs;
  }

  switchOn(): void {
    const { scene } = this.#options;
    scene.clock.clear(this.#powerOn);
    this.#powerOn = undefined;
    if (scene.device.isRunning) return;
    this.#bootMs = scene.clock.monotonicMs();
    // A restarted station does not know the time until it has joined a network.
    scene.clock.setEpochMs(undefined);
    scene.under.boot();
  }

  /** Handles a power cut: power returns after a while. */
  onPowerCut(): void {
    const { scene, random } = this.#options;
    this.#lastMs = scene.clock.monotonicMs();
    if (!this.#isOn) return;
    scene.clock.clear(this.#powerOn);
    this.#powerOn = scene.clock.set(() => this.switchOn(), logUniform(random, MIN_OFF_MS, MAX_OFF_MS));
  }

  /** Makes the platform ignore session reports for a time, as on a crowded day. */
  rejectSessions(lastsMs: number): void {
    this.#begin(this.#platformFault("a platform that ignores sessions", { outage: NO_SESSIONS }), lastsMs);
  }

  /** Makes the platform ignore all requests for a time. */
  silencePlatform(lastsMs: number): void {
    this.#begin(this.#platformFault("a silent platform", { outage: () => [] }), lastsMs);
  }

  /** Delays the platform's next answer. */
  delayNextAnswer(): void {
    const { platform } = this.#options.scene;
    platform.intercept ??= (answer, request) => {
      platform.intercept = undefined;
      return this.#answerLater(answer, request, ANSWER_DELAY_MS);
    };
  }

  #scheduleNext(): void {
    const { scene, random } = this.#options;
    if (!this.#isOn) return;
    this.#next = scene.clock.set(
      () => {
        this.#begin(random.pick(this.#faults));
        this.#scheduleNext();
      },
      exponential(random, MEAN_GAP_MS),
    );
  }

  #begin(fault: Fault, ownMs?: number): void {
    const { scene, random, eventLog } = this.#options;
    if (this.#active.has(fault)) return;
    const [minMs, maxMs] = fault.isLong ? [MIN_LONG_MS, MAX_LONG_MS] : [MIN_LASTS_MS, MAX_LASTS_MS];
    const lastsMs = ownMs ?? logUniform(random, minMs, maxMs);
    eventLog.record(`${fault.name}, for ${Math.round(lastsMs / 1000)} s`);
    eventLog.count(fault.name);
    this.#active.set(
      fault,
      scene.clock.set(() => this.#end(fault), lastsMs),
    );
    fault.begin();
  }

  #end(fault: Fault): void {
    const { scene, eventLog } = this.#options;
    scene.clock.clear(this.#active.get(fault));
    if (!this.#active.delete(fault)) return;
    if (!fault.isBehindBroker) this.#lastMs = scene.clock.monotonicMs();
    eventLog.record(`over: ${fault.name}`);
    fault.end();
  }

  /** Faults of a PN532. The station recovers from each of them while a guest holds a card to it. */
  #readerFaults(): Fault[] {
    const { scene, random, swipes } = this.#options;
    const { device } = scene;
    const isBehindBroker = true;
    let noise: Timer | undefined;
    return [
      {
        name: "a reset of the card reader",
        isBehindBroker,
        begin: () => device.pn532?.reset(),
        end: () => {},
      },
      {
        name: "a silent card reader",
        isBehindBroker,
        begin: () => {
          swipes.recordOtherCard();
          if (device.pn532) device.pn532.responds = false;
        },
        end: () => {
          if (device.pn532) device.pn532.responds = true;
        },
      },
      {
        name: "noise of the card reader",
        isBehindBroker,
        begin: () => {
          noise = scene.clock.repeat(
            () => device.cardReader.send(random.bytes(1 + random.int(20))),
            NOISE_MS,
          );
        },
        end: () => scene.clock.clear(noise),
      },
    ];
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
      brokerFault("a broker that refuses all clients", (isOn) => {
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
      brokerFault("a Wi-Fi without events", (isOn) => {
        world.wifi.isMute = isOn;
      }),
      ...this.#platformFaults(),
      ...this.#powerFaults(),
    ];
  }

  #platformFaults(): Fault[] {
    const { scene, random } = this.#options;
    const { platform } = scene;
    const fault = (name: string, acts: { outage?: Outage; intercept?: Intercept }) =>
      this.#platformFault(name, acts);
    const fails = (request: PlatformRequest) => [platform.respond(request, { message: "no" }, "0", "500")];
    const silent = () => [];
    const refuses = (request: PlatformRequest) => [platform.respond(request, { accepted: false })];
    const forges = (request: PlatformRequest) => forged(platform.respond(request, { accepted: true }));
    const forged = (answer: Record<string, string>) => [
      { ...answer, code: answer.code === "200" ? "201" : "200" },
    ];
    return [
      fault("a silent platform", { outage: silent }),
      fault("a platform whose answers are lost", { intercept: () => [] }),
      fault("a platform that loses half of the messages", {
        outage: () => (random.bool(0.3) ? [] : undefined),
        intercept: (answer) => (random.bool(0.7) ? [answer] : []),
      }),
      fault("a platform that answers twice", { intercept: (answer) => [answer, answer] }),
      fault("a platform that fails", { outage: fails }),
      fault("a platform that fails after it has stored", { intercept: (_answer, request) => fails(request) }),
      fault("forged answers", { outage: forges }),
      fault("tampered answers", { intercept: forged }),
      fault("a slow platform", {
        intercept: (answer, request) => this.#answerLater(answer, request, random.int(MAX_DELAY_MS)),
      }),
      fault("a platform that fails for some sessions", {
        outage: (request) => (isRejectedSession(request) ? fails(request) : undefined),
      }),
      {
        ...fault("hours without a platform", { outage: (request) => random.pick([silent, fails])(request) }),
        isLong: true,
      },
      { ...fault("hours in which no session is taken", { outage: NO_SESSIONS }), isLong: true },
      {
        ...fault("hours in which sessions fail", {
          outage: (request) =>
            request.endpoint === "session" ? random.pick([fails, refuses, forges])(request) : undefined,
        }),
        isLong: true,
      },
    ];
  }

  #platformFault(name: string, { outage, intercept }: { outage?: Outage; intercept?: Intercept }): Fault {
    const { platform } = this.#options.scene;
    return {
      name,
      isBehindBroker: true,
      begin: () => {
        if (outage) this.#outages.add(outage);
        if (intercept) platform.intercept = intercept;
      },
      end: () => {
        if (outage) this.#outages.delete(outage);
        if (platform.intercept === intercept) platform.intercept = undefined;
      },
    };
  }

  #answerLater(answer: object, { user, deviceId, endpoint }: PlatformRequest, delayMs: number): [] {
    const { broker, clock } = this.#options.scene;
    const topic = `${user}/res/${deviceId}/${endpoint}`;
    clock.set(() => broker.publish(topic, JSON.stringify(answer)), delayMs);
    return [];
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
      // Writes are listed several times because they offer the most moments for a cut.
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

/** Drops all session reports. */
const NO_SESSIONS: Outage = ({ endpoint }) => (endpoint === "session" ? [] : undefined);

function isRejectedSession({ endpoint, data }: PlatformRequest): boolean {
  return endpoint === "session" && String(data.id) < "8";
}

/** Error message of a simulated crash. */
export const MADE_CRASH = "made by the simulation";

export function exponential(random: Random, mean: number): number {
  return -Math.log(1 - random.uint32() / 2 ** 32) * mean;
}

/** Log-uniform random number: each decade is equally likely, so most values are small and some are large. */
export function logUniform(random: Random, min: number, max: number): number {
  return min * (max / min) ** (random.uint32() / 2 ** 32);
}
