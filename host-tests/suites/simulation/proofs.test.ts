/** Cards that cannot be copied (docs/protocol.md, section 3), with a phone, a station and a platform in virtual time. */

import { beforeEach, describe, expect, test } from "@jest/globals";
import { encodeBase64URL } from "../../../modules/bytes/index.js";
import { usernameOf as hashOf } from "../../../platform-stub/accounts.js";
import { codeOf, type Presentation, Scene } from "../../virtual/scene.js";

const CARD_ID = "ka5tqgx2m7bd4wzn";
const SECRET = Uint8Array.from({ length: 32 }, (_, i) => 32 + i);
const CARD = { cardId: CARD_ID, secret: encodeBase64URL(SECRET) };
const UNKNOWN = { cardId: "a".repeat(16), secret: CARD.secret };
const FORGED = { cardId: CARD_ID, secret: encodeBase64URL(SECRET.map((byte) => byte ^ 1)) };

let scene: Scene;

beforeEach(() => {
  scene = new Scene();
  scene.platform.tags.set(CARD_ID, { authorized: true });
  scene.platform.proofCards.secrets.set(CARD_ID, SECRET);
});

function bringOnline(options: Record<string, unknown> = {}): void {
  scene.setOptions(options);
  scene.bringOnline();
  scene.plug();
}

function isConfirmed({ outcome }: Presentation): boolean | undefined {
  return outcome && "result" in outcome ? outcome.isConfirmed : undefined;
}

/** Ends the session, and plugs the next vehicle in. */
function plugNext(under = scene.under): void {
  under.device.vehicle.unplug();
  scene.clock.advance(5000);
  scene.plug(under);
}

describe("a card that cannot be copied", () => {
  test("is authorized with a receipt of the platform, and its session has the card id's hash", () => {
    bringOnline();
    const presentation = scene.present(CARD);
    expect([codeOf(presentation), isConfirmed(presentation)]).toEqual([200, true]);
    scene.until("current flows", () => scene.device.vehicle.isCharging);
    plugNext();
    expect([...scene.platform.sessions.values()]).toMatchObject([{ tag: hashOf(CARD_ID), method: "ble" }]);
  });

  test("is refused with a receipt when it is blocked, and without one when its proof is wrong", () => {
    bringOnline();
    scene.platform.tags.set(CARD_ID, { authorized: false, reason: "blocked" });
    const blocked = scene.present(CARD);
    expect([codeOf(blocked), isConfirmed(blocked)]).toEqual([403, true]);
    for (const card of [FORGED, UNKNOWN]) {
      const refused = scene.present(card);
      expect([codeOf(refused), isConfirmed(refused)]).toEqual([403, false]);
    }
  });

  test("is refused by its number, and a plain card is refused by a proof", () => {
    bringOnline();
    expect(codeOf(scene.present(CARD_ID))).toBe(403);
    scene.platform.proofCards.secrets.clear();
    expect(codeOf(scene.present(CARD))).toBe(403);
    expect(scene.device.vehicle.isContactorClosed).toBe(false);
  });

  test("gets no receipt when the answer is changed on its way", () => {
    bringOnline();
    scene.platform.intercept = (response, request) => [
      scene.platform.respond(request, { authorized: true, receipt: "0".repeat(16) }),
      ...(request.endpoint === "authorize" ? [] : [response]),
    ];
    expect(isConfirmed(scene.present(CARD))).toBe(false);
  });
});

describe("a recorded proof", () => {
  test("is refused on another connection at once, for the next vehicle, and an hour later", () => {
    bringOnline();
    const { written = "" } = scene.present(CARD);
    expect(written).toMatch(/^p1:ka5tqgx2m7bd4wzn:/);
    plugNext();
    expect(codeOf(scene.present(written))).toBe(403);
    scene.clock.advance(60 * 60_000);
    expect(codeOf(scene.present(written))).toBe(403);
    expect(scene.device.vehicle.isContactorClosed).toBe(false);
    expect(codeOf(scene.present(CARD))).toBe(200);
  });

  test("is refused at another station", () => {
    const other = scene.addStation();
    bringOnline();
    scene.bringOnline(other);
    scene.plug(other);
    const { written = "" } = scene.present(CARD);
    expect(codeOf(scene.present(written, other))).toBe(403);
    expect(other.device.vehicle.isContactorClosed).toBe(false);
  });

  test("is refused after a restart of the station", () => {
    bringOnline();
    const { written = "" } = scene.present(CARD);
    scene.under.powerCycle();
    scene.until("the station is online", () => scene.under.station?.lifeCycle === "online");
    plugNext();
    expect(codeOf(scene.present(written))).toBe(403);
  });

  test("is refused without the platform, where the card itself is authorized from the local list", () => {
    scene.platform.list = { version: 1, tags: [hashOf(CARD_ID)] };
    bringOnline({ offlinePolicy: "list-and-cache" });
    const { written = "" } = scene.present(CARD);
    plugNext();
    scene.broker.stop();
    scene.clock.advance(5000);
    expect(codeOf(scene.present(written))).not.toBe(200);
    expect(codeOf(scene.present(CARD_ID))).not.toBe(200);
    expect(codeOf(scene.present(FORGED))).not.toBe(200);
    expect(scene.device.vehicle.isContactorClosed).toBe(false);
    const offline = scene.present(CARD);
    expect([codeOf(offline), isConfirmed(offline)]).toEqual([200, false]);
  });
});

describe("a station without its platform", () => {
  test("refuses a listed card after its secret was replaced", () => {
    scene.platform.list = { version: 1, tags: [hashOf(CARD_ID)] };
    bringOnline({ offlinePolicy: "list" });
    scene.platform.proofCards.secrets.set(CARD_ID, new Uint8Array(32));
    scene.platform.list = { version: 2, tags: [hashOf(CARD_ID)] };
    scene.broker.stop();
    scene.clock.advance(5000);
    scene.broker.start();
    scene.until("the station is online", () => scene.station.lifeCycle === "online");
    scene.clock.advance(10_000);
    scene.broker.stop();
    scene.clock.advance(5000);
    expect(codeOf(scene.present(CARD))).toBe(503);
  });
});
