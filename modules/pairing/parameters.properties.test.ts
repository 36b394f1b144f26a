import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  candidateFormat,
  fieldsOf,
  missingFields,
  pairingFields,
  pairingFormat,
  parseParameters,
  problemOfPart,
} from "./parameters.js";

fc.configureGlobal({ seed: 1 });

const NAMES = ["ssid", "psk", "wsp", "token", "host", "brport", "mqtts_port", "rootTopic", "security"];
const text = fc.string({ unit: "binary", maxLength: 140 });
const label = fc.stringMatching(/^[A-Za-z0-9]([A-Za-z0-9-]{0,10}[A-Za-z0-9])?$/);
const port = fc.integer({ min: 1, max: 65_535 }).map(String);

/** Values that are valid more often than a random text. */
const VALUES: Readonly<Record<string, fc.Arbitrary<string>>> = {
  ssid: fc.oneof(fc.string({ minLength: 1, maxLength: 32 }), text),
  psk: fc.oneof(fc.constant(""), fc.string({ minLength: 8, maxLength: 63 }), text),
  wsp: fc.oneof(fc.emailAddress({ size: "small" }), text),
  token: fc.oneof(fc.string({ minLength: 1, maxLength: 128 }), text),
  host: fc.oneof(
    fc.array(label, { minLength: 1, maxLength: 5 }).map((labels) => labels.join(".")),
    text,
  ),
  brport: fc.oneof(port, text),
  mqtts_port: fc.oneof(port, text),
  rootTopic: fc.oneof(label, text),
  security: fc.oneof(fc.constant("tls"), text),
};
const anyFields = fc.record(VALUES, { requiredKeys: [] }).map(mapOf);
const complete = fc
  .record(VALUES, { requiredKeys: ["ssid", "psk", "wsp", "token", "host", "brport"] })
  .map(mapOf);
const options = fc.record({ wifi: fc.boolean() });

function mapOf(record: object): Map<string, string> {
  return new Map(Object.entries(record));
}

describe("parseParameters with any fields", () => {
  test("returns parameters that fields, record and parser keep as they are", () => {
    let accepted = 0;
    fc.assert(
      fc.property(complete, options, (fields, board) => {
        const parsed = parseParameters(fields, board);
        if (!parsed.ok) return;
        accepted++;
        expect(parseParameters(fieldsOf(parsed.parameters), board)).toEqual(parsed);
        const written = JSON.parse(JSON.stringify(pairingFormat.format(parsed.parameters)));
        expect(pairingFormat.parse(written, 1)).toEqual(parsed.parameters);
      }),
      { numRuns: 500 },
    );
    expect(accepted).toBeGreaterThan(0);
  });

  test("names a field of the protocol in its error", () => {
    fc.assert(
      fc.property(anyFields, options, (fields, board) => {
        const parsed = parseParameters(fields, board);
        if (!parsed.ok) expect(NAMES.some((name) => parsed.message.includes(name))).toBe(true);
      }),
    );
  });

  test("puts no given value into its error", () => {
    fc.assert(
      fc.property(fc.constantFrom(...NAMES), fc.stringMatching(/^[<>]{3}[^0-9]{0,140}$/), (name, secret) => {
        const problem = problemOfPart(new Map([[name, secret]]));
        expect(problem?.includes(secret) ?? false).toBe(false);
      }),
    );
  });

  test("accepts complete fields exactly when their parts are valid", () => {
    fc.assert(
      fc.property(complete, (fields) => {
        const used = [...fields].filter(([name]) => name !== "brport" || !fields.has("mqtts_port"));
        const hasPort = !fields.has("security") || fields.has("mqtts_port");
        const areValid = hasPort && used.every((field) => problemOfPart(new Map([field])) === undefined);
        expect(parseParameters(fields, { wifi: true }).ok).toBe(areValid);
      }),
      { numRuns: 500 },
    );
  });

  test("reports missing fields before any other error", () => {
    fc.assert(
      fc.property(anyFields, options, (fields, board) => {
        const missing = missingFields(fields, board);
        const parsed = parseParameters(fields, board);
        if (missing.length > 0)
          expect(parsed).toEqual({ ok: false, message: `missing: ${missing.join(", ")}` });
        else if (!parsed.ok) expect(parsed.message).not.toContain("missing");
      }),
    );
  });
});

describe("the records of pairing", () => {
  test("refuse or repair any JSON without an exception", () => {
    const json = fc.dictionary(
      fc.oneof(fc.constantFrom(...NAMES, "email", "port", "tls", "fields"), fc.string()),
      fc.jsonValue(),
    );
    fc.assert(
      fc.property(json, (fields) => {
        const parameters = pairingFormat.parse(fields as never, 1);
        if (parameters) expect(pairingFormat.parse(pairingFormat.format(parameters), 1)).toEqual(parameters);
        const candidate = candidateFormat.parse(fields as never, 1);
        if (candidate) expect(pairingFields(candidate.fields)).toEqual(candidate.fields);
      }),
    );
  });

  test("return any candidate as it was written", () => {
    fc.assert(
      fc.property(anyFields, fc.boolean(), (fields, isTried) => {
        const written = JSON.parse(JSON.stringify(candidateFormat.format({ fields, isTried })));
        expect(candidateFormat.parse(written, 1)).toEqual({ fields, isTried });
      }),
    );
  });
});
