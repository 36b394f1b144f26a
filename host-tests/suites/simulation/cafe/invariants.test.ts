/** Checks that each invariant of the simulation can fail, where no faulty board can break it. */

import { describe, expect, test } from "@jest/globals";
import { encodeUTF8 } from "../../../../modules/bytes/index.js";
import { EventLog } from "../../../tools/simulate/event-log.js";
import { ExpectedState } from "../../../tools/simulate/expected-state.js";
import { hashOf, Ledger, type LedgerOptions } from "../../../tools/simulate/ledger.js";
import { Queues } from "../../../tools/simulate/queues.js";
import { Swipes } from "../../../tools/simulate/swipes.js";
import { Scene } from "../../../virtual/scene.js";
import { VirtualClock } from "../../../virtual/world/clock.js";
import { Vehicle } from "../../../virtual/world/vehicle.js";

const TAG = "0000000001";
const CARD = { tag: hashOf(TAG), tagEnd: TAG.slice(-4) };
const MINUTE_MS = 60_000;
const DUTY_OF_16_A = 266;

/** A station whose actions are played by the test. */
class Played {
  readonly clock = new VirtualClock();
  readonly vehicle = new Vehicle();
  readonly eventLog = new EventLog(this.clock);
  readonly ledger: Ledger;

  constructor(options: Partial<LedgerOptions> = {}) {
    this.ledger = new Ledger({
      clock: this.clock,
      device: { vehicle: this.vehicle, isRunning: true },
      eventLog: this.eventLog,
      meterWh: () => 0,
      mayResume: () => false,
      mayBeFree: () => false,
      mostA: () => 16,
      offlineA: () => undefined,
      isInReach: () => true,
      handledMs: (eventMs, delayMs) => eventMs + delayMs,
      epochS: 0,
      ...options,
    });
  }

  /** Plugs a vehicle in and presents a card that the platform authorizes. */
  arrive(maxA?: number): void {
    this.vehicle.plug();
    this.ledger.present(TAG, "ble");
    this.ledger.permit(TAG, "ble", maxA);
  }

  charge(dutyPermille = DUTY_OF_16_A): void {
    this.vehicle.offer(dutyPermille);
    this.vehicle.switchContactor(true);
    this.ledger.check();
  }

  open(): void {
    this.vehicle.switchContactor(false);
    this.vehicle.offer(1000);
    this.ledger.check();
  }

  get found(): string {
    return this.eventLog.violations.join("\n");
  }
}

