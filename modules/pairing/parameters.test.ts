import { describe, expect, test } from "@jest/globals";
import type { JSONObject } from "../json/index.js";
import {
  candidateFormat,
  type Fields,
  fieldsOf,
  missingFields,
  pairingFields,
  pairingFormat,
  parseParameters,
  problemOfPart,
} from "./parameters.js";

const VALID = {
  ssid: "Café",
  psk: "12345678",
  wsp: "owner@cafe.example",
  token: "secret-token",
  host: "broker.example",
  brport: "1883",
};
const PARAMETERS = {
  wifi: { ssid: "Café", password: "12345678" },
  email: "owner@cafe.example",
  token: "secret-token",
  host: "broker.example",
  port: 1883,
  tls: false,
};
const WIFI = { wifi: true };

/** Returns the valid fields with changes; an undefined value removes a field. */
function fields(change: Readonly<Record<string, string | undefined>> = {}): Fields {
  const all: [string, string | undefined][] = Object.entries({ ...VALID, ...change });
  return new Map(all.filter((field): field is [string, string] => field[1] !== undefined));
}

function messageOf(change: Readonly<Record<string, string | undefined>>): string | undefined {
  const parsed = parseParameters(fields(change), WIFI);
  return parsed.ok ? undefined : parsed.message;
}

