/** A café whose stations have an update key, and whose platform has signed firmware on its repository. */

import { encodeHex } from "../../../modules/bytes/index.js";
import { describeImage } from "../../../modules/updates/index.js";
import { Reports } from "../../../platform-stub/firmware/reports.js";
import type { Release } from "../../../platform-stub/firmware/repository.js";
import { Life, makeSockets } from "../../virtual/board/index.js";
import { BROKER_NAME, Scene, type SceneOptions, type StationUnderTest } from "../../virtual/scene.js";
import { makeImage } from "../../virtual/world/firmware-image.js";
import { KEYED, maker } from "../../virtual/world/signer.js";
import { FirmwareServer } from "./firmware-server.js";

const MAX_SOCKETS = 2000;
/** Whatever happens on the way: an hour of download, five minutes of trial. */
const SETTLED_MS = 90 * 60_000;

/** As a release has it: 128 hex digits. */
export const signatureOf = (image: Uint8Array<ArrayBuffer>) => encodeHex(maker.sign(image));

export class UpdateScene extends Scene {
  readonly server: FirmwareServer;

  constructor(options: SceneOptions = {}) {
    super(options);
    const life = new Life({
      clock: this.clock,
      onEnd: (end) => {
        if (end.type === "crash") throw end.error;
      },
    });
    this.server = new FirmwareServer({
      clock: this.clock,
      sockets: makeSockets(this.brokerHost, life, { maxSockets: MAX_SOCKETS }),
      port: 443,
      certificateName: BROKER_NAME,
    });
    const reports = new Reports((report) => this.server.repository.report(report));
    this.broker.watch(({ topic, payload }) => reports.receive(topic, String.fromCharCode(...payload)));
  }

  override addStation(options: Parameters<Scene["addStation"]>[0] = {}): StationUnderTest {
    const under = super.addStation(options);
    under.config = KEYED;
    return under;
  }

  /** Puts a release on the repository, signed and for all stations unless told otherwise. */
  release(version: number, release: Partial<Release> = {}): Uint8Array<ArrayBuffer> {
    const image = release.image ?? makeImage({ version });
    this.server.repository.put({
      productId: "plugpass",
      version,
      channel: "stable",
      percent: 100,
      signature: signatureOf(image),
      ...release,
      image,
    });
    return image;
  }

  /** The version that runs, as its image says. */
  version(under = this.under): number | undefined {
    const { slots } = under.device;
    return under.device.isRunning ? describeImage(slots.image(slots.running))?.version : undefined;
  }

  updateState(under = this.under): string | undefined {
    return this.retained("firmware/updatestate", under);
  }

  /** Whoever runs, it is online and nothing is under way. */
  untilSettled(under = this.under): void {
    this.until("the update is over", () => this.isSettled(under), SETTLED_MS);
    this.clock.advance(2000);
  }

  isSettled(under = this.under): boolean {
    return (
      under.device.isRunning &&
      under.station?.lifeCycle === "online" &&
      !under.device.slots.isOnTrial &&
      !["checking", "updating"].includes(under.station.updates.state.type)
    );
  }

  /** Asks for an update, and waits for what becomes of it. */
  update(how: "true" | "downgrade" = "true"): void {
    this.set("firmware/update", how);
    this.clock.advance(1000);
    this.untilSettled();
  }
}
