import { beforeEach, describe, expect, test } from "@jest/globals";
import {
  ANSWER_MS,
  FIELDS,
  JOIN_MS,
  LINGER_MS,
  PARAMETERS,
  REFUSED,
  Station,
} from "../../host-tests/suites/units/pairing-station.js";

let station: Station;

beforeEach(() => {
  station = new Station();
});

describe("A pairing attempt", () => {
  test("stores the parameters after the broker was reached, and ends pairing mode", () => {
    station.pairFully();
    expect(station.events).toEqual([
      "trying owner@cafe.example",
      "broker broker.example:1883",
      "paired owner@cafe.example",
    ]);
    expect(station.pairing.initialParameters).toEqual(PARAMETERS);
    expect([station.pairing.isActive, station.pairing.isTrying]).toEqual([false, false]);
    expect(station.storedKeys).toEqual(["pairing"]);
    expect(station.brokersClosed).toBe(1);
  });

  test("starts 500 ms after the answer, so that the phone receives it", () => {
    station.pairing.enter();
    station.pair();
    expect([station.pairing.isTrying, station.events]).toEqual([true, []]);
    expect(station.storedKeys).toEqual(["candidate"]);
    station.advance(ANSWER_MS);
    expect(station.events).toEqual(["trying owner@cafe.example"]);
  });

  test("waits until link and account are released", () => {
    station.isFree = false;
    station.pairing.enter();
    station.pair();
    station.advance(60_000);
    expect(station.events).toEqual(["trying owner@cafe.example"]);
    expect(station.status).toMatchObject({ trying: true, waitingFor: [] });
    station.pairing.begin();
    station.advance(JOIN_MS);
    expect(station.events.at(-1)).toBe("paired owner@cafe.example");
  });

  test("is started by no call of begin without one", () => {
    station.pairing.enter();
    station.pairing.begin();
    station.pair();
    station.pairing.begin();
    expect(station.events).toEqual([]);
  });

  test("is replaced by the next one, before and while it runs", () => {
    station.isBrokerSilent = true;
    station.pairing.enter();
    station.pair({ host: "first.example" });
    station.pair({ host: "second.example" });
    station.advance(ANSWER_MS + JOIN_MS);
    expect(station.events).toEqual(["trying owner@cafe.example", "broker second.example:1883"]);
    station.isBrokerSilent = false;
    station.pair({ host: "third.example" });
    expect(station.brokersClosed).toBe(1);
    station.advance(ANSWER_MS + JOIN_MS);
    expect(station.pairing.initialParameters?.host).toBe("third.example");
  });

  test("moves the access point to the network's channel", () => {
    station.pairing.enter();
    station.pair();
    station.advance(ANSWER_MS + JOIN_MS);
    expect(station.world.wifi.accessPoints).toMatchObject([{ channel: 11 }]);
    expect(station.world.wifi.draggedCount).toBe(0);
  });

  test("leaves the access point open for 30 s after success", () => {
    station.pairing.enter();
    station.pair();
    station.world.clock.runUntil(() => station.events.at(-1)?.startsWith("paired") === true, 60_000);
    station.advance(LINGER_MS - 1);
    expect(station.isAccessPointOpen).toBe(true);
    station.advance(1);
    expect(station.isAccessPointOpen).toBe(false);
  });

  test("uses the link of a board with Ethernet that is already up", () => {
    station = new Station({ network: "ethernet" });
    station.pairing.enter();
    station.advance(JOIN_MS);
    expect(station.pair({ ssid: undefined, psk: undefined }).status).toBe(200);
    station.advance(ANSWER_MS + JOIN_MS);
    const { wifi: _wifi, ...parameters } = PARAMETERS;
    expect(station.pairing.initialParameters).toEqual(parameters);
  });

  test("is refused with the error of invalid fields, and nothing is stored", () => {
    station.pairing.enter();
    expect(station.pair({ host: "a b" })).toMatchObject({ status: 400 });
    expect(station.pair({ token: undefined })).toEqual({ status: 400, body: "missing: token" });
    expect([station.storedKeys, station.pairing.isTrying]).toEqual([[], false]);
  });

  test("is refused with 500 when the candidate cannot be stored", () => {
    station.pairing.enter();
    station.storageError = new Error("no flash");
    expect(station.pair()).toMatchObject({ status: 500 });
    expect(station.pairing.isTrying).toBe(false);
    expect(station.device.logLines).toContain("pairing: the candidate could not be stored: no flash");
  });
});

