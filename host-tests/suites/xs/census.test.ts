/** Counts the slots of known objects on the chip's engine. */

import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { type CensusRow, takeCensus } from "../../tools/xs/census.js";
import { measureCensus, moduleErrors, readBudget } from "../../tools/xs/costs.js";
import { Engine, HOW_TO_GET_XS, isXSInstalled } from "../../tools/xs/engine.js";
import { skipFor } from "../optional.js";

/** A script in the form of a bundle: a class of the code, and `held`, which holds what is counted. */
const SCRIPT = `(() => {
  // modules/shelf/index.ts
  var Shelf = class {
    constructor() {
      this.count = 1;
    }
  };
  // firmware/station.ts
  var heldShelf;
  globalThis.hold = (make) => {
    heldShelf = make(Shelf);
  };
  globalThis.shelfOfTheCode = new Shelf();
})();`;
/** Measured slots may differ from counted ones: the script itself has closures and names. */
const NOISE_SLOTS = 25;

let engine: Engine;

/** Holds an object, and counts its slots. */
async function census(make: string): Promise<{ rows: CensusRow[]; measured: number }> {
  await engine.evaluate(SCRIPT);
  const before = await slots();
  await engine.evaluate(`hold(${make})`);
  const measured = (await slots()) - before;
  const variables = { heldShelf: "firmware/station.ts" };
  return { rows: takeCensus({ snapshot: await engine.snapshot(), script: SCRIPT, variables }), measured };
}

async function slots(): Promise<number> {
  await engine.evaluate("gc()");
  return (await engine.evaluate("gc()")).slots;
}

function shelf(instances: number, count: number): CensusRow {
  return { file: "modules/shelf/index.ts", class: "Shelf", instances, slots: count };
}

if (!isXSInstalled()) skipFor(HOW_TO_GET_XS);
else {
  beforeEach(async () => {
    engine = await Engine.start();
  });

  afterEach(() => engine.close());

  test("an instance of a class costs a slot, and one for each field", async () => {
    const { rows } = await census("(Shelf) => new Shelf()");
    expect(rows[0]).toEqual(shelf(1, 2));
  });

  test.each([
    ["a plain object", "{ a: 1, b: 2 }", 3],
    ["an array, whose elements take no slots", "[1, 2, 3]", 2],
    ["an object in an array", "[{ a: 1 }]", 4],
    ["an entry of a Map", "new Map([['a', 1]])", 7],
    ["an item of a Set", "new Set(['a'])", 6],
    ["a function of the code", "hold", 0],
  ])("%s counts where it is held", async (_what, value, cost) => {
    const { rows } = await census(`(Shelf) => Object.assign(new Shelf(), { value: ${value} })`);
    expect(rows[0]).toEqual(shelf(1, 3 + cost));
  });

  test("a closure counts where it is held, with what only it captures", async () => {
    const { rows } = await census(
      "(Shelf) => { const o = { a: 1 }; return Object.assign(new Shelf(), { f: () => o }); }",
    );
    expect(rows[0]?.slots).toBeGreaterThan(10);
    expect(rows[0]?.slots).toBeLessThan(20);
  });

  test("many objects agree with the measured number of slots", async () => {
    const { rows, measured } = await census(
      "(Shelf) => Array.from({ length: 100 }, (_, i) => Object.assign(new Shelf(), { f: () => i, m: new Map([[i, {}]]) }))",
    );
    const sum = rows.reduce((total, row) => total + row.slots, 0);
    expect(rows[0]?.instances).toBe(100);
    expect(Math.abs(measured - sum)).toBeLessThan(NOISE_SLOTS);
  });

  test("an online station's slots are counted except for a few of the engine, and each module stays within its budget", async () => {
    const { rows, otherSlots } = await measureCensus(engine);
    expect(rows.find((row) => row.class === "MQTTClient")).toMatchObject({
      file: "modules/mqtt/client.ts",
      instances: 1,
    });
    expect(Math.abs(otherSlots)).toBeLessThan(100);
    expect(moduleErrors({ rows }, readBudget())).toEqual([]);
  });
}
