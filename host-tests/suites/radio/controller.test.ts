import { beforeEach, describe, expect, test } from "@jest/globals";
import { concatBytes, encodeHex } from "../../../modules/bytes/index.js";
import { BtsnoopLog } from "../../virtual/radio/btsnoop.js";
import { Controller, type ControllerOptions } from "../../virtual/radio/controller.js";
import { Ether } from "../../virtual/radio/ether.js";
import { addressBytes, type Packet, u16 } from "../../virtual/radio/hci.js";
import { VirtualClock } from "../../virtual/world/clock.js";

const PERIPHERAL = "a4:cf:12:00:00:01";
const CENTRAL = "c0:00:00:00:00:01";

/** A host without a stack. It sends commands and records packets. */
class Host {
  readonly packets: string[] = [];
  readonly controller: Controller;

  constructor(options: ControllerOptions) {
    this.controller = new Controller(options);
    this.controller.onPacket = (packet) => this.packets.push(encodeHex(packet));
  }

  command(opcode: number, ...parameters: number[]): void {
    this.controller.write(Uint8Array.of(1, opcode & 0xff, opcode >> 8, parameters.length, ...parameters));
  }

  acl(flags: number, ...data: number[]): void {
    this.controller.write(concatBytes(Uint8Array.of(2), u16(flags), u16(data.length), Uint8Array.from(data)));
  }

  /** Returns the packets since the last call. */
  take(): string[] {
    return this.packets.splice(0);
  }
}

