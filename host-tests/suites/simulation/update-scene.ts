import type { Board } from "../../../modules/board/index.js";
import { encodeHex } from "../../../modules/bytes/index.js";
import { describeImage } from "../../../modules/updates/index.js";
import { Reports } from "../../../platform-stub/firmware/reports.js";
import type { Release } from "../../../platform-stub/firmware/repository.js";
import { FirmwareRun, makeSockets } from "../../virtual/board/index.js";
import { BROKER_NAME, Scene, type SceneOptions, type StationUnderTest } from "../../virtual/scene.js";
import { makeImage } from "../../virtual/world/firmware-image.js";
import { KEYED, maker } from "../../virtual/world/signer.js";
import { FirmwareServer } from "./firmware-server.js";

/** Time at the start: midnight, UTC. */
const NOW_MS = 20_000 * 24 * 60 * 60_000;
/** Maximum number of sockets of the firmware server. */
const MAX_SOCKETS = 2000;
/** Time limit for one update, ms: an hour of download, five minutes of boot trial, and a margin. */
const SETTLED_MS = 90 * 60_000;

/** Returns the signature of an image as a release contains it: 128 hex digits. */
export const signatureOf = (image: Uint8Array<ArrayBuffer>) => encodeHex(maker.sign(image));

/** Returns a board that finds no host's address, so that its firmware never reaches a broker. */
export function withoutNames(board: Board): Board {
  return {
    ...board,
    resolve: (_host, done) => {
      board.clock.set(() => done(undefined), 10);
    },
  };
}

/** A café whose stations have an update key, with a firmware server that offers signed releases. */
export class UpdateScene extends Scene {
  readonly server: FirmwareServer;

  constructor(options: SceneOptions = {}) {
    super(options);
    // The firmware server has a certificate.
    this.clock.setEpochMs(NOW_MS);
    const firmware = new FirmwareRun({
      clock: this.clock,
      onEnd: (end) => {
        if (end.type === "crash") throw end.error;
      },
    });
    this.server = new FirmwareServer({
      clock: this.clock,
      sockets: makeSockets(this.brokerHost, firmware, { maxSockets: MAX_SOCKETS }),
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

  /** Adds a release to the repository. By default it is signed and for all stations. */
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

  /** Returns the version in the running image. */
  version(under = this.under): number | undefined {
    const { slots } = under.device;
    return under.device.isRunning ? describeImage(slots.image(slots.running))?.version : undefined;
  }

  updateState(under = this.under): string | undefined {
    return this.retained("firmware/updatestate", under);
  }

  /** Runs until the station is online, on either firmware, and no update is in progress. */
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

  /** Requests an update and runs until it has ended. */
  update(how: "true" | "downgrade" = "true"): void {
    this.set("firmware/update", how);
    this.clock.advance(1000);
    this.untilSettled();
  }
}
