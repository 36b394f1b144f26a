/** Tests PDUs that no correct Bluetooth stack sends. */

import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { encodeHex, encodeUTF8 } from "../../../modules/bytes/index.js";
import { guardATT } from "../../virtual/bluetooth/guard.js";
import {
  type BlenoBindings,
  HOW_TO_GET_BLUETOOTH,
  loadBluetoothPackages,
} from "../../virtual/bluetooth/packages.js";
import { virtualTransport } from "../../virtual/bluetooth/transport.js";
import { Controller } from "../../virtual/radio/controller.js";
import { Ether } from "../../virtual/radio/ether.js";
import { VirtualClock } from "../../virtual/world/clock.js";
import { FUZZ_RUNS, Random } from "../../virtual/world/random.js";
import { skipFor } from "../optional.js";
import { RadioScene, STATION_ADDRESS } from "./radio-scene.js";
import { ATT_CHANNEL, RawPhone } from "./raw-phone.js";

const TAG = "GUEST-0001";
/** Handle of the tag's value. This stack puts its services after those of GAP and GATT. */
const TAG_VALUE = 12;
const RESULT_VALUE = 15;
const RESULT_CONFIGURATION = 16;
const LAST_HANDLE = 17;
const SECURITY_CHANNEL = 0x0006;
const MINUTE_MS = 60_000;
const SEED = 7;
/** Handle of the device name in the GAP service. */
const NAME_VALUE = 3;
/** ATT opcodes that centrals send, and an unknown one with the command flag. */
const OPCODES = [
  0x01, 0x02, 0x04, 0x06, 0x08, 0x0a, 0x0c, 0x0e, 0x10, 0x12, 0x16, 0x18, 0x1b, 0x1e, 0x52, 0xd2,
];

function sendNonsense(phone: RawPhone, random: Random): void {
  const rest = random.bytes(random.int(40));
  if (random.bool() && rest.length > 1) rest.set([random.int(LAST_HANDLE + 1), 0]);
  const pdu = Uint8Array.of(random.bool(0.9) ? random.pick(OPCODES) : random.int(256), ...rest);
  const channel = random.bool(0.9)
    ? ATT_CHANNEL
    : random.pick([SECURITY_CHANNEL, 0x0005, random.int(65_536)]);
  if (random.bool(0.05)) phone.sendFragment(random.bytes(random.int(28)), random.bool());
  phone.sendL2CAP(channel, pdu, random.bool(0.95) ? pdu.length : random.int(65_536));
}

const packages = loadBluetoothPackages();
if (!packages) skipFor(HOW_TO_GET_BLUETOOTH);

