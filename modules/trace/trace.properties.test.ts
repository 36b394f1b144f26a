import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { VirtualClock } from "../../host-tests/virtual/world/clock.js";
import { encodeUTF8 } from "../bytes/index.js";
import { Trace, type TraceEvent } from "./index.js";

fc.configureGlobal({ seed: 1 });

/** Maximum length of a report as JSON, bytes. An outbox has room for 16,384 bytes. */
const MAX_REPORT_BYTES = 2560;
/** Number of rows in a report, the start included. */
const MAX_EVENTS = 33;

const events: readonly TraceEvent[] = ["lifeCycle", "invalidAnswer", "subscriptionRefused", "update"];
const added = fc.record({
  event: fc.constantFrom(...events),
  detail: fc.oneof(fc.integer(), fc.double(), fc.constant(undefined)),
  delayMs: fc.nat(100_000),
});

test("a report is bounded, in the order of time, and counts each event, whatever is added", () => {
  fc.assert(
    fc.property(fc.array(added, { maxLength: 200 }), (list) => {
      const clock = new VirtualClock();
      const trace = new Trace({ clock, resetReason: { type: "power" } });
      for (const { event, detail, delayMs } of list) {
        clock.advance(delayMs);
        trace.add(event, detail);
      }
      const report = trace.report();
      expect(encodeUTF8(JSON.stringify(report)).length).toBeLessThan(MAX_REPORT_BYTES);
      expect(report.events.length).toBeLessThanOrEqual(MAX_EVENTS);
      const seconds = report.events.map(([second]) => second);
      expect(seconds).toEqual([...seconds].sort((a, b) => Number(a) - Number(b)));
      const total = Object.values(report.counters).reduce((sum, count) => sum + count, 0);
      expect(total).toBe(list.length);
      const latest = list.at(-1);
      if (latest) expect(report.events.at(-1)?.slice(1, 3)).toEqual([latest.event, latest.detail]);
    }),
  );
});
