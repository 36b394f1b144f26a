import { describe, expect, test } from "@jest/globals";
import { decodeUTF8 } from "../../../modules/bytes/index.js";
import { modbusWiring } from "../../virtual/board/modbus-wiring.js";
import { METER_FAULTS, MODBUS_METER_TYPES } from "../../virtual/world/modbus-meter.js";
import { MeteredScene } from "./metered-scene.js";

const MINUTE_MS = 60_000;
/** Energy that a meter may not have counted in a reading, Wh. */
const RESOLUTION_WH = 1;

function online(options: ConstructorParameters<typeof MeteredScene>[0] = {}): MeteredScene {
  const scene = new MeteredScene(options);
  scene.bringOnline();
  return scene;
}

/** Ends the session, and returns it as the platform has accepted it. */
function finish(scene: MeteredScene): Record<string, unknown> {
  const count = scene.platform.sessions.size;
  scene.device.vehicle.unplug();
  scene.until("the session is reported", () => scene.platform.sessions.size > count);
  return [...scene.platform.sessions.values()].at(-1) ?? {};
}

function energyOf({ startWh, endWh }: Record<string, unknown>): number {
  return Number(endWh) - Number(startWh);
}

function messages(scene: MeteredScene): string[] {
  return scene.broker.published
    .filter(({ topic }) => topic.endsWith("/notifications/create"))
    .map(({ payload }) => JSON.parse(decodeUTF8(payload) ?? "null").message);
}

function messagesOf(scene: MeteredScene, code: string): string[] {
  return messages(scene).filter((text) => text.startsWith(`${code}: `));
}