describe("the ledger at the contactor", () => {
  test("accepts the charging of an authorized driver", () => {
    const played = new Played();
    played.arrive();
    played.charge();
    played.clock.advance(MINUTE_MS);
    played.open();
    played.vehicle.unplug();
    expect(played.found).toBe("");
  });

  test("rejects charging the next vehicle on the authorization of the previous driver", () => {
    const played = new Played();
    played.vehicle.plug();
    played.ledger.present(TAG, "ble");
    played.vehicle.unplug();
    played.clock.advance(5000);
    played.vehicle.plug();
    played.ledger.permit(TAG, "ble");
    played.charge();
    expect(played.found).toContain("nobody has allowed it");
  });

  test.each([
    ["the card's", { card: 10, limit: 16 }],
    ["the owner's", { card: 16, limit: 10 }],
  ])("rejects an offer above %s limit", (_whose, { card, limit }) => {
    for (const [duty, isRight] of [
      [166, true],
      [167, false],
    ] as const) {
      const played = new Played({ mostA: () => limit });
      played.arrive(card);
      played.charge(duty);
      expect(played.found === "").toBe(isRight);
    }
  });

  test("rejects current 3 s after the offer was withdrawn, and current that was never offered", () => {
    const played = new Played();
    played.arrive();
    played.charge();
    played.vehicle.offer(1000);
    played.vehicle.set("ready");
    played.clock.advance(3000);
    played.ledger.check();
    expect(played.found).toBe("");
    played.clock.advance(1);
    played.ledger.check();
    expect(played.found).toContain("current flows that is not offered");
    const other = new Played();
    other.arrive();
    other.charge(1000);
    expect(other.found).toContain("current flows that is not offered");
  });

  test("rejects charging after the owner has stopped it", () => {
    const played = new Played();
    played.arrive();
    played.charge();
    played.ledger.stop();
    played.clock.advance(MINUTE_MS);
    expect(played.found).toContain("the owner has stopped it");
  });

  test("rejects charging a vehicle that has met a fault before it has left", () => {
    const played = new Played();
    played.arrive();
    played.charge();
    played.vehicle.set("shorted");
    played.open();
    played.ledger.present(TAG, "ble");
    played.ledger.permit(TAG, "ble");
    played.charge();
    expect(played.found).toContain("has to leave first");
  });

  test("rejects charging a stopped vehicle without another permit, and accepts it with one", () => {
    for (const isPermitted of [false, true]) {
      const played = new Played();
      played.arrive();
      played.charge();
      played.open();
      if (isPermitted) {
        played.ledger.present(TAG, "ble");
        played.ledger.permit(TAG, "ble");
      }
      played.vehicle.offer(DUTY_OF_16_A);
      played.ledger.check();
      expect(played.found === "").toBe(isPermitted);
      if (!isPermitted) expect(played.found).toContain("current is offered, and nobody has allowed it");
    }
  });

  test("accepts charging hours after the authorization, with or without the platform", () => {
    for (const offlineA of [undefined, 16]) {
      const played = new Played({ offlineA: () => offlineA });
      played.vehicle.plug({ requestsEnergyWhenOffered: false });
      played.ledger.present(TAG, "ble");
      if (offlineA === undefined) played.ledger.permit(TAG, "ble");
      played.vehicle.offer(DUTY_OF_16_A);
      played.clock.advance(8 * 60 * MINUTE_MS);
      played.vehicle.set("ready");
      played.charge();
      expect(played.found).toBe("");
    }
  });

  test.each([
    [1500, true],
    [8000, false],
  ])("after a departure of %d ms takes the vehicle for the same: %s", (awayMs, isSame) => {
    const played = new Played();
    played.arrive();
    played.charge();
    played.vehicle.unplug();
    played.vehicle.switchContactor(false);
    played.clock.advance(awayMs);
    played.vehicle.set("ready");
    played.charge();
    expect(played.found === "").toBe(isSame);
  });

  test("counts openings, and forgets one in two minutes", () => {
    const played = new Played();
    played.arrive();
    for (let i = 0; i < 4; i++) {
      expect(played.ledger.isContactorCalm).toBe(true);
      played.charge();
      played.vehicle.switchContactor(false);
    }
    expect(played.ledger.isContactorCalm).toBe(false);
    played.clock.advance(2 * MINUTE_MS + 1);
    expect(played.ledger.isContactorCalm).toBe(true);
  });

  test("rejects a closed contactor while the pilot bounces outside state C", () => {
    const played = new Played();
    played.arrive();
    played.charge();
    for (let i = 0; i < 20; i++) {
      played.vehicle.set(i % 2 === 0 ? "plugged" : "without-diode");
      played.clock.advance(9);
    }
    expect(played.found).toContain("70 ms after the vehicle left C and D");
  });

  test("rejects offline authorization after the platform has answered", () => {
    for (const isAnswered of [false, true]) {
      const played = new Played({ offlineA: () => 16 });
      played.vehicle.plug();
      played.ledger.present(TAG, "ble");
      if (isAnswered) played.ledger.recordAnswered(TAG);
      expect(played.ledger.isPermitted(TAG)).toBe(!isAnswered);
      played.charge();
      expect(played.found === "").toBe(!isAnswered);
    }
  });
});

describe("the ledger of cards", () => {
  test("takes an answer of the platform for one of two presentations of a card", () => {
    const played = new Played({ offlineA: () => 16 });
    played.vehicle.plug();
    for (let i = 0; i < 2; i++) played.ledger.present(TAG, "ble");
    played.ledger.recordAnswered(TAG);
    expect(played.ledger.isPermitted(TAG)).toBe(true);
    played.ledger.recordAnswered(TAG);
    expect(played.ledger.isPermitted(TAG)).toBe(false);
  });
});

describe("the ledger of sessions", () => {
  const session = { ...CARD, method: "ble", startWh: 0, endWh: 0, seconds: 0, start: null, end: null };

  function played(vehicleLeaves: (played: Played) => void): Played {
    const one = new Played();
    one.arrive();
    one.vehicle.offer(DUTY_OF_16_A);
    one.clock.advance(50);
    vehicleLeaves(one);
    return one;
  }

  test.each(["unplugged", "stopped", "interrupted"])(
    "accepts one that the guard did not close for: %s",
    (why) => {
      for (const accepted of [[], [{ ...session, why }]]) {
        const one = played(({ vehicle, ledger }) => {
          if (why === "unplugged") vehicle.unplug();
          else if (why === "stopped") vehicle.offer(1000);
          else ledger.interrupt();
        });
        one.ledger.settle(accepted, 0);
        expect(one.found).toBe("");
      }
    },
  );

  test("rejects one of a vehicle that was never ready", () => {
    const one = new Played();
    one.vehicle.plug({ requestsEnergyWhenOffered: false });
    one.ledger.present(TAG, "ble");
    one.ledger.permit(TAG, "ble");
    one.vehicle.offer(DUTY_OF_16_A);
    one.vehicle.unplug();
    one.ledger.settle([{ ...session, why: "unplugged" }], 0);
    expect(one.found).toContain("no vehicle charged in this session");
  });

  test("accepts a start long before the contactor closes, if the vehicle was ready then", () => {
    for (const seconds of [90, 60, 75]) {
      const one = played(({ vehicle }) => vehicle.set("plugged"));
      one.clock.advance(30_000);
      one.vehicle.set("ready");
      one.charge();
      one.clock.advance(60_000);
      one.vehicle.unplug();
      one.ledger.settle([{ ...session, seconds, why: "unplugged" }], 0);
      expect(one.found === "").toBe(seconds !== 75);
    }
  });

  test.each([
    ["busy", 2000, true],
    ["idle", 0, false],
  ])(
    "accepts that a power cut 4 s after a departure interrupts the session of a %s station",
    (_name, busyMs, isRight) => {
      const one = new Played({ handledMs: (eventMs, delayMs) => eventMs + busyMs + delayMs });
      one.arrive();
      one.charge();
      one.vehicle.unplug();
      one.vehicle.switchContactor(false);
      one.clock.advance(4000);
      one.ledger.interrupt();
      one.ledger.settle([{ ...session, why: "interrupted" }], 0);
      expect(one.found === "").toBe(isRight);
    },
  );
});