describe("parseParameters", () => {
  test("returns the parameters of valid fields", () => {
    expect(parseParameters(fields(), WIFI)).toEqual({ ok: true, parameters: PARAMETERS });
  });

  test("connects with TLS when mqtts_port is given, also without brport", () => {
    for (const brport of [undefined, "1883", "no port"]) {
      const parsed = parseParameters(fields({ brport, mqtts_port: "8883" }), WIFI);
      expect(parsed).toEqual({ ok: true, parameters: { ...PARAMETERS, port: 8883, tls: true } });
    }
  });

  test("requires mqtts_port where security is tls", () => {
    expect(messageOf({ security: "tls" })).toBe("missing: mqtts_port");
    expect(messageOf({ security: "tls", brport: undefined })).toBe("missing: mqtts_port");
    expect(messageOf({ security: "tls", mqtts_port: "8883" })).toBeUndefined();
    expect(messageOf({ security: "none" })).toBe("security must be tls");
    expect(problemOfPart(new Map([["security", "tls"]]))).toBeUndefined();
    expect(problemOfPart(new Map([["security", "none"]]))).toBe("security must be tls");
  });

  test("takes an empty rootTopic as none, and trims the e-mail address", () => {
    expect(parseParameters(fields({ rootTopic: "" }), WIFI)).toEqual({ ok: true, parameters: PARAMETERS });
    expect(parseParameters(fields({ wsp: " owner@cafe.example\n" }), WIFI)).toEqual({
      ok: true,
      parameters: PARAMETERS,
    });
  });

  test("ignores Wi-Fi fields on Ethernet, even invalid ones", () => {
    const { wifi: _wifi, ...parameters } = PARAMETERS;
    for (const ssid of [undefined, "", "x".repeat(99)]) {
      expect(parseParameters(fields({ ssid, psk: undefined }), { wifi: false })).toEqual({
        ok: true,
        parameters,
      });
    }
  });

  test("names all missing fields", () => {
    expect(parseParameters(new Map(), WIFI)).toEqual({
      ok: false,
      message: "missing: ssid, psk, wsp, token, host, brport",
    });
  });

  test.each<[string, Record<string, string>]>([
    ["an ssid of 1 byte", { ssid: "x" }],
    ["an ssid of 32 bytes", { ssid: "é".repeat(16) }],
    ["an open network", { psk: "" }],
    ["a password of 8 bytes", { psk: "éééé" }],
    ["a password of 63 bytes", { psk: "x".repeat(63) }],
    ["an address of 128 bytes", { wsp: `${"x".repeat(126)}@b` }],
    ["a token of 128 bytes", { token: "é".repeat(64) }],
    ["an IPv4 address", { host: "192.168.1.2" }],
    ["a host with labels of 63 characters", { host: `${"x".repeat(63)}.${"y".repeat(63)}` }],
    ["a host of one character", { host: "x" }],
    ["a host with hyphens", { host: "a--b.c-d" }],
    ["the port 1", { brport: "1" }],
    ["the port 65535", { brport: "65535" }],
    ["a port with leading zeros", { brport: "00080" }],
    ["a root topic with levels", { rootTopic: "a/b c/ü" }],
    ["a root topic of 64 bytes", { rootTopic: "x".repeat(64) }],
    ["a dollar sign inside the root topic", { rootTopic: "a$" }],
  ])("accepts %s", (_name, change) => {
    expect(messageOf(change)).toBeUndefined();
  });

  test.each<[string, string, string]>([
    ["ssid", "", "ssid must be 1-32 bytes"],
    ["ssid", "x".repeat(33), "ssid must be 1-32 bytes"],
    ["ssid", `${"é".repeat(16)}x`, "ssid must be 1-32 bytes"],
    ["psk", "1234567", "psk must be empty or 8-63 bytes"],
    ["psk", "x".repeat(64), "psk must be empty or 8-63 bytes"],
    ["wsp", "", "wsp must be an e-mail address"],
    ["wsp", "owner", "wsp must be an e-mail address"],
    ["wsp", "@b", "wsp must be an e-mail address"],
    ["wsp", "a@", "wsp must be an e-mail address"],
    ["wsp", "a@b@c", "wsp must be an e-mail address"],
    ["wsp", "a b@c", "wsp must be an e-mail address"],
    ["wsp", `${"x".repeat(127)}@b`, "wsp must be an e-mail address"],
    ["token", "", "token must be 1-128 bytes"],
    ["token", "x".repeat(129), "token must be 1-128 bytes"],
    ["host", "", "host must be"],
    ["host", "a..b", "host must be"],
    ["host", ".a", "host must be"],
    ["host", "-a", "host must be"],
    ["host", "a-", "host must be"],
    ["host", "a_b", "host must be"],
    ["host", "a b", "host must be"],
    ["host", "bröker", "host must be"],
    ["host", "mqtt://a", "host must be"],
    ["host", "x".repeat(64), "host must be"],
    ["host", `${"x".repeat(63)}.${"y".repeat(63)}.z`, "host must be"],
    ["brport", "", "brport must be a port, 1-65535"],
    ["brport", "0", "brport must be a port, 1-65535"],
    ["brport", "65536", "brport must be a port, 1-65535"],
    ["brport", "-1", "brport must be a port, 1-65535"],
    ["brport", "1e3", "brport must be a port, 1-65535"],
    ["brport", "0x10", "brport must be a port, 1-65535"],
    ["brport", "000080", "brport must be a port, 1-65535"],
    ["brport", " 80", "brport must be a port, 1-65535"],
    ["mqtts_port", "", "mqtts_port must be a port, 1-65535"],
    ["rootTopic", "a/+", "rootTopic must be"],
    ["rootTopic", "a#", "rootTopic must be"],
    ["rootTopic", "/a", "rootTopic must be"],
    ["rootTopic", "a//b", "rootTopic must be"],
    ["rootTopic", "$SYS/a", "rootTopic must be"],
    ["rootTopic", "a\u0000", "rootTopic must be"],
    ["rootTopic", "a\u001f", "rootTopic must be"],
    ["rootTopic", "\u007fa", "rootTopic must be"],
    ["rootTopic", "a\u009f", "rootTopic must be"],
    ["rootTopic", "x".repeat(65), "rootTopic must be"],
  ])("refuses the %s %j: %s", (name, value, message) => {
    expect(messageOf({ [name]: value })).toContain(message);
  });

  test("accepts a space and U+00A0 in the root topic, which are no control characters", () => {
    expect(messageOf({ rootTopic: "a b\u00a0c~" })).toBeUndefined();
  });
});

describe("missingFields", () => {
  test("names no field that is given", () => {
    expect(missingFields(fields(), WIFI)).toEqual([]);
    expect(missingFields(fields({ host: undefined }), WIFI)).toEqual(["host"]);
  });

  test("requires no brport beside mqtts_port", () => {
    expect(missingFields(fields({ brport: undefined }), WIFI)).toEqual(["brport"]);
    expect(missingFields(fields({ brport: undefined, mqtts_port: "8883" }), WIFI)).toEqual([]);
  });

  test("requires no Wi-Fi fields on Ethernet", () => {
    expect(missingFields(new Map(), { wifi: false })).toEqual(["wsp", "token", "host", "brport"]);
  });
});

