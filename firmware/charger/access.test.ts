import { beforeEach, describe, expect, test } from "@jest/globals";
import { Bench, HOUR_MS, MINUTE_MS, OTHER, TAG } from "../../host-tests/suites/units/access-bench.js";
import { encodeUTF8 } from "../../modules/bytes/index.js";

let bench: Bench;

beforeEach(() => {
  bench = new Bench();
});

describe("Access", () => {
  test("asks the platform about a phone's tag, authorizes up to the station's current, and signals it", () => {
    expect(bench.present()?.code).toBe(200);
    expect(bench.platform.requests).toEqual([{ endpoint: "authorize", data: { tag: TAG, method: "ble" } }]);
    expect(bench.grants).toEqual([{ tag: bench.hashOf(TAG), tagEnd: "B2C3", method: "ble", currentA: 16 }]);
    expect(bench.signals).toEqual(["authorized"]);
    expect(bench.access.lastResult).toBe("200 …B2C3: authorized by the platform");
    expect(bench.events).toEqual([]);
  });

  test("is busy during an attempt, and reports both changes", () => {
    expect(bench.access.isBusy).toBe(false);
    bench.access.newCentral().attempt(TAG, () => {});
    expect([bench.access.isBusy, bench.changes]).toEqual([true, ["busy"]]);
    bench.advance(0);
    expect([bench.access.isBusy, bench.changes]).toEqual([false, ["busy", "busy"]]);
  });

  test("has no last result before the first card, and none of a malformed tag's characters in it", () => {
    expect(bench.access.lastResult).toBeUndefined();
    bench.present("bad tag");
    expect(bench.access.lastResult).toBe("400: the tag is not 4-64 characters of A-Z a-z 0-9 . _ : -");
    expect(bench.signals).toEqual(["rejected"]);
    expect(bench.events).toEqual(["cardRefused 400"]);
  });

  test("limits the refused tags of a phone, and reports many unknown ones once an hour", () => {
    bench.platform.answers.authorize = { authorized: false };
    const codes = Array.from({ length: 11 }, (_, n) => bench.present(`guess-${n}`)?.code);
    expect(codes).toEqual(Array(11).fill(403));
    const message = "many unknown cards were presented over Bluetooth";
    expect(bench.faults).toEqual([{ code: "cards-guessed", message }]);
    const central = bench.access.newCentral("c0ffee000001");
    const limited: number[] = [];
    for (let n = 0; n < 7; n++) central.attempt("x", ({ code }) => limited.push(code));
    bench.access.newCentral("c0ffee000001").attempt(TAG, ({ code }) => limited.push(code));
    expect(limited).toEqual([400, 400, 400, 400, 400, 400, 429, 429]);
  });

  test("authorizes a card of the local list at the reader although many unknown ones were presented there", () => {
    bench.fillList(TAG);
    bench.platform.answers.authorize = { authorized: false };
    for (let n = 0; n < 12; n++) {
      bench.swipe(`unknown-${n}`);
      bench.advance(10_000);
    }
    bench.platform.answers.authorize = { authorized: true };
    bench.swipe(OTHER);
    expect(bench.access.lastResult).toContain("429");
    bench.swipe(TAG);
    expect(bench.access.lastResult).toBe("200 …B2C3: authorized by the platform");
  });

  test("reports no result after it is closed, and leaves no timer behind", () => {
    bench.fillList(TAG);
    bench.access.newCentral().attempt(TAG, (result) => bench.results.push(result));
    bench.access.close();
    bench.advance(2 * HOUR_MS);
    expect([bench.results, bench.world.clock.pending]).toEqual([[], 0]);
    bench.swipe();
    expect(bench.platform.countOf("authorize")).toBe(1);
    expect(bench.platform.countOf("local-list")).toBe(1);
  });

  test("closes a download of the list when it is closed", () => {
    bench.access.updateList();
    bench.access.close();
    expect(bench.platform.closed).toBe(1);
  });
});

describe("Access without the platform", () => {
  test("authorizes a tag by the cache for the time that the platform allowed", () => {
    bench.platform.answers.authorize = { authorized: true, cacheFor: 600, maxCurrent: 10 };
    bench.present();
    expect(bench.access.authorizesOffline).toBe(true);
    bench.goOffline();
    expect(bench.present()?.reason).toBe("authorized by the cache");
    expect(bench.grants.at(-1)?.currentA).toBe(10);
    expect(bench.present(OTHER)?.code).toBe(503);
    bench.advance(600_000);
    expect(bench.present()?.code).toBe(503);
  });

  test("authorizes a tag on the local list, until the platform rejects it", () => {
    bench.fillList(TAG, OTHER);
    expect(bench.access.listedTags).toBe(2);
    bench.goOffline();
    expect(bench.present()?.reason).toBe("authorized by the local list");
    bench.platform.isOnline = true;
    bench.platform.answers.authorize = { authorized: false };
    expect(bench.present()?.code).toBe(403);
    bench.platform.isOnline = false;
    expect(bench.present()?.code).toBe(503);
    expect(bench.present(OTHER)?.code).toBe(200);
  });

  test("authorizes no tag under the policy deny", () => {
    bench.fillList(TAG);
    bench.settings.now = { ...bench.settings.now, offlinePolicy: "deny" };
    expect(bench.access.authorizesOffline).toBe(false);
    bench.goOffline();
    expect(bench.present()?.code).toBe(503);
  });
});

