/** Cards that cannot be copied, at a station without its platform, and beside plain tags (docs/protocol.md, section 3). */

import { beforeEach, describe, expect, test } from "@jest/globals";
import { sha256 } from "@noble/hashes/sha2.js";
import type { ProofCard } from "../../../docs/station.js";
import { decodeBase64URL, encodeHex, encodeUTF8 } from "../../../modules/bytes/index.js";
import { codeOf, Scene } from "../../virtual/scene.js";

const CARD: ProofCard = {
  cardId: "ka5tqgx2m7bd4wzn",
  secret: "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8",
};
const FORGED: ProofCard = { ...CARD, secret: `A${CARD.secret.slice(1)}` };
const PLAIN = "GUEST-0001";

let scene: Scene;

function hashOf(tag: string): string {
  return encodeHex(Uint8Array.from(sha256(encodeUTF8(tag))));
}

function arrive(): void {
  scene.device.vehicle.unplug();
  scene.clock.advance(20_000);
  scene.plug();
}

beforeEach(() => {
  scene = new Scene();
  scene.bringOnline();
  scene.platform.tags.set(CARD.cardId, { authorized: true, cacheFor: 3600 });
  scene.platform.proofCards.secrets.set(CARD.cardId, decodeBase64URL(CARD.secret) ?? new Uint8Array());
  scene.plug();
});

describe("a card that cannot be copied", () => {
  test("is logged with at most the last four characters of its id", () => {
    scene.present(CARD);
    arrive();
    scene.present(FORGED);
    const log = scene.device.logLines.join("\n");
    expect(log).toContain("…4wzn");
    expect(log).not.toContain(CARD.cardId);
  });

  test("is accepted while plain tags are refused", () => {
    scene.set("$options/static-cards", "none");
    scene.clock.advance(1000);
    expect(codeOf(scene.present(PLAIN))).toBe(403);
    expect(scene.platform.requests.filter(({ endpoint }) => endpoint === "authorize")).toEqual([]);
    expect(codeOf(scene.present(CARD))).toBe(200);
  });
});

describe("a card that cannot be copied, without the platform", () => {
  function goOffline(policy: string, tags: readonly string[]): void {
    scene.platform.list = { version: 3, tags: tags.map(hashOf) };
    scene.set("access/offline-policy", policy);
    scene.clock.advance(10_000);
    scene.broker.stop();
    scene.clock.advance(5000);
    arrive();
  }

  test("is authorized by its key on the local list, without a receipt, also after a power cut", () => {
    goOffline("list", [PLAIN, CARD.cardId]);
    const presented = scene.present(CARD);
    expect(codeOf(presented)).toBe(200);
    expect(presented.outcome).toMatchObject({ isConfirmed: false });
    scene.device.vehicle.unplug();
    scene.under.powerCycle();
    scene.clock.advance(30_000);
    scene.plug();
    expect(codeOf(scene.present(CARD))).toBe(200);
  });

  test("is not authorized by its public id or by another secret", () => {
    goOffline("list-and-cache", [CARD.cardId]);
    expect([CARD.cardId, FORGED].map((tag) => codeOf(scene.present(tag)))).toEqual([503, 503]);
    expect(codeOf(scene.present(CARD))).toBe(200);
  });

  test("is not authorized by the cache, neither by its proof nor by its public id", () => {
    expect(codeOf(scene.present(CARD))).toBe(200);
    goOffline("list-and-cache", []);
    expect([CARD, CARD.cardId].map((tag) => codeOf(scene.present(tag)))).toEqual([503, 503]);
  });
});