describe("problemOfPart", () => {
  test("accepts a valid subset of the fields, and no field", () => {
    expect(problemOfPart(new Map([["host", "broker.example"]]))).toBeUndefined();
    expect(problemOfPart(new Map())).toBeUndefined();
  });

  test("returns the error of the invalid field", () => {
    expect(problemOfPart(new Map([["psk", "short"]]))).toContain("psk must be");
    expect(problemOfPart(new Map([["mqtts_port", "0"]]))).toContain("mqtts_port must be");
  });
});

describe("pairingFields", () => {
  test("keeps the fields of the protocol and drops others", () => {
    const known = fields({ mqtts_port: "8883", rootTopic: "a" });
    expect(pairingFields(new Map([...known, ["deviceId", "x"], ["toString", "y"]]))).toEqual(known);
  });
});

describe("fieldsOf", () => {
  test.each<[string, Record<string, string | undefined>]>([
    ["a plain port", {}],
    ["TLS", { brport: undefined, mqtts_port: "8883" }],
    ["a root topic", { rootTopic: "a/b" }],
  ])("is the inverse of parseParameters with %s", (_name, change) => {
    const parsed = parseParameters(fields(change), WIFI);
    if (!parsed.ok) throw new Error(parsed.message);
    expect(fieldsOf(parsed.parameters)).toEqual(fields(change));
  });

  test("returns no Wi-Fi fields of Ethernet parameters", () => {
    const { wifi: _wifi, ...parameters } = PARAMETERS;
    expect([...fieldsOf(parameters).keys()]).toEqual(["wsp", "token", "host", "brport"]);
  });
});

describe("the record pairing", () => {
  const RECORD = pairingFormat.format(PARAMETERS);

  test("is read as it was written", () => {
    const written = JSON.parse(JSON.stringify(RECORD));
    expect(pairingFormat.parse(written, 1)).toEqual(PARAMETERS);
    expect([pairingFormat.key, pairingFormat.version]).toEqual(["pairing", 1]);
  });

  test("of a station with Ethernet has no Wi-Fi network", () => {
    const { wifi: _wifi, ...parameters } = PARAMETERS;
    const written = JSON.parse(JSON.stringify(pairingFormat.format(parameters)));
    expect(pairingFormat.parse(written, 1)).toEqual(parameters);
  });

  test("reads a network without a password as an open one, and a missing tls as plain", () => {
    const read = pairingFormat.parse({ ...RECORD, psk: undefined, tls: undefined }, 1);
    expect(read).toMatchObject({ wifi: { ssid: "Café", password: "" }, tls: false });
  });

  test.each<[JSONObject]>([
    [{ email: undefined }],
    [{ email: 5 }],
    [{ token: undefined }],
    [{ token: "" }],
    [{ host: undefined }],
    [{ host: "a b" }],
    [{ port: undefined }],
    [{ port: 0 }],
    [{ port: 65_536 }],
    [{ port: 1.5 }],
    [{ port: "1883" }],
    [{ psk: "short" }],
    [{ rootTopic: "a/#" }],
  ])("refuses %j", (change) => {
    expect(pairingFormat.parse({ ...RECORD, ...change }, 1)).toBeUndefined();
  });
});

describe("the record candidate", () => {
  const failure = { code: "wifi-not-found", message: "no Wi-Fi network" } as const;

  test.each([{ isTried: true }, { isTried: false, failure }])("is read as it was written: %j", (rest) => {
    const candidate = { fields: fields(), ...rest };
    const written = JSON.parse(JSON.stringify(candidateFormat.format(candidate)));
    expect(candidateFormat.parse(written, 1)).toEqual(candidate);
    expect([candidateFormat.key, candidateFormat.version]).toEqual(["candidate", 1]);
  });

  test("drops unknown fields, values that are no text, and an invalid failure", () => {
    const stored = {
      fields: { host: "a", brport: 1883, other: "x" },
      isTried: 1,
      failure: { code: "other", message: "x" },
    };
    expect(candidateFormat.parse(stored, 1)).toEqual({ fields: new Map([["host", "a"]]), isTried: false });
  });

  test.each([undefined, null, 5, "x", []])("is refused with the fields %j", (value) => {
    expect(candidateFormat.parse({ fields: value, isTried: true }, 1)).toBeUndefined();
  });
});
