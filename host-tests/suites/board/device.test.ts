import { beforeEach, describe, expect, test } from "@jest/globals";
import type { Board, Contactor, OpeningReason } from "../../../modules/board/index.js";
import { decodeUTF8, encodeHex, encodeUTF8 } from "../../../modules/bytes/index.js";
import { Device, type DeviceOptions, Flash, Halted, type RunEnd } from "../../virtual/board/index.js";
import type { VirtualClock } from "../../virtual/world/clock.js";
import { virtualWorld, type World } from "../../virtual/world/world.js";

describe("a virtual device", () => {
  let world: World<VirtualClock>;
  let device: Device;
  let ends: RunEnd[];

  beforeEach(() => {
    world = virtualWorld();
    ends = [];
    device = makeDevice();
  });

  function makeDevice(options: DeviceOptions = {}): Device {
    return new Device(world, { onEnd: (end) => ends.push(end), ...options });
  }

  function boot(which = device): Board {
    let made: Board | undefined;
    which.boot((board) => {
      made = board;
    });
    if (!made) throw new Error("it did not boot");
    return made;
  }

  /** Closes the contactor on a vehicle that requests energy. */
  function charge({ io, pins }: Board, onOpened?: (reason: OpeningReason) => void): Contactor {
    const contactor = new io.Contactor({ pin: pins.contactor, onOpened });
    new io.ControlPilot({ pin: pins.controlPilot }).write(266);
    device.vehicle.plug();
    world.clock.advance(20);
    contactor.write(1);
    world.clock.advance(10);
    return contactor;
  }

  describe("ends the run of its firmware", () => {
    test("when an exception escapes it at boot", () => {
      const error = new Error("a mistake");
      device.boot(() => {
        throw error;
      });
      expect(ends).toEqual([{ type: "crash", error }]);
      expect(device.isRunning).toBe(false);
    });

    test("when an exception escapes a callback", () => {
      const error = new Error("a mistake");
      boot().clock.set(() => {
        throw error;
      }, 10);
      world.clock.advance(10);
      expect(ends).toEqual([{ type: "crash", error }]);
    });

    test("when the firmware restarts it, without returning to the caller", () => {
      let isAfter = false;
      device.boot((board) => {
        board.restart("new settings");
        isAfter = true;
      });
      expect(isAfter).toBe(false);
      expect(ends).toEqual([{ type: "restart", reason: "new settings" }]);
    });

    test("once when its power is cut", () => {
      boot();
      device.cutPower();
      device.cutPower();
      expect(ends).toEqual([{ type: "power-cut" }]);
    });
  });

  describe("after the run has ended", () => {
    test("calls no timers", () => {
      const { clock } = boot();
      let calls = 0;
      clock.set(() => calls++, 10);
      clock.repeat(() => calls++, 10);
      device.cutPower();
      world.clock.advance(1000);
      expect(calls).toBe(0);
    });

    test("has an open contactor and offers no current", () => {
      charge(boot());
      expect(device.vehicle.isCharging).toBe(true);
      device.cutPower();
      expect(device.vehicle.isContactorClosed).toBe(false);
      expect(device.vehicle.dutyPermille).toBe(1000);
    });

    test("does not advertise, is on no network and has no access point", () => {
      const { io } = boot();
      let server: { startAdvertising(records: object): void } | undefined;
      server = new io.GATTServer({ services: [], onReady: () => server?.startAdvertising({ flags: 6 }) });
      if (io.network.kind === "wifi") {
        new io.network.AccessPoint({ ssid: "Station AP" });
        new io.network.WiFi({ onChanged: () => {} }).connect({ ssid: "Home", password: "" });
      }
      world.wifi.put({ ssid: "Home" });
      world.clock.advance(5000);
      expect(device.host.address).toBeDefined();
      device.cutPower();
      const addresses: string[] = [];
      world.air.scan(({ address }) => addresses.push(address));
      world.clock.advance(5000);
      expect(addresses).toEqual([]);
      expect(device.host.address).toBeUndefined();
      expect(world.wifi.accessPoints).toEqual([]);
    });

    test("throws on each access to the board", () => {
      const { io, pins, openStorage } = boot();
      const storage = openStorage("test");
      device.cutPower();
      expect(() => new io.TCP({ address: "127.0.0.1", port: 1 })).toThrow(Halted);
      expect(() => new io.Listener({ port: 80 })).toThrow(Halted);
      expect(() => new io.GATTServer({ services: [] })).toThrow(Halted);
      expect(() => new io.Contactor({ pin: pins.contactor })).toThrow(Halted);
      expect(() => storage.write("key", new Uint8Array(1))).toThrow(Halted);
      expect(device.flash.writeCount).toBe(0);
    });

    test("boots again with the same flash and all else reset", () => {
      const first = boot();
      first.openStorage("test").write("key", encodeUTF8("kept"));
      new first.io.Listener({ port: 80 });
      new first.io.Contactor({ pin: first.pins.contactor });
      device.cutPower();
      const second = boot();
      expect(decodeUTF8(second.openStorage("test").read("key") ?? new ArrayBuffer(0))).toBe("kept");
      expect(() => new second.io.Listener({ port: 80 })).not.toThrow();
      expect(() => new second.io.Contactor({ pin: second.pins.contactor })).not.toThrow();
      expect(second.mac).toBe(first.mac);
    });
  });

  describe("with a busy firmware", () => {
    test("calls it in order at the end, each timer once, and none that was cleared meanwhile", () => {
      const { clock } = boot();
      const calls: string[] = [];
      clock.set(() => calls.push("set"), 10);
      clock.repeat(() => calls.push("repeat"), 20);
      const cleared = clock.set(() => calls.push("cleared"), 30);
      device.busy(95);
      clock.set(() => clock.clear(cleared), 5);
      world.clock.advance(94);
      expect(calls).toEqual([]);
      world.clock.advance(1);
      expect(calls).toEqual(["set", "repeat"]);
      world.clock.advance(5);
      expect(calls).toEqual(["set", "repeat", "repeat"]);
    });

    test.each(["plugged", "unplugged", "shorted", "without-diode", "negative"] as const)(
      "opens the contactor within 50 ms when the vehicle gets %s at any moment, and reports it afterwards",
      (state) => {
        const reasons: string[] = [];
        const contactor = charge(boot(), (reason) => reasons.push(reason));
        device.busy(2000);
        world.clock.advance(3.7);
        device.vehicle.set(state);
        world.clock.advance(29);
        expect(device.vehicle.isContactorClosed).toBe(true);
        world.clock.advance(21);
        expect(device.vehicle.isContactorClosed).toBe(false);
        expect(reasons).toEqual([]);
        world.clock.advance(2000);
        expect(reasons).toEqual(["pilot"]);
        contactor.close();
      },
    );

    test("opens the contactor at once at a residual current, and trips the shunt of one that does not open", () => {
      charge(boot());
      device.busy(2000);
      device.vehicle.breakContactor("welded");
      device.residualCurrent.switch(true);
      world.clock.advance(10);
      expect([device.vehicle.dutyPermille, device.shuntTrip.isOn]).toEqual([0, false]);
      world.clock.advance(210);
      expect(device.shuntTrip.isOn).toBe(true);
      device.cutPower();
      expect([device.vehicle.dutyPermille, device.shuntTrip.isOn]).toEqual([1000, false]);
    });
  });

  test("opens the contactor of firmware that hangs after 3 s, and tells the next run why", () => {
    charge(boot());
    device.interrupt(() => device.hang());
    world.clock.advance(2900);
    expect(device.vehicle.isContactorClosed).toBe(true);
    world.clock.advance(110);
    expect(device.vehicle.isContactorClosed).toBe(false);
    world.clock.advance(30_000);
    expect(ends.map(({ type }) => type)).toEqual(["crash"]);
    const reasons: string[] = [];
    for (let run = 0; run < 2; run++) {
      const { io, pins } = boot();
      new io.Contactor({ pin: pins.contactor, onOpened: (reason) => reasons.push(reason) });
      world.clock.advance(100);
      device.cutPower();
    }
    expect(reasons).toEqual(["lease"]);
  });

  test("without a guard leaves the contactor closed while the firmware is busy", () => {
    device = makeDevice({ hasGuard: false });
    charge(boot());
    device.busy(2000);
    device.vehicle.unplug();
    world.clock.advance(1999);
    expect(device.vehicle.isContactorClosed).toBe(true);
  });

  test("does not boot again while its firmware runs", () => {
    boot();
    expect(boot).toThrow("already running");
  });

  describe("with a power cut at a write", () => {
    const write = (storage: ReturnType<Board["openStorage"]>, key: string) =>
      storage.write(key, encodeUTF8(key));

    test.each([
      ["before", ["a"]],
      ["after", ["a", "b"]],
    ] as const)("that is cut %s the second of three writes has stored %j", (comes, stored) => {
      device.flash.cutPowerAtWrite(2, comes);
      let isAfter = false;
      device.boot((board) => {
        const storage = board.openStorage("test");
        for (const key of ["a", "b", "c"]) write(storage, key);
        isAfter = true;
      });
      expect(isAfter).toBe(false);
      expect(ends).toEqual([{ type: "power-cut" }]);
      expect(boot().openStorage("test").keys()).toEqual(stored);
    });

    test("stays off even if the firmware catches the exception", () => {
      device.flash.cutPowerAtWrite(1, "before");
      let hasContinued: unknown;
      device.boot((board) => {
        const storage = board.openStorage("test");
        try {
          write(storage, "a");
        } catch {
          write(storage, "b");
          hasContinued = true;
        }
      });
      expect(hasContinued).toBeUndefined();
      expect(device.flash.writeCount).toBe(1);
      expect(boot().openStorage("test").keys()).toEqual([]);
    });

    test("is cut at a deletion, too", () => {
      write(boot().openStorage("test"), "a");
      device.cutPower();
      device.flash.cutPowerAtWrite(1, "before");
      device.boot((board) => board.openStorage("test").delete("a"));
      expect(ends.at(-1)).toEqual({ type: "power-cut" });
      expect(boot().openStorage("test").keys()).toEqual(["a"]);
    });
  });

  test("uses a flash of the given capacity", () => {
    const storage = boot(makeDevice({ flash: new Flash({ capacityBytes: 500 }) })).openStorage("test");
    expect(() => storage.write("a", new Uint8Array(501))).toThrow("full");
    storage.write("a", new Uint8Array(400));
    expect(() => storage.write("b", new Uint8Array(100))).toThrow("full");
    storage.write("a", new Uint8Array(10));
    storage.write("b", new Uint8Array(100));
  });

  test("can be provisioned before it boots", () => {
    device.provision({ deviceId: "x" });
    const record = boot().openStorage("plugpass").read("device");
    expect(JSON.parse(decodeUTF8(record ?? new ArrayBuffer(0)) ?? "")).toEqual({ v: 1, deviceId: "x" });
  });

  test("keeps the log of earlier runs", () => {
    boot().log("one");
    device.cutPower();
    boot().log("two");
    expect(device.logLines).toEqual(["one", "two"]);
  });

  test("is independent of another one in its world", () => {
    const other = makeDevice();
    const board = boot();
    const otherBoard = boot(other);
    board.openStorage("test").write("key", encodeUTF8("mine"));
    expect(otherBoard.openStorage("test").keys()).toEqual([]);
    charge(board);
    expect(other.vehicle.isContactorClosed).toBe(false);
    expect(() => new otherBoard.io.Contactor({ pin: otherBoard.pins.contactor })).not.toThrow();
    new board.io.GATTServer({ services: [] });
    expect(() => new otherBoard.io.GATTServer({ services: [] })).not.toThrow();
    device.cutPower();
    expect(other.isRunning).toBe(true);
    expect(otherBoard.mac).not.toBe(board.mac);
  });

  test("takes its random numbers from the world's seed", () => {
    const draw = (seed: number) => {
      const seeded = new Device(virtualWorld({ seed }));
      return encodeHex(boot(seeded).crypto.random(8));
    };
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
  });
});
