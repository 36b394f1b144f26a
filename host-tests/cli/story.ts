/**
 * The main story, with real parts: a broker over TCP, pairing over HTTP, the stations' firmware on Node's sockets.
 * Radio, Wi-Fi and pins are virtual. Every step counts only when it was seen from outside the station: at the broker,
 * on the air, at the contactor.
 */

import { randomBytes, randomInt } from "node:crypto";
import {
  type Platform,
  Registry,
  type Response,
  startPlatform,
  usernameOf,
} from "../../platform-stub/index.js";
import { NodeClock } from "../node-board/index.js";
import { Phone, type SeenResult, type SeenStation } from "../world/phone.js";
import { World } from "../world/world.js";
import { Observer } from "./observer.js";
import type { Happening, StoryEvent, Timeline } from "./timeline.js";
import { VirtualStation } from "./virtual-station.js";
import { waitFor } from "./wait.js";

export interface StoryOptions {
  readonly timeline: Timeline;
  /** An external broker; none: the stub's own. */
  readonly brokerURL?: string;
}

const OWNER = "owner@cafe.example";
const GUEST_TAG = "GUEST-0001";
const BLOCKED_TAG = "GUEST-0002";
const WIFI = { ssid: "Café", password: randomBytes(8).toString("hex") };

/** What happens to the platform's answers on their way. */
type OnTheWay = "nothing" | "tampered" | "lost";

interface Spot {
  readonly name: string;
  readonly deviceId: string;
  readonly station: VirtualStation;
  /** What happens here on the way to the story is an event; at the other station it is only told. */
  readonly isMain: boolean;
}

/** Runs the story. Rejects with what was not seen. */
export async function runStory({ timeline, brokerURL }: StoryOptions): Promise<void> {
  const cleanUp: (() => Promise<void> | void)[] = [];
  try {
    await new Story(timeline, cleanUp).run(brokerURL);
  } finally {
    for (const step of cleanUp.reverse()) await step();
  }
}

class Story {
  #timeline: Timeline;
  #cleanUp: (() => Promise<void> | void)[];
  #world: World<NodeClock>;
  #phone: Phone;
  #onTheWay: OnTheWay = "nothing";
  #onAir = new Map<string, SeenStation>();

  constructor(timeline: Timeline, cleanUp: (() => Promise<void> | void)[]) {
    this.#timeline = timeline;
    this.#cleanUp = cleanUp;
    const clock = new NodeClock();
    this.#world = new World(clock, { seed: randomInt(2 ** 31) });
    this.#world.wifi.put(WIFI);
    this.#phone = new Phone({ air: this.#world.air, clock });
    cleanUp.push(() => clock.dispose());
    this.#phone.scan((seen) => this.#onAir.set(seen.address, seen));
  }