describe("Access with a blocked tag", () => {
  const FAULT = { code: "blocked-tag", message: "the blocked tag …B2C3 was tried 3 times" };

  beforeEach(() => {
    bench.platform.answers.authorize = { authorized: false, reason: "blocked" };
  });

  test("reports every third attempt", () => {
    for (let i = 0; i < 2; i++) bench.present();
    expect(bench.faults).toEqual([]);
    bench.present();
    expect(bench.faults).toEqual([FAULT]);
    for (let i = 0; i < 3; i++) bench.present();
    expect(bench.faults).toEqual([FAULT, FAULT]);
  });

  test("counts each tag on its own", () => {
    for (const tag of [TAG, OTHER, TAG, OTHER]) bench.present(tag);
    expect(bench.faults).toEqual([]);
  });

  test("counts no tag that is rejected for another reason or authorized", () => {
    for (const answer of [
      { authorized: false, reason: "no credit" },
      { authorized: true, reason: "blocked" },
    ]) {
      bench.platform.answers.authorize = answer;
      for (let i = 0; i < 3; i++) bench.present();
    }
    expect(bench.faults).toEqual([]);
  });

  test("forgets the least recently tried of more than 16 tags", () => {
    const present = (n: number) => {
      bench.present(`blocked-${n}`);
      // Within the limit of all phones together.
      bench.advance(2 * MINUTE_MS);
    };
    const faults = () => bench.faults.filter(({ code }) => code === "blocked-tag");
    for (let round = 0; round < 2; round++) for (let n = 0; n < 16; n++) present(n);
    present(0);
    expect(faults()).toHaveLength(1);
    present(16);
    present(17);
    // Of the tags 1 to 17, the oldest was dropped.
    present(1);
    expect(faults()).toHaveLength(1);
    present(3);
    expect(faults()).toHaveLength(2);
  });
});

describe("Access at the card reader", () => {
  const log = () => bench.device.logLines.filter((line) => line.startsWith("rfid: "));

  test("presents a card like a phone's tag, and logs its result without the tag", () => {
    bench.swipe();
    expect(bench.platform.requests).toEqual([{ endpoint: "authorize", data: { tag: TAG, method: "rfid" } }]);
    expect(bench.grants).toMatchObject([{ method: "rfid" }]);
    expect(log()).toEqual(["rfid: the card …B2C3: authorized (200: authorized by the platform)"]);
  });

  test("logs no attempt over the limit", () => {
    for (let i = 0; i < 10; i++) bench.swipe("abc");
    expect(bench.access.lastResult).toContain("429");
    expect(log().filter((line) => line.includes("429"))).toEqual([]);
  });

  test("ends the session that the card has started", () => {
    const grant = { tag: bench.hashOf(TAG), tagEnd: "B2C3", method: "ble", currentA: 16 } as const;
    bench.session = { id: "0001", grant };
    bench.swipe(OTHER);
    expect(bench.stops).toBe(0);
    bench.swipe();
    expect(bench.stops).toBe(1);
    expect(bench.signals.at(-1)).toBe("ended");
    expect(log().at(-1)).toBe("rfid: the card …B2C3 ends its session");
    expect(bench.platform.countOf("authorize")).toBe(1);
  });

  test("ignores a second tap of a card in the first 15 s of its session, and signals the first result again", () => {
    const grant = { tag: bench.hashOf(TAG), tagEnd: "B2C3", method: "ble", currentA: 16 } as const;
    bench.session = { id: "0001", grant };
    bench.sessionAgeMs = 14_999;
    bench.swipe();
    expect([bench.stops, bench.signals, bench.platform.requests]).toEqual([0, ["authorized"], []]);
    expect(log()).toEqual(["rfid: the second tap of the card …B2C3 is ignored"]);
    bench.sessionAgeMs = 15_000;
    bench.swipe();
    expect(bench.stops).toBe(1);
  });

  test("begins no session with the card that has just ended one, for 15 s, nor with another of the wallet, for 3 s", () => {
    const grant = { tag: bench.hashOf(TAG), tagEnd: "B2C3", method: "ble", currentA: 16 } as const;
    bench.session = { id: "0001", grant };
    bench.device.cardReader.send(encodeUTF8(`${TAG}\r\n${OTHER}\r\n`));
    bench.advance(0);
    bench.session = undefined;
    expect([bench.stops, bench.signals]).toEqual([1, ["ended", "ended"]]);
    bench.advance(14_999);
    bench.swipe();
    expect([bench.signals.length, bench.platform.requests]).toEqual([3, []]);
    bench.swipe();
    bench.swipe(OTHER);
    expect(bench.platform.countOf("authorize")).toBe(2);
  });

  test("forgets the ended session with its owner", () => {
    const grant = { tag: bench.hashOf(TAG), tagEnd: "B2C3", method: "ble", currentA: 16 } as const;
    bench.session = { id: "0001", grant };
    bench.swipe();
    bench.session = undefined;
    bench.access.forgetOwner();
    bench.swipe();
    expect(bench.platform.countOf("authorize")).toBe(1);
  });

  test("ends no session when the owner does not want that", () => {
    const grant = { tag: bench.hashOf(TAG), tagEnd: "B2C3", method: "ble", currentA: 16 } as const;
    bench.session = { id: "0001", grant };
    bench.settings.now = { ...bench.settings.now, cardEnds: false };
    bench.swipe();
    expect(bench.stops).toBe(0);
    expect(bench.platform.countOf("authorize")).toBe(1);
  });

  test("learns a card while learning is on, and presents one that is no tag", () => {
    bench.learning.isOn = true;
    bench.swipe();
    expect([bench.learned, bench.platform.requests]).toEqual([[TAG], []]);
    bench.swipe("abc");
    expect(bench.learned).toEqual([TAG]);
    expect(bench.access.lastResult).toContain("400");
  });
});