describe("a station with a Modbus meter", () => {
  test.each(MODBUS_METER_TYPES)("bills the energy of an %s exactly, session after session", (type) => {
    const scene = online({ type });
    for (const minutes of [7, 3]) {
      const beforeWh = scene.drawnWh;
      scene.charge();
      scene.clock.advance(minutes * MINUTE_MS);
      const session = finish(scene);
      expect(Math.abs(energyOf(session) - (scene.drawnWh - beforeWh))).toBeLessThanOrEqual(RESOLUTION_WH);
      expect(session.meterFault).toBeUndefined();
      scene.clock.advance(MINUTE_MS);
    }
  });

  test("publishes power, currents and voltages while it charges", () => {
    const scene = online();
    scene.currentsA = [15.26, 14, 0];
    scene.charge();
    scene.clock.advance(MINUTE_MS);
    const values = ["power", "current-l1", "current-l2", "current-l3", "voltage-l1", "voltage-l3"];
    expect(values.map((id) => scene.retained(`charger/${id}`))).toEqual([
      "6730",
      "15.3",
      "14",
      "0",
      "230",
      "230",
    ]);
  });

  test("has the phases that the meter measures", () => {
    const scene = online({ type: "sdm120" });
    const ids = (scene.retained("charger/$properties") ?? "").split(",");
    expect(ids.filter((id) => /-l\d$/.test(id))).toEqual(["current-l1", "voltage-l1"]);
    expect(ids).toContain("energy");
  });

  test.each(METER_FAULTS)(
    "charges on with a meter that is %s, reports it once, and marks the session",
    (fault) => {
      const scene = online();
      scene.charge();
      scene.clock.advance(MINUTE_MS);
      scene.meter.fault = fault;
      scene.clock.advance(10 * MINUTE_MS);
      expect(scene.device.vehicle.isCharging).toBe(true);
      const code = fault === "backwards" ? "meter-backwards" : "meter-silent";
      // A slow answer comes when the same request is repeated.
      const isNoticed = fault !== "slow";
      expect(messagesOf(scene, code)).toHaveLength(isNoticed ? 1 : 0);
      const session = finish(scene);
      expect(session.meterFault).toBe(isNoticed ? code : undefined);
      expect(energyOf(session)).toBeLessThanOrEqual(scene.drawnWh + RESOLUTION_WH);
    },
  );

  test.each(["silent", "bad-crc", "backwards"] as const)(
    "reports that a meter which was %s works again",
    (fault) => {
      const scene = online();
      scene.meter.fault = fault;
      scene.clock.advance(5 * MINUTE_MS);
      scene.meter.fault = undefined;
      scene.clock.advance(5 * MINUTE_MS);
      const code = fault === "backwards" ? "meter-backwards" : "meter-silent";
      expect(messagesOf(scene, code)).toEqual([expect.any(String), `${code}: the meter works again`]);
    },
  );

  test("bills the energy of a silence when the meter answers before the end", () => {
    const scene = online();
    scene.charge();
    scene.clock.advance(MINUTE_MS);
    scene.meter.fault = "silent";
    scene.clock.advance(5 * MINUTE_MS);
    scene.meter.fault = undefined;
    scene.clock.advance(MINUTE_MS);
    const session = finish(scene);
    expect(session.meterFault).toBe("meter-silent");
    expect(Math.abs(energyOf(session) - scene.drawnWh)).toBeLessThanOrEqual(RESOLUTION_WH);
  });

  test("does not bill the energy of a session without a meter to the next driver", () => {
    const scene = online();
    scene.clock.advance(MINUTE_MS);
    scene.meter.fault = "silent";
    scene.charge();
    scene.clock.advance(20 * MINUTE_MS);
    expect(energyOf(finish(scene))).toBe(0);
    scene.charge();
    scene.meter.fault = undefined;
    scene.clock.advance(20_000);
    const knownWh = scene.drawnWh;
    scene.clock.advance(5 * MINUTE_MS);
    const session = finish(scene);
    expect(session.meterFault).toBe("meter-silent");
    expect(energyOf(session)).toBeLessThanOrEqual(scene.drawnWh - knownWh + 100);
  });

  test("marks a session whose last reading is missing", () => {
    const scene = online();
    scene.charge();
    scene.clock.advance(MINUTE_MS);
    scene.meter.fault = "silent";
    expect(finish(scene).meterFault).toBe("meter-unread");
  });

  test("continues its reading after a power cut, and bills the interrupted session exactly", () => {
    const scene = online();
    scene.charge();
    scene.clock.advance(5 * MINUTE_MS + 1234);
    scene.device.cutPower();
    scene.device.vehicle.unplug();
    scene.clock.advance(MINUTE_MS);
    scene.under.boot();
    scene.until("the session is reported", () => scene.platform.sessions.size > 0);
    const [session] = [...scene.platform.sessions.values()];
    expect(session?.why).toBe("interrupted");
    expect(Math.abs(energyOf(session ?? {}) - scene.drawnWh)).toBeLessThanOrEqual(RESOLUTION_WH);
  });

  test.each([0, 9_876_000])("continues its reading after an exchange for a meter at %d Wh", (energyWh) => {
    const scene = online();
    scene.charge();
    scene.clock.advance(5 * MINUTE_MS);
    const before = finish(scene);
    scene.device.cutPower();
    scene.putMeter().energyWh = energyWh;
    scene.under.boot();
    scene.clock.advance(2 * MINUTE_MS);
    expect(messagesOf(scene, "meter-backwards")).toEqual([
      `meter-backwards: the meter's reading went from ${123_000 + Number(before.endWh)} to ${energyWh} Wh; the difference is not counted`,
      "meter-backwards: the meter works again",
    ]);
    const drawnWh = scene.drawnWh;
    scene.charge();
    scene.clock.advance(5 * MINUTE_MS);
    const after = finish(scene);
    expect(after.startWh).toBe(before.endWh);
    expect(Math.abs(energyOf(after) - (scene.drawnWh - drawnWh))).toBeLessThanOrEqual(2 * RESOLUTION_WH);
  });

  test("reads a meter by the registers of its wiring", () => {
    const float = { functionCode: 4, type: "float32", wordOrder: "high-first" } as const;
    const registers = [
      { ...float, value: "power", register: 0x34, scale: 1 },
      { ...float, value: "energy", register: 0x48, scale: 1000 },
    ] as const;
    const scene = online({ provisioning: { wiring: modbusWiring({ type: "registers", registers }) } });
    scene.charge();
    scene.clock.advance(5 * MINUTE_MS);
    expect(Math.abs(energyOf(finish(scene)) - scene.drawnWh)).toBeLessThanOrEqual(RESOLUTION_WH);
  });

  test("ends the session of a vehicle that draws more than it is offered", () => {
    const scene = online();
    scene.set("charger/current-limit", "6");
    scene.currentsA = [7, 0, 0];
    scene.charge();
    scene.clock.advance(9000);
    expect(scene.device.vehicle.isCharging).toBe(true);
    scene.until("the session has ended", () => !scene.device.vehicle.isContactorClosed, 10_000);
    expect(scene.status()).toMatchObject({ status: "faulted", lastError: { code: "overcurrent" } });
    scene.clock.advance(1000);
    expect(messagesOf(scene, "overcurrent")).toEqual([
      "overcurrent: the vehicle draws 7 A, and 6 A are offered",
    ]);
  });

  test("charges on when the offer is lowered, and the vehicle follows after 5 s", () => {
    const scene = online();
    scene.currentsA = [16, 16, 16];
    scene.charge();
    scene.clock.advance(MINUTE_MS);
    for (const limitA of [10, 6]) {
      scene.set("charger/current-limit", String(limitA));
      scene.clock.advance(5000);
      scene.currentsA = [limitA, limitA, limitA];
      scene.clock.advance(MINUTE_MS);
      expect(scene.device.vehicle.isCharging).toBe(true);
    }
  });

  test("charges on at 110 % of the offer", () => {
    const scene = online();
    scene.set("charger/current-limit", "6");
    scene.currentsA = [6.5, 6.5, 6.5];
    scene.charge();
    scene.clock.advance(10 * MINUTE_MS);
    expect(scene.device.vehicle.isCharging).toBe(true);
  });
});
