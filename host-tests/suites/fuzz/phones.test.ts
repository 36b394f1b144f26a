/** Fuzzes a station with hostile phones: values, subscriptions, reads and disconnections in any order. */

import { expect, jest, test } from "@jest/globals";
import { readResult } from "../../../docs/station.js";
import { encodeUTF8 } from "../../../modules/bytes/index.js";
import { CHALLENGE_UUID, RESULT_UUID, TAG_UUID } from "../../../modules/tag-service/index.js";
import { codeOf, Scene } from "../../virtual/scene.js";
import type { CentralConnection } from "../../virtual/world/air.js";
import { fuzz, mutated } from "../../virtual/world/fuzz.js";
import { FUZZ_RUNS, type Random } from "../../virtual/world/random.js";
import { holds, same } from "./oracle.js";

type Bytes = Uint8Array<ArrayBuffer>;

const HOUR_MS = 60 * 60_000;
const SECOND_MS = 1000;
const GOOD = "GUEST-0001";
const PHONES = 3;
/** Time for limits of attempts to expire, ms. */
const PAUSE_MS = 30 * 60_000;
/** A part of each written value, to find it in the log. Tags are secrets. */
const MARK = "SeCrEt";
const VALID = [
  `${MARK}-0001`,
  `p1:abcdefghijklmnop:${MARK}${"A".repeat(16)}`,
  `p1:abcdefghijklmno1:${MARK}${"A".repeat(16)}`,
  `04:a1:b2:${MARK}`,
].map(encodeUTF8);

jest.setTimeout(2 * HOUR_MS);

type Step =
  | { readonly type: "write"; readonly phone: number; readonly value: Bytes }
  | {
      readonly type: "connect" | "disconnect" | "lose" | "subscribe" | "unsubscribe" | "read";
      readonly phone: number;
    }
  | { readonly type: "wait"; readonly ms: number }
  | { readonly type: "plug" | "unplug" };

function makeStep(random: Random): Step {
  const phone = random.int(PHONES);
  if (random.bool(0.5)) {
    const value = random.bool(0.2) ? random.bytes(random.int(random.pick([4, 60, 600]))) : random.pick(VALID);
    return {
      type: "write",
      phone,
      value: random.bool() ? mutated(random, value, [MARK, "p1:", ":"]) : value,
    };
  }
  if (random.bool(0.2)) return { type: "wait", ms: random.int(2000) };
  if (random.bool(0.03)) return { type: random.pick(["plug", "unplug"] as const) };
  return {
    type: random.pick([
      "connect",
      "connect",
      "disconnect",
      "lose",
      "subscribe",
      "unsubscribe",
      "read",
    ] as const),
    phone,
  };
}

class Phones {
  readonly scene = new Scene({ seed: 5 });
  readonly results: Bytes[] = [];
  readonly #connections: (CentralConnection | undefined)[] = [];
  /** Phones whose last request has no outcome yet: ATT allows one at a time. */
  readonly #busy = new Set<CentralConnection>();

  constructor() {
    this.scene.bringOnline();
    this.scene.plug();
  }

  play(step: Step): void {
    switch (step.type) {
      case "wait":
        this.scene.clock.advance(step.ms);
        return;
      case "plug":
        this.scene.device.vehicle.plug();
        return;
      case "unplug":
        this.scene.device.vehicle.unplug();
        return;
      case "connect":
        if (!this.#connections[step.phone]) this.#connect(step.phone);
        return;
      default: {
        const connection = this.#connections[step.phone];
        if (!connection) return;
        if (step.type === "disconnect") this.#connections[step.phone] = undefined;
        this.#use(connection, step);
      }
    }
  }

  leave(): void {
    for (const connection of this.#connections) connection?.disconnect();
  }

  #connect(phone: number): void {
    const { world, device } = this.scene;
    world.air.connect(device.mac, {
      mtu: phone === 0 ? undefined : 247,
      onConnected: (connection) => {
        this.#connections[phone] = connection;
      },
      onFailed: () => {},
      onDisconnected: () => {
        this.#connections[phone] = undefined;
      },
    });
  }

  #use(connection: CentralConnection, step: Step): void {
    if (step.type === "lose") connection.lose();
    else if (step.type === "disconnect") connection.disconnect();
    else if (!this.#busy.has(connection)) this.#ask(connection, step);
  }

  #ask(connection: CentralConnection, step: Step): void {
    const keep = (value: Bytes) => this.results.push(value);
    const done = () => this.#busy.delete(connection);
    this.#busy.add(connection);
    if (step.type === "write") connection.write(TAG_UUID, step.value, done);
    else if (step.type === "subscribe") connection.subscribe(RESULT_UUID, keep, done);
    else if (step.type === "unsubscribe") connection.unsubscribe(RESULT_UUID, done);
    else {
      connection.read(TAG_UUID, () => {});
      connection.read(CHALLENGE_UUID, () => {});
      connection.read(RESULT_UUID, ({ value }) => {
        if (value) keep(value);
        done();
      });
    }
  }
}

test(`${FUZZ_RUNS} steps of hostile phones get valid results only, leave no tag in the log, and a guest can charge`, () => {
  const phones = new Phones();
  const { scene } = phones;
  let results = 0;
  const runs = fuzz({
    seed: 121,
    make: makeStep,
    check: (step) => {
      phones.play(step);
      scene.clock.advance(70);
      same(scene.under.ends, []);
      for (const value of phones.results.splice(0)) {
        const result = readResult(value);
        holds(result !== undefined, `no valid result: ${value.join()}`);
        holds(result?.state !== "authorized", "an unknown card was authorized");
        results++;
      }
      for (const line of scene.device.logLines.splice(0))
        holds(!line.includes(MARK), `a tag is in the log: ${line}`);
    },
  });
  expect(results).toBeGreaterThan(runs / 50);
  phones.leave();
  scene.device.vehicle.unplug();
  scene.clock.advance(PAUSE_MS);
  scene.plug();
  scene.clock.advance(SECOND_MS);
  expect(codeOf(scene.present(GOOD))).toBe(200);
  const { body } = scene.manage("/log");
  expect(body).not.toContain(MARK);
});