describe("a virtual controller", () => {
  let clock: VirtualClock;
  let ether: Ether;
  let peripheral: Host;
  let central: Host;

  beforeEach(() => {
    clock = new VirtualClock();
    ether = new Ether({ clock, intervalMs: 30, supervisionTimeoutMs: 420 });
    peripheral = new Host({ ether, address: PERIPHERAL, rssi: -60, maxConnections: 1 });
    central = new Host({ ether, address: CENTRAL });
  });

  function connect(): void {
    peripheral.command(0x200a, 1);
    const parameters = concatBytes(
      Uint8Array.of(0x60, 0, 0x30, 0, 0, 0),
      addressBytes(PERIPHERAL),
      new Uint8Array(13),
    );
    central.command(0x200d, ...parameters);
    clock.advance(200);
    peripheral.take();
    central.take();
  }

  test("completes known commands and rejects unknown ones", () => {
    central.command(0x0c03);
    central.command(0x1009);
    central.command(0x2002);
    central.command(0x0c6c);
    central.command(0xfc01, 1, 2, 3);
    clock.advance(0);
    expect(central.take()).toEqual([
      "040e0401030c00",
      "040e0a010910000100000000c0",
      "040e07010220001b0004",
      "040e06016c0c000100",
      "040e040101fc01",
    ]);
  });

  test("reports advertisements without padding, and scan responses only in active scans", () => {
    peripheral.command(0x2006, ...[0xa0, 0, 0xa0, 0], ...new Uint8Array(11));
    peripheral.command(0x2008, 3, 0x02, 0x01, 0x06, ...new Uint8Array(28));
    peripheral.command(0x2009, 2, 0x01, 0x09, ...new Uint8Array(29));
    peripheral.command(0x200a, 1);
    central.command(0x200b, 0, ...new Uint8Array(6));
    central.command(0x200c, 1, 0);
    clock.advance(150);
    const report = "043e0f0201000001000012cfa403020106c4";
    expect(central.take().slice(2)).toEqual([report, report]);
    central.command(0x200c, 0, 0);
    central.command(0x200b, 1, ...new Uint8Array(6));
    central.command(0x200c, 1, 0);
    clock.advance(100);
    expect(central.take().slice(3)).toEqual([report, "043e0e0201040001000012cfa4020109c4"]);
  });

  test("is silent with advertising disabled and after a reset, which clears the data", () => {
    peripheral.command(0x2008, 3, 0x02, 0x01, 0x06, ...new Uint8Array(28));
    peripheral.command(0x200a, 1);
    central.command(0x200c, 1, 0);
    clock.advance(1);
    peripheral.command(0x200a, 0);
    central.take();
    clock.advance(5000);
    expect(central.take()).toEqual([]);
    peripheral.command(0x200a, 1);
    peripheral.command(0x0c03);
    clock.advance(5000);
    expect(central.take()).toEqual([]);
    peripheral.command(0x200a, 1);
    clock.advance(1280);
    const empty = "043e0c0201000001000012cfa400c4";
    expect(central.take()).toEqual([empty, empty]);
  });

  test("rejects parameter changes during operation and data beyond a PDU", () => {
    peripheral.command(0x200a, 1);
    peripheral.command(0x2006, ...[0xa0, 0, 0xa0, 0], ...new Uint8Array(11));
    peripheral.command(0x2008, 32, ...new Uint8Array(31));
    peripheral.command(0x2009, 32, ...new Uint8Array(31));
    central.command(0x200c, 1, 0);
    central.command(0x200b, 1, ...new Uint8Array(6));
    clock.advance(0);
    expect(peripheral.take().slice(1)).toEqual(["040e040106200c", "040e0401082012", "040e0401092012"]);
    expect(central.take()).toContain("040e04010b200c");
  });

  test("reports each advertiser once when the host filters duplicates", () => {
    peripheral.command(0x2006, ...[0xa0, 0, 0xa0, 0], ...new Uint8Array(11));
    peripheral.command(0x200a, 1);
    central.command(0x200c, 1, 1);
    clock.advance(1000);
    expect(central.take()).toHaveLength(2);
    central.command(0x200c, 1, 1);
    clock.advance(1000);
    expect(central.take()).toHaveLength(2);
  });

  test("connects a waiting initiator to an advertiser, which stops advertising", () => {
    peripheral.command(0x200a, 1);
    const waiting = concatBytes(new Uint8Array(6), addressBytes(PERIPHERAL), new Uint8Array(13));
    central.command(0x200d, ...waiting);
    clock.advance(200);
    const times = "180000002a0000";
    expect(central.take()).toEqual(["040f0400010d20", `043e1301004000000001000012cfa4${times}`]);
    expect(peripheral.take().at(-1)).toBe(`043e130100400001000100000000c0${times}`);
    peripheral.command(0x200a, 1);
    clock.advance(0);
    expect(peripheral.take()).toEqual(["040e04010a2009"]);
  });

  test("transfers fragments in order, and returns each buffer after a connection interval", () => {
    connect();
    central.acl(0x0040, 1, 2, 3);
    central.acl(0x1040, 4);
    clock.advance(29);
    expect([central.take(), peripheral.take()]).toEqual([[], []]);
    clock.advance(1);
    expect(peripheral.take()).toEqual(["0240200300010203", "024010010004"]);
    expect(central.take()).toEqual(["0413050140000100", "0413050140000100"]);
  });

  test("has four buffers and reports when its host sends more", () => {
    connect();
    for (let number = 1; number <= 5; number++) central.acl(0x0040, number);
    clock.advance(0);
    expect(central.take()).toEqual(["041a0101"]);
    clock.advance(30);
    expect(peripheral.take().map((packet) => packet.slice(-2))).toEqual(["01", "02", "03", "04"]);
    expect(central.take()).toHaveLength(4);
    central.acl(0x0040, 6);
    clock.advance(30);
    expect(peripheral.take()).toEqual(["024020010006"]);
  });

  test("drops packets that exceed a buffer or have a wrong length", () => {
    connect();
    central.acl(0x0040, ...new Uint8Array(28));
    central.controller.write(Uint8Array.of(2, 0x40, 0, 9, 0, 1));
    central.acl(0x0041, 1);
    clock.advance(1000);
    expect([central.take(), peripheral.take()]).toEqual([[], []]);
  });

  test("reports to both ends why a connection has ended", () => {
    connect();
    central.command(0x0406, 0x40, 0, 0x15);
    clock.advance(30);
    expect(central.take()).toEqual(["040f0400010604", "04050400400016"]);
    expect(peripheral.take()).toEqual(["04050400400015"]);
    central.command(0x0406, 0x40, 0, 0x13);
    clock.advance(0);
    expect(central.take()).toEqual(["040f0402010604"]);
  });

  test("reports a lost connection to both ends after the supervision timeout, and transfers nothing before", () => {
    connect();
    central.controller.lose();
    central.acl(0x0040, 1);
    clock.advance(419);
    expect([central.take(), peripheral.take()]).toEqual([[], []]);
    clock.advance(1);
    expect([central.take(), peripheral.take()]).toEqual([["04050400400008"], ["04050400400008"]]);
  });

  test("that loses power is detected as lost by its peer and reports nothing itself", () => {
    connect();
    peripheral.controller.close();
    clock.advance(420);
    expect([central.take(), peripheral.take()]).toEqual([["04050400400008"], []]);
  });

  test("reads the RSSI of its peer", () => {
    connect();
    central.command(0x1405, 0x40, 0);
    central.command(0x1405, 0x41, 0);
    clock.advance(0);
    expect(central.take()).toEqual(["040e07010514004000c4", "040e0701051402410000"]);
  });

  test("reports new parameters to both ends, and rejects a second connection to the same address", () => {
    connect();
    const times = [0x10, 0, 0x20, 0, 0x01, 0, 0x64, 0];
    central.command(0x2013, 0x40, 0, ...times, 0, 0, 0, 0);
    central.command(0x2013, 0x41, 0, ...times, 0, 0, 0, 0);
    central.command(0x200d, ...new Uint8Array(6), ...addressBytes(PERIPHERAL), ...new Uint8Array(13));
    clock.advance(0);
    const updated = "043e0a03004000200001006400";
    expect(central.take()).toEqual(["040f0400011320", updated, "040f0402011320", "040f040b010d20"]);
    expect(peripheral.take()).toEqual([updated]);
  });

  test("cancels a waiting connection", () => {
    central.command(0x200e);
    central.command(0x200d, ...new Uint8Array(6), ...addressBytes(PERIPHERAL), ...new Uint8Array(13));
    central.command(0x200e);
    clock.advance(0);
    const [disallowed, status, cancelled, complete] = central.take();
    expect([disallowed, status, cancelled]).toEqual(["040e04010e200c", "040f0400010d20", "040e04010e2000"]);
    expect(complete).toMatch(/^043e130102/);
  });
});

