/**
 * The demo `npm start`, with real parts: a broker over TCP, pairing over HTTP, stations on Node's sockets.
 * Radio, Wi-Fi and pins are virtual. Each step counts only if it is observed from outside the station: at the
 * broker, on the air, at the contactor.
 */

import { randomBytes, randomInt } from "node:crypto";
import type { AuthorizationResult, ProofCard } from "../../../docs/station.js";
import {
  type Platform,
  Registry,
  type Response,
  startPlatform,
  usernameOf,
} from "../../../platform-stub/index.js";
import { openRadio, type Radio, type RadioKind } from "../../virtual/bluetooth/radio.js";
import { NodeClock } from "../../virtual/node-board/index.js";
import { Phone, type PresentOptions, type SeenStation } from "../../virtual/world/phone.js";
import { World } from "../../virtual/world/world.js";
import { VirtualStation } from "../cli/virtual-station.js";
import { waitFor } from "../cli/wait.js";
import { Observer } from "./observer.js";
import type { DemoEvent, Happening, Timeline } from "./timeline.js";

export interface DemoOptions {
  readonly timeline: Timeline;
  /** External broker. Default: the platform stub's own. */
  readonly brokerURL?: string;
  /** Default: real Bluetooth stacks if they are installed. */
  readonly radio?: RadioKind;
  /** Path of the btsnoop log of the radio's packets. */
  readonly btsnoopFile?: string;
  /** Ends the demo early. It still cleans up, and rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

const OWNER = "owner@cafe.example";
const GUEST_TAG = "GUEST-0001";
const BLOCKED_TAG = "GUEST-0002";
/** Card that cannot be copied. Its secret is random in each run. */
const PROVED_TAG = "ka5tqgx2m7bd4wzn";
const WIFI = { ssid: "Café", password: randomBytes(8).toString("hex") };

const RADIO_NOTES: Readonly<Record<RadioKind, string>> = {
  hci: "communicate over Bluetooth: GATT on bleno, the phones on noble, HCI packets between virtual controllers",
  calls: "communicate by function calls: the Bluetooth stacks are not installed, or not asked for",
};

/** Manipulation of the platform's answers on their way to the station. */
type Manipulation = "nothing" | "tampered" | "lost";

interface Spot {
  readonly name: string;
  readonly deviceId: string;
  readonly station: VirtualStation;
  /** Preparation steps are printed as events for the main station, and as plain lines for the other. */
  readonly isMain: boolean;
}

/** A final result, and whether it has the platform's receipt; `undefined` for a plain tag. */
type PresentedResult = AuthorizationResult & { readonly isConfirmed: boolean | undefined };

/** Time for the stations to disconnect cleanly when the demo ends early, ms. */
const SHUTDOWN_MS = 2000;

type CleanUp = (() => Promise<void> | void)[];

/** Runs the demo. Rejects with the step that was not observed. */
export async function runDemo(options: DemoOptions): Promise<void> {
  const cleanUp: CleanUp = [];
  const errors: unknown[] = [];
  const attempt = async (step: () => Promise<void> | void) => {
    try {
      await step();
    } catch (error) {
      errors.push(error);
    }
  };
  await attempt(() => new Demo(options, cleanUp).run());
  for (const step of cleanUp.reverse()) await attempt(step);
  if (errors.length > 0) throw errors[0];
}

class Demo {
  readonly #timeline: Timeline;
  readonly #brokerURL: string | undefined;
  readonly #cleanUp: CleanUp;
  readonly #world: World<NodeClock>;
  readonly #radio: Radio;
  readonly #phone: Phone;
  #manipulation: Manipulation = "nothing";
  readonly #onAir = new Map<string, SeenStation>();
  readonly #spots: Spot[] = [];
  readonly #failure = new AbortController();
  /** Aborted when the demo fails or has to end, so that waiting steps reject. */
  readonly #signal: AbortSignal;

