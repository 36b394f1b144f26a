import { beforeEach, describe, expect, test } from "@jest/globals";
import {
  AUTHORIZED,
  Bench,
  RADIO_MS,
  REJECTED,
  TAG,
} from "../../host-tests/suites/units/tag-service-bench.js";

let bench: Bench;

beforeEach(() => {
  bench = new Bench();
});

describe("TagService's idle phones", () => {
  const ENDED = ["the peripheral disconnected"];

  test("are disconnected 10 s after the connection without a write", () => {
    const phone = bench.connect();
    bench.advance(10_000 - 2 * RADIO_MS);
    expect(phone.ends).toEqual([]);
    bench.advance(RADIO_MS + 100);
    expect(phone.ends).toEqual(ENDED);
  });

  test("are disconnected 20 s after the final result", () => {
    const phone = bench.connect();
    bench.write(phone, TAG);
    bench.answer(REJECTED);
    bench.advance(20_000 - RADIO_MS - 1);
    expect(phone.ends).toEqual([]);
    bench.advance(100);
    expect(phone.ends).toEqual(ENDED);
  });

  test("are not disconnected while an attempt runs, also if a second write was answered meanwhile", () => {
    const phone = bench.connect();
    bench.write(phone, TAG);
    bench.write(phone, TAG);
    bench.answer(REJECTED);
    bench.advance(60_000);
    expect(phone.ends).toEqual([]);
    bench.answer(AUTHORIZED);
    bench.advance(20_000);
    expect(phone.results.at(-1)).toMatchObject({ state: "authorized" });
    expect(phone.ends).toEqual(ENDED);
  });

  test("are disconnected after 2 minutes, though they go on writing", () => {
    const phone = bench.connect();
    for (let i = 0; i < 11; i++) {
      bench.write(phone, "abc");
      bench.answer(REJECTED);
      bench.advance(9500);
    }
    expect(phone.ends).toEqual([]);
    bench.write(phone, "abc");
    bench.answer(REJECTED);
    bench.advance(9500);
    expect(phone.results).toHaveLength(24);
    expect(phone.ends).toEqual(ENDED);
  });

  test("receive the result of an attempt that ends after 2 minutes before they are disconnected", () => {
    const phone = bench.connect();
    bench.write(phone, TAG);
    bench.advance(3 * 60_000);
    bench.answer(AUTHORIZED);
    expect(bench.readResult(phone)).toMatchObject({ state: "authorized" });
    bench.advance(2000);
    expect(phone.ends).toEqual(ENDED);
  });

  test("leave no timer behind when they disconnect or the service is closed", () => {
    const phone = bench.connect();
    phone.connection.disconnect();
    bench.connect();
    bench.service.close();
    bench.advance(RADIO_MS);
    expect(bench.world.clock.pending).toBe(0);
  });
});
