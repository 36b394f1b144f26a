import { describe, expect, test } from "@jest/globals";
import { VirtualClock } from "../../host-tests/virtual/world/clock.js";
import { TokenBucket } from "./index.js";

function makeBucket() {
  const clock = new VirtualClock();
  clock.advance(12_345);
  return { clock, bucket: new TokenBucket({ clock, capacity: 3, refillMs: 1000 }) };
}

describe("TokenBucket", () => {
  test("is empty when its capacity is taken", () => {
    const { bucket } = makeBucket();
    const seen = [bucket.isEmpty];
    for (let i = 0; i < 3; i++) {
      bucket.take();
      seen.push(bucket.isEmpty);
    }
    expect(seen).toEqual([false, false, false, true]);
  });

  test("gets a token back after each refill time, up to its capacity", () => {
    const { clock, bucket } = makeBucket();
    for (let i = 0; i < 3; i++) bucket.take();
    clock.advance(999);
    expect([bucket.isEmpty, bucket.taken]).toEqual([true, 3]);
    clock.advance(1);
    expect([bucket.isEmpty, bucket.taken]).toEqual([false, 2]);
    clock.advance(1_000_000);
    expect(bucket.taken).toBe(0);
    bucket.take();
    expect(bucket.taken).toBe(1);
  });
});