  async run(brokerURL: string | undefined): Promise<void> {
    const registry = new Registry();
    const token = randomBytes(12).toString("hex");
    registry.addUser({ email: OWNER, token });
    registry.putTag({ tag: GUEST_TAG, owner: OWNER });
    registry.putTag({ tag: BLOCKED_TAG, owner: OWNER, blocked: true });
    const { platform, observer } = await this.#startPlatform(registry, brokerURL);

    const first = this.#makeSpot("station 1", registry, true);
    const second = this.#makeSpot("station 2", registry, false);
    const ids = [first.deviceId, second.deviceId];
    this.#cleanUp.push(() =>
      observer.sweep({ deviceIds: ids, username: usernameOf(OWNER), password: token }),
    );
    await Promise.all([first, second].map((spot) => this.#bringOnline(spot, platform, token, observer)));

    await this.#charge(first, observer);
    await this.#refuse(second, observer);
    await this.#tamper(second);
    await this.#keepSilent(second);
    await this.#unplug(first, observer);
    await this.#leave([first, second], observer);
  }

  async #startPlatform(registry: Registry, brokerURL: string | undefined) {
    const platform = await startPlatform({
      registry,
      brokerURL,
      intercept: (response) => this.#intercept(response),
    });
    this.#cleanUp.push(() => platform.close());
    const observer = await Observer.start(platform);
    this.#cleanUp.push(() => observer.close());
    const { host, port } = platform;
    const kind = brokerURL === undefined ? "the stub's own broker" : "an external broker";
    this.#timeline.event("platform", {
      from: "platform",
      to: "broker",
      what: `answers requests at ${host} port ${port}, ${kind}`,
      details: { host, port, external: brokerURL !== undefined },
    });
    return { platform, observer };
  }

  #makeSpot(name: string, registry: Registry, isMain: boolean): Spot {
    const deviceId = `story-${randomBytes(4).toString("hex")}`;
    const { key } = registry.addDevice({ id: deviceId, owner: OWNER });
    const station = new VirtualStation({
      world: this.#world,
      config: { name: `PlugPass ${name}` },
      provisioning: { deviceId, responseKey: key },
      httpPort: 0,
      onEnd: (end) => {
        if (end.type === "crash") throw end.error;
      },
    });
    this.#cleanUp.push(() => station.device.cutPower());
    return { name, deviceId, station, isMain };
  }

  async #bringOnline(spot: Spot, platform: Platform, token: string, observer: Observer): Promise<void> {
    const { name, deviceId, station } = spot;
    station.boot();
    await this.#seen(spot, "is on the air in pairing mode", (seen) => seen.pairing);
    await waitFor(`the access point of ${name}`, () => this.#world.wifi.accessPoints.length > 0);
    const url = await waitFor(
      `the HTTP API of ${name}`,
      () => station.httpPort > 0 && `http://127.0.0.1:${station.httpPort}`,
    );
    const status = await statusOf(url);
    if (status.mode !== "pairing")
      throw new Error(`${name} is not in pairing mode: ${JSON.stringify(status)}`);
    this.#tell(spot, "pairing-mode", {
      from: name,
      to: "app",
      what: `is unpaired: access point up, waiting for ${status.waitingFor.join(", ")}`,
      details: { station: deviceId, waitingFor: status.waitingFor },
    });

    const { host, port } = platform;
    const fields = { ssid: WIFI.ssid, psk: WIFI.password, wsp: OWNER, token, host, brport: String(port) };
    const answer = await fetch(`${url}/pair`, { method: "POST", body: new URLSearchParams(fields) });
    if (answer.status !== 200) throw new Error(`pairing ${name}: ${answer.status} ${await answer.text()}`);
    this.#tell(spot, "paired", {
      from: "app",
      to: name,
      what: "POST /pair: 200 OK, the parameters are being tried",
      details: { station: deviceId, status: answer.status },
    });

    await waitFor(
      `${name} is ready at the broker`,
      () => observer.last(`${deviceId}/$state`) === "ready",
    ).catch(async (error: Error) => {
      const { lastFailure } = await statusOf(url);
      throw new Error(`${error.message}; it says: ${lastFailure?.message ?? "nothing"}`);
    });
    await this.#seen(
      spot,
      "says that the platform is reachable",
      (seen) => seen.platformReachable && !seen.pairing,
    );
    this.#tell(spot, "online", {
      from: name,
      to: "broker",
      what: "$state ready; the advertisement says that the platform is reachable",
      details: { station: deviceId },
    });
  }

  async #charge(spot: Spot, observer: Observer): Promise<void> {
    const { name, deviceId, station } = spot;
    const { vehicle } = station.device;
    await this.#plug(spot, observer);
    const from = observer.seen.length;
    const result = await this.#present(spot, GUEST_TAG, 200, (pending) => {
      this.#timeline.event("pending", {
        from: name,
        to: "phone",
        what: `attempt ${pending.attempt}: pending (${pending.code})`,
        details: { station: deviceId, code: pending.code, attempt: pending.attempt },
      });
    });
    const request = observer.find(`/req/${deviceId}/authorize`, from);
    const response = observer.find(`/res/${deviceId}/authorize`, from);
    if (!request || !response) throw new Error(`the request of ${name} was not seen at the broker`);
    if (JSON.parse(request.payload).id !== JSON.parse(response.payload).id) throw new Error("the ids differ");
    if (response.payload.includes("authorized"))
      throw new Error("the answer went over the broker unencrypted");
    this.#timeline.note({ from: name, to: "platform", what: "REQ authorize, seen at the broker" });
    this.#timeline.note({ from: "platform", to: name, what: "RES authorize, encrypted" });
    this.#timeline.event("authorized", {
      from: name,
      to: "phone",
      what: `attempt ${result.attempt}: authorized (${result.code})`,
      details: { station: deviceId, code: result.code, attempt: result.attempt },
    });

    await waitFor(`current flows at ${name}`, () => vehicle.isCharging);
    await waitFor("charging at the broker", () => observer.last(`${deviceId}/charger/status`) === "charging");
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
    const result = await this.#presentInVain(spot, BLOCKED_TAG, 403);
    this.#timeline.event("rejected", {
      from: spot.name,
      to: "phone",
      what: `a blocked card: rejected (${result.code}), contactor open`,
      details: { station: spot.deviceId, code: result.code },
    });
  }

  async #tamper(spot: Spot): Promise<void> {
    this.#onTheWay = "tampered";
    const result = await this.#presentInVain(spot, GUEST_TAG, 502);
    this.#timeline.event("untrusted", {
      from: spot.name,
      to: "phone",
      what: `one bit of the answer changed on the way: not trusted (${result.code}), contactor open`,
      details: { station: spot.deviceId, code: result.code },
    });
  }

  async #keepSilent(spot: Spot): Promise<void> {
    this.#onTheWay = "lost";
    const startMs = performance.now();
    const result = await this.#presentInVain(spot, GUEST_TAG, 408);
    const seconds = (performance.now() - startMs) / 1000;
    if (seconds > 15) throw new Error(`the final result took ${seconds} s`);
    this.#timeline.event("timeout", {
      from: spot.name,
      to: "phone",
      what: `the platform stays silent: failed (${result.code}) after ${seconds.toFixed(1)} s, contactor open`,
      details: { station: spot.deviceId, code: result.code, seconds },
    });
  }

  async #unplug(spot: Spot, observer: Observer): Promise<void> {
    const { name, deviceId, station } = spot;
    station.device.vehicle.unplug();
    await waitFor(`the contactor of ${name} opens`, () => !station.device.vehicle.isContactorClosed);
    await waitFor(
      "available at the broker",
      () => observer.last(`${deviceId}/charger/status`) === "available",
    );
    await this.#seen(spot, "is available", (seen) => seen.status === "available");
    this.#timeline.event("finished", {
      from: "vehicle",
      to: name,
      what: "unplugged: contactor open, charger/status available, the session is over",
      details: { station: deviceId },
    });
  }

  async #leave(spots: readonly Spot[], observer: Observer): Promise<void> {
    for (const { name, deviceId, station } of spots) {
      station.shutDown();
      await waitFor(`${name} says goodbye`, () => observer.last(`${deviceId}/$state`) === "disconnected");
    }
  }

  async #plug(spot: Spot, observer: Observer): Promise<void> {
    const { name, deviceId, station } = spot;
    station.device.vehicle.plug();
    await waitFor("plugged at the broker", () => observer.last(`${deviceId}/charger/status`) === "plugged");
    await this.#seen(spot, "takes tags", (seen) => seen.status === "plugged" && seen.acceptsTags);
    this.#tell(spot, "plugged", {
      from: "vehicle",
      to: name,
      what: "plugged: charger/status plugged; the advertisement says that tags are taken",
      details: { station: deviceId },
    });
  }

  /** Presents a tag that must not open anything: the contactor is watched all the while. */
  async #presentInVain(spot: Spot, tag: string, code: number): Promise<SeenResult> {
    const { vehicle } = spot.station.device;
    let hasClosed = false;
    const unwatch = vehicle.watch(() => {
      hasClosed ||= vehicle.isContactorClosed;
    });
    const result = await this.#present(spot, tag, code);
    await this.#seen(spot, "takes tags again", (seen) => seen.status === "plugged" && seen.acceptsTags);
    unwatch();
    this.#onTheWay = "nothing";
    if (hasClosed) throw new Error(`${spot.name} charged with a result of ${code}`);
    return result;
  }

  async #present(
    spot: Spot,
    tag: string,
    code: number,
    onPending?: (pending: SeenResult) => void,
  ): Promise<SeenResult> {
    const { name, station } = spot;
    this.#timeline.note({ from: "phone", to: name, what: `connects, presents …${tag.slice(-4)}` });
    const result = await new Promise<SeenResult>((resolve, reject) => {
      this.#phone.present({
        address: station.device.mac,
        tag,
        onPending,
        onDone: (outcome) => {
          if ("result" in outcome) resolve(outcome.result);
          else reject(new Error(`${name}: ${outcome.failure}`));
        },
      });
    });
    if (result.code !== code)
      throw new Error(`${name} answered ${result.code} (${result.state}), not ${code}`);
    return result;
  }

  #tell(spot: Spot, event: StoryEvent, happening: Happening): void {
    if (spot.isMain) this.#timeline.event(event, happening);
    else this.#timeline.note(happening);
  }

  async #seen(spot: Spot, what: string, holds: (seen: SeenStation) => boolean): Promise<void> {
    await waitFor(`${spot.name} ${what}`, () => {
      const seen = this.#onAir.get(spot.station.device.mac);
      return seen !== undefined && holds(seen);
    });
  }

  #intercept(response: Response): Response | undefined {
    switch (this.#onTheWay) {
      case "nothing":
        return response;
      case "tampered": {
        const bytes = Buffer.from(response.data, "base64");
        bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
        this.#timeline.note({
          from: "somebody",
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

async function statusOf(url: string): Promise<{
  mode: string;
  waitingFor: string[];
  lastFailure: { code: string; message: string } | null;
}> {
  return JSON.parse(await (await fetch(`${url}/status`)).text());
}