  constructor({ timeline, brokerURL, radio, btsnoopFile, signal }: DemoOptions, cleanUp: CleanUp) {
    this.#timeline = timeline;
    this.#brokerURL = brokerURL;
    this.#cleanUp = cleanUp;
    this.#signal = AbortSignal.any([this.#failure.signal, ...(signal ? [signal] : [])]);
    const clock = new NodeClock();
    this.#world = new World(clock, { seed: randomInt(2 ** 31) });
    this.#world.wifi.put(WIFI);
    cleanUp.push(() => clock.dispose());
    this.#radio = openRadio({ world: this.#world, kind: radio, btsnoopFile });
    cleanUp.push(() => this.#radio.close());
    this.#phone = new Phone({ air: this.#radio.central, clock });
    const scan = this.#phone.scan((seen) => this.#onAir.set(seen.address, seen));
    cleanUp.push(() => scan.close());
  }

  async run(): Promise<void> {
    try {
      await this.#play();
    } catch (error) {
      this.#failure.abort(error);
      throw error;
    }
  }

  async #play(): Promise<void> {
    const registry = new Registry();
    const token = randomBytes(12).toString("hex");
    registry.addUser({ email: OWNER, token });
    registry.putTag({ tag: GUEST_TAG, owner: OWNER });
    registry.putTag({ tag: BLOCKED_TAG, owner: OWNER, blocked: true });
    registry.putTag({ tag: PROVED_TAG, owner: OWNER, accepts: "proof" });
    const { platform, observer } = await this.#startPlatform(registry);

    const account = { username: usernameOf(OWNER), password: token };
    this.#cleanUp.push(() =>
      observer.sweep({ deviceIds: this.#spots.map(({ deviceId }) => deviceId), ...account }),
    );
    this.#cleanUp.push(() => this.#switchOff(observer));
    const first = this.#makeSpot("station 1", registry, true);
    const second = this.#makeSpot("station 2", registry, false);
    await Promise.all([first, second].map((spot) => this.#bringOnline(spot, platform, token, observer)));

    await this.#charge(first, observer);
    await this.#refuse(second, observer);
    await this.#tamper(second);
    await this.#dropAnswers(second);
    const proof = await this.#prove(second, registry.cardFile(PROVED_TAG));
    await this.#replay(second, proof, observer);
    await this.#unplug(first, observer);
    await this.#leave(observer);
  }

  async #startPlatform(registry: Registry) {
    const brokerURL = this.#brokerURL;
    const platform = await startPlatform({
      registry,
      brokerURL,
      intercept: (response) => this.#intercept(response),
    });
    this.#cleanUp.push(() => platform.close());
    const onLost = () => this.#failure.abort(new Error("the broker is gone"));
    const observer = await Observer.start({ platform, onLost });
    this.#cleanUp.push(() => observer.close());
    const { host, port } = platform;
    const kind = brokerURL === undefined ? "the stub's own broker" : "an external broker";
    this.#timeline.event("platform", {
      from: "platform",
      to: "broker",
      what: `answers requests at ${host} port ${port}, ${kind}`,
      details: { host, port, external: brokerURL !== undefined, radio: this.#radio.kind },
    });
    this.#timeline.detail({ from: "station", to: "phone", what: RADIO_NOTES[this.#radio.kind] });
    return { platform, observer };
  }

  #makeSpot(name: string, registry: Registry, isMain: boolean): Spot {
    const deviceId = `demo-${randomBytes(4).toString("hex")}`;
    const { key } = registry.addDevice({ id: deviceId, owner: OWNER });
    const station = new VirtualStation({
      world: this.#world,
      config: { name: `PlugPass ${name}` },
      provisioning: { deviceId, responseKey: key },
      httpPort: 0,
      makeGATTServer: this.#radio.makeGATTServer,
      onEnd: (end) => {
        if (end.type === "crash") this.#failure.abort(end.error);
      },
    });
    const spot = { name, deviceId, station, isMain };
    this.#spots.push(spot);
    return spot;
  }

