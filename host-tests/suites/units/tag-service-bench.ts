/** The tag service with phones and sources of tags that the test controls, for the tests of modules/tag-service. */

import { expect } from "@jest/globals";
import { type AuthorizationResult, readResult } from "../../../docs/station.js";
import { type AttemptResult, resultOf, type TagSource } from "../../../modules/authorization/index.js";
import type { GATTServer, GATTServerOptions } from "../../../modules/board/index.js";
import { encodeHex, encodeUTF8 } from "../../../modules/bytes/index.js";
import type { StationChallenge } from "../../../modules/card-proof/index.js";
import { type Metadata, RESULT_UUID, TAG_UUID, TagService } from "../../../modules/tag-service/index.js";
import { type BoardParts, Device } from "../../virtual/board/device.js";
import type { CentralConnection } from "../../virtual/world/air.js";
import { parseAdvertisement } from "../../virtual/world/phone.js";
import { virtualWorld } from "../../virtual/world/world.js";

export const TAG = "04A1B2C3";
/** Time of a connection, a subscription or a write, with margin. */
export const RADIO_MS = 500;
export const METADATA: Metadata = {
  acceptsTags: true,
  platformReachable: false,
  authorizesOffline: false,
  pairing: false,
  status: "plugged",
};
export const AUTHORIZED = resultOf(200, "authorized by the platform");
export const REJECTED = resultOf(403, "blocked");

/** A source of tags that answers when the test calls `answer`. */
export class ManualSource implements TagSource {
  readonly tags: string[] = [];
  readonly #done: ((result: AttemptResult) => void)[] = [];

  /** Challenges of the attempts, in the order of `tags`. */
  readonly challenges: (StationChallenge | undefined)[] = [];

  attempt(tag: string, done: (result: AttemptResult) => void, challenge?: StationChallenge): void {
    this.tags.push(tag);
    this.challenges.push(challenge);
    this.#done.push(done);
  }

  /** Ends the oldest unanswered attempt. */
  answer(result: AttemptResult): void {
    const done = this.#done.shift();
    if (!done) throw new Error("no attempt is running");
    done(result);
  }
}

/** A GATT server whose callbacks the test calls. */
export class ManualServer implements GATTServer {
  static options: GATTServerOptions | undefined;

  constructor(options: GATTServerOptions) {
    ManualServer.options = options;
  }

  startAdvertising(): void {}
  stopAdvertising(): void {}
  close(): void {}
}

/** A connected phone, and the notifications that it has received. */
export interface Phone {
  readonly connection: CentralConnection;
  readonly results: (AuthorizationResult | undefined)[];
  /** Reasons of disconnections by the station. */
  readonly ends: string[];
}

export class Bench {
  readonly world = virtualWorld();
  readonly device: Device;
  readonly sources: ManualSource[] = [];
  readonly service: TagService;
  /** Addresses of the centrals for which the service has made a source. */
  readonly addresses: (string | undefined)[] = [];
  /** Advertisements of the service in the order in which they were seen, with their times in ms. */
  readonly seen: { readonly atMs: number; readonly hex: string; readonly name: string }[] = [];

  constructor(options: { name?: string; companyId?: number } = {}, replace?: () => BoardParts) {
    this.device = new Device(this.world, { maxConnections: 3, replace });
    this.world.air.scan((report) => {
      const station = parseAdvertisement(report);
      const hex = encodeHex(report.advertisingData);
      this.seen.push({ atMs: this.world.clock.monotonicMs(), hex, name: station?.name ?? "" });
    });
    let service: TagService | undefined;
    this.device.boot((board) => {
      service = new TagService({
        board,
        deviceId: "cafe-1",
        name: "Café",
        metadata: METADATA,
        sources: this,
        ...options,
      });
    });
    if (!service) throw new Error("the firmware has ended");
    this.service = service;
  }

  newCentral(address: string | undefined): TagSource {
    this.addresses.push(address);
    const source = new ManualSource();
    this.sources.push(source);
    return source;
  }

  advance(durationMs: number): void {
    this.world.clock.advance(durationMs);
    expect(this.device.isRunning).toBe(true);
  }

  /** Connects a phone, which subscribes to the result by default. */
  connect({ subscribes = true, address }: { subscribes?: boolean; address?: string } = {}): Phone {
    let connection: CentralConnection | undefined;
    const results: (AuthorizationResult | undefined)[] = [];
    const ends: string[] = [];
    this.world.air.connect(this.device.mac, {
      address,
      mtu: 247,
      onConnected: (opened) => {
        connection = opened;
        if (subscribes)
          opened.subscribe(
            RESULT_UUID,
            (value) => results.push(readResult(value)),
            () => {},
          );
      },
      onFailed: (reason) => {
        throw new Error(reason);
      },
      onDisconnected: (reason) => ends.push(reason),
    });
    this.advance(RADIO_MS);
    if (!connection) throw new Error("the phone is not connected");
    return { connection, results, ends };
  }

  write({ connection }: Phone, tag: string | Uint8Array<ArrayBuffer>, durationMs = RADIO_MS): void {
    connection.write(TAG_UUID, typeof tag === "string" ? encodeUTF8(tag) : tag, ({ error }) =>
      expect(error).toBeUndefined(),
    );
    this.advance(durationMs);
  }

  read({ connection }: Phone, uuid: string): Uint8Array<ArrayBuffer> {
    let value: Uint8Array<ArrayBuffer> | undefined;
    connection.read(uuid, (outcome) => {
      value = outcome.value;
    });
    this.advance(RADIO_MS);
    if (!value) throw new Error(`no value of ${uuid}`);
    return value;
  }

  readResult(phone: Phone): AuthorizationResult | undefined {
    return readResult(this.read(phone, RESULT_UUID));
  }

  /** Ends the running attempt of the source with this index. */
  answer(result: AttemptResult, index = 0, durationMs = RADIO_MS): void {
    this.device.interrupt(() => this.sources[index]?.answer(result));
    this.advance(durationMs);
  }
}
