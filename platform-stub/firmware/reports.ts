/** Puts together what stations publish of their firmware, topic by topic (docs/protocol.md, "Telemetry"). */

import type { StationReport } from "./repository.js";

/** What has to be known of a station, and where it stands below its root. */
const FIELDS = {
  productId: "$fw/name",
  version: "$fw/version",
  updateState: "firmware/updatestate",
} as const;

type Field = keyof typeof FIELDS;

/** What a listener has to subscribe. */
export const REPORT_FILTERS: readonly string[] = Object.values(FIELDS).map(
  (topic) => `+/sweet-home/+/${topic}`,
);

const TOPIC = /^[^/]+\/sweet-home\/([^/]+)\/(.+)$/;

export class Reports {
  /** By the root of a station's topics. */
  #known = new Map<string, Partial<Record<Field, string>>>();
  #onReport: (report: StationReport) => void;

  constructor(onReport: (report: StationReport) => void) {
    this.#onReport = onReport;
  }

  /** Takes what was published; an empty text takes back what was there. */
  follow(topic: string, text: string): void {
    const [, deviceId, rest = ""] = TOPIC.exec(topic) ?? [];
    const field = (Object.keys(FIELDS) as Field[]).find((one) => FIELDS[one] === rest);
    if (deviceId === undefined || !field) return;
    const root = topic.slice(0, -rest.length);
    const known = { ...this.#known.get(root), [field]: text };
    // A station that its owner has given away leaves nothing.
    if (Object.values(known).every((value) => value === "")) this.#known.delete(root);
    else this.#known.set(root, known);
    const { productId, version, updateState } = known;
    if (!productId || !updateState || !version || !/^\d{1,10}$/.test(version)) return;
    this.#onReport({ deviceId, productId, version: Number(version), updateState });
  }
}
