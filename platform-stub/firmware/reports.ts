/** Combines the topics that a station publishes on its firmware to reports (docs/protocol.md, "Telemetry"). */

import type { StationReport } from "./repository.js";

/** Topics of a report's fields, below the station's root. */
const FIELDS = {
  productId: "$fw/name",
  version: "$fw/version",
  updateState: "firmware/updatestate",
} as const;

type Field = keyof typeof FIELDS;

/** Topic filters that a client has to subscribe to. */
export const REPORT_FILTERS: readonly string[] = Object.values(FIELDS).map(
  (topic) => `+/sweet-home/+/${topic}`,
);

const TOPIC = /^[^/]+\/sweet-home\/([^/]+)\/(.+)$/;

/** Collects the fields of each station and reports them once all are known. */
export class Reports {
  /** Known fields by the root of a station's topics. */
  readonly #known = new Map<string, Partial<Record<Field, string>>>();
  readonly #onReport: (report: StationReport) => void;

  constructor(onReport: (report: StationReport) => void) {
    this.#onReport = onReport;
  }

  /** Receives a published message. An empty text removes the field. */
  receive(topic: string, text: string): void {
    const [, deviceId, rest = ""] = TOPIC.exec(topic) ?? [];
    const field = (Object.keys(FIELDS) as Field[]).find((one) => FIELDS[one] === rest);
    if (deviceId === undefined || !field) return;
    const root = topic.slice(0, -rest.length);
    const known = { ...this.#known.get(root), [field]: text };
    // A transferred station removes all its fields from the previous owner's topics.
    if (Object.values(known).every((value) => value === "")) this.#known.delete(root);
    else this.#known.set(root, known);
    const { productId, version, updateState } = known;
    if (!productId || !updateState || !version || !/^\d{1,10}$/.test(version)) return;
    this.#onReport({ deviceId, productId, version: Number(version), updateState });
  }
}