describe("A failed attempt", () => {
  test("keeps pairing mode, reports its failure, and asks for all fields again", () => {
    station.brokerFailure = REFUSED;
    station.pairFully();
    expect(station.events.at(-1)).toBe("failed broker-refused");
    expect(station.pairing.lastFailure).toEqual(REFUSED);
    expect(station.status).toMatchObject({
      mode: "pairing",
      lastFailure: REFUSED,
      waitingFor: Object.keys(FIELDS),
    });
    expect(station.isAccessPointOpen).toBe(true);
    expect(station.pairing.initialParameters).toBeUndefined();
  });

  test("keeps the previous parameters", () => {
    station.pairFully();
    station.brokerFailure = REFUSED;
    station.pairing.enter();
    station.pair({ host: "other.example" });
    station.advance(ANSWER_MS + JOIN_MS);
    expect(station.pairing.initialParameters).toEqual(PARAMETERS);
  });

  test("is forgotten when the next attempt starts", () => {
    station.brokerFailure = REFUSED;
    station.pairFully();
    station.brokerFailure = undefined;
    expect(station.pair().status).toBe(200);
    expect(station.pairing.lastFailure).toBeUndefined();
    station.advance(ANSWER_MS + JOIN_MS);
    expect(station.events.at(-1)).toBe("paired owner@cafe.example");
  });

  test("is still reported after a restart of a station without other parameters", () => {
    station.brokerFailure = REFUSED;
    station.pairFully();
    for (let i = 0; i < 2; i++) {
      station.restart();
      expect(station.pairing.lastFailure).toEqual(REFUSED);
    }
  });

  test("is reported once after a restart of a station with other parameters", () => {
    station.pairFully();
    station.brokerFailure = REFUSED;
    station.pairing.enter();
    station.pair();
    station.advance(ANSWER_MS + JOIN_MS);
    station.restart();
    expect(station.pairing.lastFailure).toEqual(REFUSED);
    station.restart();
    expect(station.pairing.lastFailure).toBeUndefined();
  });

  test("has the link's failure when the network is not found", () => {
    station.pairing.enter();
    station.pair({ ssid: "other" });
    station.advance(60_000);
    expect(station.events).toEqual(["trying owner@cafe.example", "failed wifi-not-found"]);
  });

  test("is storage-failed when the parameters that work cannot be stored", () => {
    station.pairing.enter();
    station.pair();
    station.storageError = new Error("no flash");
    station.advance(ANSWER_MS + JOIN_MS);
    expect(station.pairing.lastFailure).toEqual({
      code: "storage-failed",
      message: "the parameters could not be stored: no flash",
    });
    expect(station.events.at(-1)).toBe("failed storage-failed");
    // A candidate that cannot be updated is deleted, so that it is not reported as interrupted.
    expect(station.storedKeys).toEqual([]);
  });

  test("is given-up when pairing mode is left", () => {
    station.isBrokerSilent = true;
    station.pairFully();
    station.pairing.leave();
    expect(station.events.at(-1)).toBe("failed given-up");
    expect(station.pairing.lastFailure?.code).toBe("given-up");
    expect([station.storedKeys, station.brokersClosed]).toEqual([[], 1]);
    expect([station.pairing.isTrying, station.isAccessPointOpen]).toEqual([false, false]);
  });

  test("is forgotten with all given fields after a reset", () => {
    station.brokerFailure = REFUSED;
    station.pairFully();
    station.pair();
    station.pairing.forget();
    expect([station.pairing.isTrying, station.pairing.lastFailure]).toEqual([false, undefined]);
    station.advance(60_000);
    expect(station.events.filter((event) => event.startsWith("trying"))).toHaveLength(1);
  });
});

describe("A power cut during an attempt", () => {
  const INTERRUPTED = {
    code: "interrupted",
    message: "the power failed while the parameters were tried; pair again",
  };

  test("is reported after each restart until an attempt succeeds", () => {
    station.isBrokerSilent = true;
    station.pairFully();
    for (let i = 0; i < 2; i++) {
      station.restart();
      expect(station.pairing.lastFailure).toEqual(INTERRUPTED);
    }
    expect(station.device.logLines.filter((line) => line.includes("interrupted"))).toHaveLength(1);
    station.isBrokerSilent = false;
    station.pairFully();
    station.restart();
    expect(station.pairing.lastFailure).toBeUndefined();
  });

  test("keeps the previous parameters, and is reported once", () => {
    station.pairFully();
    station.isBrokerSilent = true;
    station.pairing.enter();
    station.pair({ host: "other.example" });
    station.restart();
    expect(station.pairing.initialParameters).toEqual(PARAMETERS);
    expect(station.pairing.lastFailure).toEqual(INTERRUPTED);
    station.restart();
    expect(station.pairing.lastFailure).toBeUndefined();
  });

  test("is not reported when the parameters were already stored", () => {
    station.pairing.enter();
    station.pair();
    const candidate = station.device.flash.get("plugpass", "candidate");
    station.advance(ANSWER_MS + JOIN_MS);
    if (!candidate) throw new Error("no candidate is stored");
    station.device.flash.set("plugpass", "candidate", candidate);
    station.restart();
    expect(station.pairing.lastFailure).toBeUndefined();
    expect(station.storedKeys).toEqual(["pairing"]);
  });
});