test("the btsnoop log contains the packets of each controller", () => {
  const clock = new VirtualClock({ epochAtStartMs: 0 });
  const bytes: Packet[] = [];
  const log = new BtsnoopLog({ clock, write: (chunk) => bytes.push(chunk) });
  const ether = new Ether({ clock });
  const peripheral = new Host({ ether, address: PERIPHERAL, log: log.controller(PERIPHERAL) });
  const host = new Host({ ether, address: CENTRAL, log: log.controller(CENTRAL) });
  host.command(0x0c03);
  const stamp = "00dcddb30f2f8000";
  expect(bytes.map(encodeHex)).toEqual([
    "6274736e6f6f700000000001000007d1",
    `00000010000000100000000000000000${stamp}000001000012cfa46863693000000000`,
    `00000010000000100001000000000000${stamp}00000100000000c06863693100000000`,
    `00000003000000030001000200000000${stamp}030c00`,
    `00000006000000060001000300000000${stamp}0e0401030c00`,
  ]);
  host.command(0x200d, ...new Uint8Array(6), ...addressBytes(PERIPHERAL), ...new Uint8Array(13));
  peripheral.command(0x200a, 1);
  clock.advance(0);
  bytes.length = 0;
  host.acl(0x0040, 0xab);
  clock.advance(30);
  // Sent by the second, received by the first, and the buffer is returned.
  const [sent, received] = bytes.map((chunk) => encodeHex(chunk.slice(8, 12)) + encodeHex(chunk.slice(24)));
  expect([sent, received]).toEqual(["0001000440000100ab", "0000000540200100ab"]);
});
