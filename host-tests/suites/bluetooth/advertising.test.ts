import { afterEach, describe, expect, test } from "@jest/globals";
import { encodeHex, encodeUTF8 } from "../../../modules/bytes/index.js";
import { STATION_STATUSES } from "../../../modules/charging/index.js";
import { type Metadata, SERVICE_UUID, TagService } from "../../../modules/tag-service/index.js";
import {
  HOW_TO_GET_BLUETOOTH,
  loadBluetoothPackages,
  type NobleBindings,
} from "../../virtual/bluetooth/packages.js";
import { virtualTransport } from "../../virtual/bluetooth/transport.js";
import { VirtualRadio } from "../../virtual/bluetooth/virtual-radio.js";
import { Device } from "../../virtual/board/index.js";
import { Controller } from "../../virtual/radio/controller.js";
import { Ether } from "../../virtual/radio/ether.js";
import { ReportType } from "../../virtual/radio/hci.js";
import { virtualWorld } from "../../virtual/world/world.js";
import { throwCrash } from "../board/harness.js";
import { skipFor } from "../optional.js";
import { pass, untilOn } from "./harness.js";

/** An advertisement as noble reports it. */
interface Discovered {
  readonly localName?: string;
  readonly serviceUuids: readonly string[];
  readonly manufacturerData?: Buffer;
}

const ADDRESS = "a4:cf:12:00:00:01";
const DEVICE_ID = "a4-cf-12-00-00-01";
const SERVICE = SERVICE_UUID.replaceAll("-", "");
/** Beginning of the advertising PDU in hexadecimal: flags and the service's UUID. */
const PDU_START = "0201061107904e1d8b6c2f2e9d0a4f3b5c01001e7a";
const SCAN_RESPONSE = "0909506c756750617373";
const QUIET: Metadata = {
  acceptsTags: false,
  platformReachable: false,
  authorizesOffline: false,
  pairing: false,
  status: "available",
};

const packages = loadBluetoothPackages();
if (!packages) skipFor(HOW_TO_GET_BLUETOOTH);

(packages ? describe : describe.skip)("the advertisement decoded by noble", () => {
  const world = virtualWorld();
  const ether = new Ether({ clock: world.clock });
  const radio = packages && new VirtualRadio({ packages, ether });
  const device = new Device(world, {
    mac: ADDRESS,
    onEnd: throwCrash,
    replace: (firmware) => (radio ? { io: { GATTServer: radio.gattServer(firmware, ADDRESS) } } : {}),
  });
  let scanner: NobleBindings;
  let discovered: Discovered[];
  /** The latest PDU of each type, in hexadecimal. */
  let pdus: Map<number, string>;
  let hash = "";

  function start(name: string): TagService {
    let service: TagService | undefined;
    device.boot((board) => {
      hash = encodeHex(new Uint8Array(board.crypto.sha256(encodeUTF8(DEVICE_ID)), 0, 4));
      const newCentral = () => {
        throw new Error("no tag is presented in this test");
      };
      service = new TagService({
        board,
        deviceId: DEVICE_ID,
        name,
        metadata: QUIET,
        sources: { newCentral },
      });
    });
    if (!packages || !service) throw new Error("not started");
    discovered = [];
    pdus = new Map();
    const { stackOptions } = virtualTransport(new Controller({ ether, address: "c0:00:00:00:00:01" }));
    scanner = new packages.NobleBindings(stackOptions);
    scanner.on("stateChange", () => scanner.startScanning([SERVICE], true));
    scanner.on(
      "discover",
      (_id: string, _address: string, _type: string, _isOpen: boolean, found: Discovered) => {
        discovered.push({ ...found });
      },
    );
    scanner.start();
    scanner._hci.on(
      "leAdvertisingReport",
      (_status: number, type: number, _address: string, _addressType: string, data: Buffer) => {
        pdus.set(type, data.toString("hex"));
      },
    );
    return service;
  }

  async function latest(): Promise<Discovered> {
    await pass(world.clock, 1000);
    const last = discovered.at(-1);
    if (!last) throw new Error("no advertisement was received");
    return last;
  }

  afterEach(() => {
    scanner.stop();
    device.cutPower();
  });

  test.each([...STATION_STATUSES.entries()])(
    "has the protocol's bytes for status %d, %s, and each flag within a second",
    async (number, status) => {
      const service = start("PlugPass");
      for (let flags = 0; flags < 16; flags++) {
        service.update({
          acceptsTags: (flags & 1) !== 0,
          platformReachable: (flags & 2) !== 0,
          authorizesOffline: (flags & 4) !== 0,
          pairing: (flags & 8) !== 0,
          status,
        });
        const { manufacturerData, serviceUuids, localName } = await latest();
        const bytes = ["ffff", encodeHex(new Uint8Array([0x10 | flags, number])), hash].join("");
        expect(manufacturerData?.toString("hex")).toBe(bytes);
        expect(serviceUuids).toEqual([SERVICE]);
        expect(localName).toBe("PlugPass");
        expect(pdus.get(ReportType.advertisement)).toBe(`${PDU_START}09ff${bytes}`);
        expect(pdus.get(ReportType.scanResponse)).toBe(SCAN_RESPONSE);
      }
    },
  );

  test("has a long name cut between characters", async () => {
    start(`${"é".repeat(14)}€uro`);
    expect((await latest()).localName).toBe("é".repeat(14));
  });

  test("has a name of 29 bytes in full", async () => {
    start(`${"é".repeat(13)}€`);
    expect((await latest()).localName).toBe(`${"é".repeat(13)}€`);
  });

  test("shows a change that was made without scanners to the next scanner", async () => {
    const service = start("PlugPass");
    await latest();
    discovered.length = 0;
    service.update({ ...QUIET, status: "faulted" });
    expect(
      await untilOn(world.clock, () => discovered.some((one) => one.manufacturerData?.[3] === 5), 1000),
    ).toBe(true);
  });
});
