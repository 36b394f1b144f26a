import { describe, expect, test } from "@jest/globals";
import type { GATTServer } from "../../../modules/board/index.js";
import { makeBlenoGATTServer } from "../../virtual/bluetooth/gatt-server.js";
import { HOW_TO_GET_BLUETOOTH, loadBluetoothPackages } from "../../virtual/bluetooth/packages.js";
import { virtualTransport } from "../../virtual/bluetooth/transport.js";
import { Device } from "../../virtual/board/index.js";
import { Controller } from "../../virtual/radio/controller.js";
import { Ether } from "../../virtual/radio/ether.js";
import { virtualWorld } from "../../virtual/world/world.js";
import { throwCrash } from "../board/harness.js";
import { skipFor } from "../optional.js";
import { RawPhone } from "./raw-phone.js";

const ADDRESS = "a4:cf:12:00:00:01";

const packages = loadBluetoothPackages();
if (!packages) skipFor(HOW_TO_GET_BLUETOOTH);

(packages ? describe : describe.skip)("the GATT server on bleno after its board has restarted", () => {
  /** Returns whether a phone is still connected 100 ms after the board's end, and after its supervision timeout. */
  function isConnectedAfter(isOfTheBoard: boolean): boolean[] {
    if (!packages) return [];
    const world = virtualWorld();
    const { clock } = world;
    const ether = new Ether({ clock });
    const makeTransport = () => ({
      ...virtualTransport(new Controller({ ether, address: ADDRESS })),
      isOfTheBoard,
    });
    const device = new Device(world, {
      mac: ADDRESS,
      onEnd: throwCrash,
      replace: (firmware) => ({
        io: { GATTServer: makeBlenoGATTServer({ packages, makeTransport }, firmware) },
      }),
    });
    device.boot(({ io }) => {
      const server: GATTServer = new io.GATTServer({
        services: [],
        onReady: () => server.startAdvertising({ flags: 6 }),
      });
    });
    const phone = new RawPhone(ether, "c1:00:00:00:00:01");
    phone.connect(ADDRESS);
    clock.advance(500);
    expect(phone.isConnected).toBe(true);
    device.cutPower();
    return [100, 400].map((ms) => {
      clock.advance(ms);
      return phone.isConnected;
    });
  }

  test("leaves phones to their supervision timeout when the controller is a part of the board", () => {
    expect(isConnectedAfter(true)).toEqual([true, false]);
  });

  test("disconnects its phones when the adapter keeps its power", () => {
    expect(isConnectedAfter(false)).toEqual([false, false]);
  });
});
