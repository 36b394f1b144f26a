import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { encodeHex } from "../../../modules/bytes/index.js";
import type { NobleCentral } from "../../virtual/bluetooth/central.js";
import { HOW_TO_GET_BLUETOOTH, loadBluetoothPackages } from "../../virtual/bluetooth/packages.js";
import { VirtualRadio } from "../../virtual/bluetooth/virtual-radio.js";
import { BtsnoopLog } from "../../virtual/radio/btsnoop.js";
import type { CentralOptions } from "../../virtual/world/air.js";
import { skipFor } from "../optional.js";
import { RadioScene, STATION_ADDRESS } from "./radio-scene.js";

const MISSING_ADDRESS = "a4:cf:12:00:00:99";
/** Opcode and length of the HCI command LE Create Connection, in hexadecimal. */
const CREATE_CONNECTION = "0d2019";
const CREATE_CONNECTION_CANCEL = "0e2000";

const packages = loadBluetoothPackages();
if (!packages) skipFor(HOW_TO_GET_BLUETOOTH);

(packages ? describe : describe.skip)("a central on noble", () => {
  let scene: RadioScene;
  let central: NobleCentral;
  let commands: string[];
  let events: string[];
  const options: CentralOptions = {
    onConnected: () => events.push("connected"),
    onFailed: (reason) => events.push(reason),
    onDisconnected: (reason) => events.push(reason),
  };

  beforeEach(() => {
    if (!packages) return;
    scene = RadioScene.online(packages);
    const { clock } = scene.cafe;
    commands = [];
    events = [];
    const write = (record: Uint8Array) => commands.push(encodeHex(record.slice(24, 27)));
    const log = new BtsnoopLog({ clock, write });
    ({ central } = new VirtualRadio({ packages, ether: scene.radio.ether, log }));
  });

  afterEach(() => scene.cafe.device.cutPower());

  test("gives up on a peripheral that does not answer, and cancels the request at the controller", async () => {
    central.connect(MISSING_ADDRESS, options);
    await scene.pass(2900);
    expect(events).toEqual([]);
    expect(commands).toContain(CREATE_CONNECTION);
    expect(commands).not.toContain(CREATE_CONNECTION_CANCEL);
    await scene.pass(200);
    expect(events).toEqual(["no station accepts a connection at that address"]);
    expect(commands).toContain(CREATE_CONNECTION_CANCEL);
  });

  test("reports nothing after close, and cancels its request", async () => {
    const attempt = central.connect(MISSING_ADDRESS, options);
    await scene.pass(100);
    attempt.close();
    await scene.pass(5000);
    expect(events).toEqual([]);
    expect(commands).toContain(CREATE_CONNECTION_CANCEL);
  });

  test("reports a peripheral that disconnects before its services are discovered", async () => {
    central.connect(STATION_ADDRESS, options);
    await scene.pass(200);
    scene.cafe.device.cutPower();
    await scene.pass(1000);
    expect(events).toEqual(["disconnected while its services were discovered, reason 0x08"]);
    expect(commands).not.toContain(CREATE_CONNECTION_CANCEL);
  });
});
