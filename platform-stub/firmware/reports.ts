/** Combines the topics that a station publishes on its firmware to reports (docs/protocol.md, "Telemetry"). */

import type { StationReport } from "./repository.js";

/** Topics of a report's fields, below the station's root. */
const FIELDS = {
  productId: "$fw/name",
  version: "$fw/version",
  updateState: "firmware/updatestate",
} as const;

type Field = keyof typeof FIELDS;

/** Topic filters that a client has to subscribe to. A root topic of several levels needs separate filters. */
export function reportFilters(deepRoots: readonly string[] = []): string[] {
  return ["+", ...deepRoots].flatMap((root) =>
    Object.values(FIELDS).map((topic) => `${root}/sweet-home/+/${topic}`),
  );
}

const TOPIC = /^(.+?)\/sweet-home\/([^/]+)\/(.+)$/;

/** Collects the fields of each station and reports them once all are known. */
export class Reports {
  /** Known fields by the root of a station's topics. */
  readonly #known = new Map<string, Partial<Record<Field, string>>>();
  readonly #onReport: (report: StationReport) => void;
  readonly #isOwn: (deviceId: string, userTopic: string) => boolean;

  /** @param isOwn Whether a station publishes on a user's topics. Default: any station may on any. */
  constructor(
    onReport: (report: StationReport) => void,
    isOwn: (deviceId: string, userTopic: string) => boolean = () => true,
  ) {
    this.#onReport = onReport;
    this.#isOwn = isOwn;
  }

  /** Receives a published message. An empty text removes the field. */
  receive(topic: string, text: string): void {
    const [, userTopic = "", deviceId, rest = ""] = TOPIC.exec(topic) ?? [];
    const field = (Object.keys(FIELDS) as Field[]).find((one) => FIELDS[one] === rest);
    if (deviceId === undefined || !field || !this.#isOwn(deviceId, userTopic)) return;
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