(packages ? describe : describe.skip)("the station with a malformed central", () => {
  let scene: RadioScene;
  let phone: RawPhone;

  function connect(address = "c1:00:00:00:00:01"): RawPhone {
    phone = new RawPhone(scene.radio.ether, address);
    phone.connect(STATION_ADDRESS);
    scene.cafe.until("the central is connected", () => phone.isConnected);
    return phone;
  }

  function arrive(): RawPhone {
    if (!packages) throw new Error(HOW_TO_GET_BLUETOOTH);
    scene = RadioScene.online(packages);
    return connect();
  }

  /** Sends a PDU and returns the answer in hexadecimal, or `undefined` without an answer. */
  function ask(...pdu: number[]): string | undefined {
    phone.answers.length = 0;
    phone.send(...pdu);
    scene.cafe.clock.advance(100);
    return phone.answers[0] && encodeHex(phone.answers[0]);
  }

  function prepare(offset: number, text: string): string | undefined {
    return ask(0x16, TAG_VALUE, 0, offset & 0xff, offset >> 8, ...encodeUTF8(text));
  }

  afterEach(() => scene.cafe.device.cutPower());

  test("a cancelled long write starts no attempt, and the next one is processed", () => {
    arrive();
    expect(prepare(0, "GUEST")).toBe(`170c000000${encodeHex(encodeUTF8("GUEST"))}`);
    prepare(5, "-0001");
    expect(ask(0x18, 0x00)).toBe("19");
    scene.cafe.clock.advance(1000);
    expect(scene.cafe.platform.requests).toEqual([]);
    prepare(0, TAG);
    expect(ask(0x18, 0x01)).toBe("19");
    scene.cafe.until("the vehicle charges", () => scene.cafe.station.status === "charging");
  });

  test("a long write with a gap is rejected", () => {
    arrive();
    prepare(0, "GUEST");
    expect(prepare(7, "-0001")).toBe("01160c0007");
  });

  test("a long write that does not start at offset 0 is rejected", () => {
    arrive();
    prepare(5, TAG);
    expect(ask(0x18, 0x01)).toBe("01180c0007");
    expect(scene.cafe.platform.requests).toEqual([]);
  });

  test("a long write over 1,024 bytes is rejected", () => {
    arrive();
    let answer: string | undefined;
    for (let offset = 0; offset <= 1100 && !answer?.startsWith("01"); offset += 18) {
      answer = prepare(offset, "A".repeat(18));
    }
    expect(answer).toBe("01160c0009");
    prepare(0, TAG);
    expect(ask(0x18, 0x01)).toBe("19");
  });

  test.each([
    ["a reserved bit", [0x04, 0x00], "0112100013"],
    ["the indication bit, which is not supported", [0x02, 0x00], "0112100013"],
    ["one byte", [0x01], "011210000d"],
    ["three bytes", [0x01, 0x00, 0x00], "011210000d"],
  ])(
    "a write of the configuration descriptor with %s is rejected and subscribes to nothing",
    (_what, value, answer) => {
      arrive();
      expect(ask(0x12, RESULT_CONFIGURATION, 0, ...value)).toBe(answer);
      phone.answers.length = 0;
      phone.send(0x12, TAG_VALUE, 0, ...encodeUTF8(TAG));
      scene.cafe.clock.advance(3000);
      expect(phone.answers.map(encodeHex)).toEqual(["13"]);
    },
  );

  test.each([
    ["a truncated read", [0x0a, 0x0c], "010a000004"],
    ["a truncated write", [0x12], "0112000004"],
    ["a truncated prepare", [0x16, 0x0c, 0x00, 0x00], "01160c0004"],
    ["a truncated exchange of the MTU", [0x02, 0x17], "0102000004"],
    ["a read of an unknown handle", [0x0a, 0x70, 0x00], "010a700001"],
    ["an unknown request", [0x20, 0x01], "0120000006"],
  ])("%s is answered with an ATT error", (_what, pdu, answer) => {
    arrive();
    expect(ask(...pdu)).toBe(answer);
  });

  test("an invalid write command for the configuration descriptor is not answered and subscribes to nothing", () => {
    arrive();
    expect(ask(0x52, RESULT_CONFIGURATION, 0, 0x05, 0x00)).toBeUndefined();
    expect(ask(0x0a, RESULT_CONFIGURATION, 0)).toBe("0b0000");
    ask(0x12, TAG_VALUE, 0, ...encodeUTF8(TAG));
    scene.cafe.clock.advance(3000);
    expect(phone.answers.map(encodeHex)).toEqual(["13"]);
  });

  test("the GAP device name is the advertised name", () => {
    arrive();
    expect(ask(0x0a, NAME_VALUE, 0)).toBe(`0b${encodeHex(encodeUTF8("PlugPass"))}`);
  });

  test("a truncated command and an empty PDU are not answered", () => {
    arrive();
    expect(ask(0x52, 0x0c)).toBeUndefined();
    expect(ask()).toBeUndefined();
    expect(ask(0x0a, RESULT_VALUE, 0)).toMatch(/^0b01/);
  });

  test(`${FUZZ_RUNS} random PDUs do not stop the station from serving the next phone`, async () => {
    arrive();
    const random = new Random(SEED);
    let answered = 0;
    for (let run = 0; run < FUZZ_RUNS; run++) {
      sendNonsense(phone, random);
      if (run % 16 === 0 || run % 1000 === 999) scene.cafe.clock.advance(500);
      if (scene.cafe.under.ends.length > 0)
        throw new Error(`seed ${SEED}, run ${run}: ${JSON.stringify(scene.cafe.under.ends)}`);
      // The station disconnects a phone that writes no tag for some time.
      if (phone.isConnected && run % 1000 !== 999) continue;
      answered += phone.answers.length;
      phone.disconnect();
      scene.cafe.clock.advance(2000);
      connect(`c1:00:00:00:01:${(run % 251).toString(16).padStart(2, "0")}`);
    }
    expect(answered + phone.answers.length).toBeGreaterThan(FUZZ_RUNS / 2);
    phone.disconnect();
    scene.cafe.station.stopCharging();
    scene.cafe.device.vehicle.unplug();
    scene.cafe.clock.advance(2 * MINUTE_MS);
    scene.cafe.plug();
    scene.cafe.clock.advance(2 * MINUTE_MS);
    expect(await scene.present(TAG)).toBe(200);
  });
});

(packages ? describe : describe.skip)("bleno with and without its guard", () => {
  let clock: VirtualClock;
  let bindings: BlenoBindings;
  let phone: RawPhone;

  /** Sets bleno up on a virtual controller, with the stack's own services only. */
  beforeEach(() => {
    if (!packages) return;
    clock = new VirtualClock();
    const ether = new Ether({ clock });
    const { stackOptions } = virtualTransport(new Controller({ ether, address: STATION_ADDRESS }));
    bindings = new packages.BlenoBindings(stackOptions);
    bindings._hci._userChannel = true;
    phone = new RawPhone(ether, "c1:00:00:00:00:01");
  });

  afterEach(() => bindings.stop());

  function connect(): void {
    bindings.init();
    clock.advance(100);
    bindings.startAdvertisingWithEIRData(Buffer.alloc(0), Buffer.alloc(0));
    phone.connect(STATION_ADDRESS);
    clock.advance(500);
    expect(phone.isConnected).toBe(true);
  }

  test("the fuzzer crashes bleno without its guard", () => {
    connect();
    const random = new Random(SEED);
    expect(() => {
      for (let run = 0; run < FUZZ_RUNS; run++) {
        sendNonsense(phone, random);
        clock.advance(100);
      }
    }).toThrow();
  });

  test("the guard drops fragments beyond the announced length", () => {
    guardATT(bindings);
    connect();
    phone.sendL2CAP(ATT_CHANNEL, new Uint8Array(60), 40);
    clock.advance(200);
    expect(Object.values(bindings._hci._handleBuffers)).toEqual([]);
  });
});