describe("the expected offline authorization", () => {
  function expectedState() {
    const clock = new VirtualClock();
    const of = new ExpectedState(clock);
    const setPolicy = (policy: string) => of.handlePublished("access/offline-policy", policy);
    return { clock, of, setPolicy };
  }

  test("accepts a card on the list, except under `deny`", () => {
    const { of, setPolicy, clock } = expectedState();
    of.addList(1, [TAG]);
    of.recordListRequest(0, 1);
    expect(of.offlineA(TAG)).toBeUndefined();
    of.policy.send("list");
    expect(of.offlineA(TAG)).toBe(16);
    setPolicy("list");
    of.policy.send("deny");
    setPolicy("deny");
    expect(of.offlineA(TAG)).toBe(16);
    clock.advance(10 * MINUTE_MS);
    of.handlePublished("$heartbeat", "1");
    expect(of.offlineA(TAG)).toBeUndefined();
  });

  test("accepts a recently authorized card under `list-and-cache` only, with the same current", () => {
    const { clock, of, setPolicy } = expectedState();
    of.recordAnswer(TAG, { authorized: true, cacheFor: 600, maxCurrent: 10 });
    setPolicy("list");
    expect(of.offlineA(TAG)).toBeUndefined();
    setPolicy("list-and-cache");
    expect(of.offlineA(TAG)).toBe(10);
    clock.advance(11 * MINUTE_MS);
    expect(of.offlineA(TAG)).toBeUndefined();
  });

  test("rejects a card that was blocked or forgotten", () => {
    for (const forget of [(of: ExpectedState) => of.recordRefusal(TAG), (of: ExpectedState) => of.forget()]) {
      const { of, setPolicy } = expectedState();
      setPolicy("list-and-cache");
      of.recordAnswer(TAG, { authorized: true, cacheFor: 600 });
      forget(of);
      expect(of.offlineA(TAG)).toBeUndefined();
    }
  });

  test("accepts a card on any list that the station may still have", () => {
    const { clock, of, setPolicy } = expectedState();
    setPolicy("list");
    of.addList(1, [TAG]);
    of.addList(2, []);
    of.recordListRequest(0, 1);
    of.recordListRequest(1, 2);
    expect(of.offlineA(TAG)).toBe(16);
    clock.advance(10 * MINUTE_MS);
    of.recordListRequest(2, 2);
    expect(of.offlineA(TAG)).toBeUndefined();
  });
});

describe("the queues at the broker", () => {
  function observed(): { scene: Scene; eventLog: EventLog; swipes: Swipes } {
    const scene = new Scene();
    const eventLog = new EventLog(scene.clock);
    const swipes = new Swipes({ scene, eventLog, latestStallMs: () => Number.NEGATIVE_INFINITY });
    new Queues({ scene, eventLog, swipes, isCalm: () => true });
    return { scene, eventLog, swipes };
  }

  /** Builds a request with a key that the platform does not know. */
  function requestOf(id: string, data: object): string {
    return JSON.stringify({ id, data, key: "00" });
  }

  test("require that other sessions are sent before a rejected one is repeated", () => {
    for (const [second, isRight] of [
      ["b", true],
      ["a", false],
    ] as const) {
      const { scene, eventLog } = observed();
      for (const slot of [0, 1]) scene.device.flash.set("plugpass", `log${slot}`, encodeUTF8("{}"));
      scene.broker.publish("u/req/d/session", requestOf("1", { id: "a" }));
      scene.broker.publish("u/req/d/session", requestOf("2", { id: second }));
      expect(eventLog.isClean).toBe(isRight);
    }
  });

  test("detect more than 16 waiting errors", () => {
    const { scene, eventLog } = observed();
    for (let i = 0; i < 60; i++) scene.broker.publish("u/errors/sweet-home/d/x", "{}");
    expect(eventLog.violations[0]).toContain("46 errors");
  });

  test("detect a request that waits too long", () => {
    const { scene, eventLog, swipes } = observed();
    swipes.recordLearnedCard(TAG);
    scene.clock.advance(62_000);
    scene.broker.publish("u/req/d/create-tag", requestOf("1", { tag: TAG }));
    expect(eventLog.violations[0]).toContain("has waited for the platform");
  });
});