  async #bringOnline(spot: Spot, platform: Platform, token: string, observer: Observer): Promise<void> {
    const { name, deviceId, station } = spot;
    station.boot();
    await this.#seen(spot, "is on the air in pairing mode", (seen) => seen.pairing);
    await this.#until(`the access point of ${name}`, () => this.#world.wifi.accessPoints.length > 0);
    const url = await this.#until(
      `the HTTP API of ${name}`,
      () => station.httpPort > 0 && `http://127.0.0.1:${station.httpPort}`,
    );
    const status = await statusOf(url, this.#signal);
    if (status.mode !== "pairing")
      throw new Error(`${name} is not in pairing mode: ${JSON.stringify(status)}`);
    this.#report(spot, "pairing-mode", {
      from: name,
      to: "app",
      what: `is unpaired: access point up, waiting for ${status.waitingFor.join(", ")}`,
      details: { station: deviceId, waitingFor: status.waitingFor },
    });

    const { host, port } = platform;
    const fields = { ssid: WIFI.ssid, psk: WIFI.password, wsp: OWNER, token, host, brport: String(port) };
    const body = new URLSearchParams(fields);
    const answer = await fetch(`${url}/pair`, { method: "POST", body, signal: this.#signal });
    if (answer.status !== 200) throw new Error(`pairing ${name}: ${answer.status} ${await answer.text()}`);
    this.#report(spot, "paired", {
      from: "app",
      to: name,
      what: "POST /pair: 200 OK, the parameters are being tried",
      details: { station: deviceId, status: answer.status },
    });

    await this.#until(
      `${name} is ready at the broker`,
      () => observer.last(`${deviceId}/$state`) === "ready",
    ).catch(async (error: Error) => {
      const { lastFailure } = await statusOf(url, this.#signal);
      throw new Error(`${error.message}; its last failure: ${lastFailure?.message ?? "none"}`);
    });
    await this.#seen(
      spot,
      "advertises that the platform is reachable",
      (seen) => seen.platformReachable && !seen.pairing,
    );
    this.#report(spot, "online", {
      from: name,
      to: "broker",
      what: "$state ready; the advertisement reports a reachable platform",
      details: { station: deviceId },
    });
  }

  async #charge(spot: Spot, observer: Observer): Promise<void> {
    const { name, deviceId, station } = spot;
    const { vehicle } = station.device;
    await this.#plug(spot, observer);
    const from = observer.seen.length;
    const onPending = (pending: AuthorizationResult) => {
      this.#timeline.event("pending", {
        from: name,
        to: "phone",
        what: `attempt ${pending.attempt}: pending (${pending.code})`,
        details: { station: deviceId, code: pending.code, attempt: pending.attempt },
      });
    };
    const result = await this.#present(spot, GUEST_TAG, 200, { onPending });
    const request = observer.find(`/req/${deviceId}/authorize`, from);
    const response = observer.find(`/res/${deviceId}/authorize`, from);
    if (!request || !response) throw new Error(`the request of ${name} was not seen at the broker`);
    if (JSON.parse(request.payload).id !== JSON.parse(response.payload).id) throw new Error("the ids differ");
    if (response.payload.includes("authorized"))
      throw new Error("the answer went over the broker unencrypted");
    this.#timeline.detail({ from: name, to: "platform", what: "REQ authorize, seen at the broker" });
    this.#timeline.detail({ from: "platform", to: name, what: "RES authorize, encrypted" });
    this.#timeline.event("authorized", {
      from: name,
      to: "phone",
      what: `attempt ${result.attempt}: authorized (${result.code})`,
      details: { station: deviceId, code: result.code, attempt: result.attempt },
    });

    await this.#until(`current flows at ${name}`, () => vehicle.isCharging);
    await this.#until(
      "charging at the broker",
      () => observer.last(`${deviceId}/charger/status`) === "charging",
    );
    await this.#seen(spot, "charges", (seen) => seen.status === "charging");
    this.#timeline.event("charging", {
      from: name,
      to: "vehicle",
      what: `contactor closed, ${Math.round(vehicle.dutyPermille * 0.06)} A offered; charger/status charging`,
      details: { station: deviceId, dutyPermille: vehicle.dutyPermille },
    });
  }

  async #refuse(spot: Spot, observer: Observer): Promise<void> {
    await this.#plug(spot, observer);
    const result = await this.#presentRefused(spot, BLOCKED_TAG, 403);
    this.#timeline.event("rejected", {
      from: spot.name,
      to: "phone",
      what: `a blocked card: rejected (${result.code}), contactor open`,
      details: { station: spot.deviceId, code: result.code },
    });
  }

  async #tamper(spot: Spot): Promise<void> {
    this.#manipulation = "tampered";
    const result = await this.#presentRefused(spot, GUEST_TAG, 502);
    this.#timeline.event("untrusted", {
      from: spot.name,
      to: "phone",
      what: `one bit of the answer changed on the way: not trusted (${result.code}), contactor open`,
      details: { station: spot.deviceId, code: result.code },
    });
  }

  async #dropAnswers(spot: Spot): Promise<void> {
    this.#manipulation = "lost";
    const startMs = performance.now();
    const result = await this.#presentRefused(spot, GUEST_TAG, 408);
    const seconds = (performance.now() - startMs) / 1000;
    if (seconds > 15) throw new Error(`the final result took ${seconds} s`);
    this.#timeline.event("timeout", {
      from: spot.name,
      to: "phone",
      what: `the platform stays silent: failed (${result.code}) after ${seconds.toFixed(1)} s, contactor open`,
      details: { station: spot.deviceId, code: result.code, seconds },
    });
  }

  /** Presents a card that cannot be copied. Returns the proof, as a receiver in reach records it. */
  async #prove(spot: Spot, card: ProofCard | undefined): Promise<string> {
    if (!card) throw new Error(`the platform has no secret of ${PROVED_TAG}`);
    let proof = "";
    const { code, isConfirmed } = await this.#present(spot, card, 200, {
      onWritten: (text) => {
        proof = text;
      },
    });
    if (!isConfirmed) throw new Error(`${spot.name} has no receipt of the platform`);
    await this.#until(`current flows at ${spot.name}`, () => spot.station.device.vehicle.isCharging);
    this.#timeline.event("proved", {
      from: spot.name,
      to: "phone",
      what: `a card that cannot be copied: authorized (${code}), the platform stands behind this station`,
      details: { station: spot.deviceId, code },
    });
    return proof;
  }

  /** Presents a recorded proof for the next vehicle. */
  async #replay(spot: Spot, proof: string, observer: Observer): Promise<void> {
    await this.#endSession(spot, observer);
    await this.#plug(spot, observer);
    const result = await this.#presentRefused(spot, proof, 403);
    this.#timeline.event("replayed", {
      from: spot.name,
      to: "phone",
      what: `the recorded proof of that card: rejected (${result.code}), contactor open`,
      details: { station: spot.deviceId, code: result.code },
    });
  }

  async #unplug(spot: Spot, observer: Observer): Promise<void> {
    await this.#endSession(spot, observer);
    this.#timeline.event("finished", {
      from: "vehicle",
      to: spot.name,
      what: "unplugged: contactor open, charger/status available, the session is over",
      details: { station: spot.deviceId },
    });
  }

  async #endSession(spot: Spot, observer: Observer): Promise<void> {
    const { name, deviceId, station } = spot;
    station.device.vehicle.unplug();
    await this.#until(`the contactor of ${name} opens`, () => !station.device.vehicle.isContactorClosed);
    await this.#until(
      "available at the broker",
      () => observer.last(`${deviceId}/charger/status`) === "available",
    );
    await this.#seen(spot, "is available", (seen) => seen.status === "available");
  }

  async #leave(observer: Observer): Promise<void> {
    for (const { name, deviceId, station } of this.#spots) {
      station.shutDown();
      await this.#until(`${name} disconnects cleanly`, () => hasLeft(observer, deviceId));
    }
  }

  /**
   * Shuts the stations down at any stage. A station that does not disconnect cleanly leaves its last will at
   * the broker.
   */
  async #switchOff(observer: Observer): Promise<void> {
    for (const { station } of this.#spots) station.shutDown();
    const haveLeft = () =>
      observer.isLost || this.#spots.every(({ deviceId }) => hasLeft(observer, deviceId) !== false);
    await waitFor("the stations disconnect cleanly", haveLeft, SHUTDOWN_MS).catch(() => {});
    for (const { station } of this.#spots) station.device.cutPower();
  }

  async #plug(spot: Spot, observer: Observer): Promise<void> {
    const { name, deviceId, station } = spot;
    station.device.vehicle.plug();
    await this.#until(
      "plugged at the broker",
      () => observer.last(`${deviceId}/charger/status`) === "plugged",
    );
    await this.#seen(spot, "accepts tags", (seen) => seen.status === "plugged" && seen.acceptsTags);
    this.#report(spot, "plugged", {
      from: "vehicle",
      to: name,
      what: "plugged: charger/status plugged; the advertisement reports that tags are accepted",
      details: { station: deviceId },
    });
  }

  /** Presents a tag that must not be authorized, and checks that the contactor stays open. */
  async #presentRefused(spot: Spot, tag: string, code: number): Promise<AuthorizationResult> {
    const { vehicle } = spot.station.device;
    let hasClosed = false;
    const unwatch = vehicle.watch(() => {
      hasClosed ||= vehicle.isContactorClosed;
    });
    const result = await this.#present(spot, tag, code);
    await this.#seen(spot, "accepts tags again", (seen) => seen.status === "plugged" && seen.acceptsTags);
    unwatch();
    this.#manipulation = "nothing";
    if (hasClosed) throw new Error(`${spot.name} charged with a result of ${code}`);
    return result;
  }

  async #present(
    spot: Spot,
    tag: string | ProofCard,
    code: number,
    listeners: Pick<PresentOptions, "onPending" | "onWritten"> = {},
  ): Promise<PresentedResult> {
    const { name, station } = spot;
    this.#signal.throwIfAborted();
    const number = typeof tag === "string" ? tag : tag.cardId;
    this.#timeline.detail({ from: "phone", to: name, what: `connects, presents …${number.slice(-4)}` });
    const result = await new Promise<PresentedResult>((resolve, reject) => {
      this.#signal.addEventListener("abort", () => reject(this.#signal.reason), { once: true });
      this.#phone.present({
        address: station.device.mac,
        tag,
        ...listeners,
        onDone: (outcome) => {
          if ("result" in outcome) resolve({ ...outcome.result, isConfirmed: outcome.isConfirmed });
          else reject(new Error(`${name}: ${outcome.failure}`));
        },
      });
    });
    if (result.code !== code)
      throw new Error(`${name} answered ${result.code} (${result.state}), not ${code}`);
    return result;
  }

  #report(spot: Spot, event: DemoEvent, happening: Happening): void {
    if (spot.isMain) this.#timeline.event(event, happening);
    else this.#timeline.detail(happening);
  }

  async #seen(spot: Spot, what: string, holds: (seen: SeenStation) => boolean): Promise<void> {
    await this.#until(`${spot.name} ${what}`, () => {
      const seen = this.#onAir.get(spot.station.device.mac);
      return seen !== undefined && holds(seen);
    });
  }

  /** Waits for a condition, until the demo is aborted. */
  #until<T>(what: string, look: () => T | undefined | false): Promise<T> {
    return waitFor(what, () => {
      this.#signal.throwIfAborted();
      return look();
    });
  }

  #intercept(response: Response): Response | undefined {
    switch (this.#manipulation) {
      case "nothing":
        return response;
      case "tampered": {
        const bytes = Buffer.from(response.data, "base64");
        bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
        this.#timeline.detail({
          from: "attacker",
          to: "broker",
          what: "changes one bit of the answer",
        });
        return { ...response, data: bytes.toString("base64") };
      }
      case "lost":
        return undefined;
    }
  }
}

/** Whether a station has disconnected cleanly; `undefined` if it was never online. */
function hasLeft(observer: Observer, deviceId: string): boolean | undefined {
  const state = observer.last(`${deviceId}/$state`);
  return state === undefined ? undefined : state === "disconnected";
}

async function statusOf(
  url: string,
  signal: AbortSignal,
): Promise<{
  mode: string;
  waitingFor: string[];
  lastFailure: { code: string; message: string } | null;
}> {
  return JSON.parse(await (await fetch(`${url}/status`, { signal })).text());
}
