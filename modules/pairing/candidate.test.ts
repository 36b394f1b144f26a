import { beforeEach, describe, expect, test } from "@jest/globals";
import { VirtualClock } from "../../host-tests/virtual/world/clock.js";
import type { MQTTFailure } from "../mqtt/index.js";
import type { LinkState } from "../network/index.js";
import { Candidate } from "./candidate.js";
import { BROKER_CODES, type PairingFailure, parseFailure } from "./failure.js";

const DEADLINE_MS = 110_000;
const PARAMETERS = {
  wifi: { ssid: "Café", password: "12345678" },
  email: "owner@cafe.example",
  token: "secret",
  host: "broker.example",
  port: 1883,
  tls: false,
};
const JOINING: LinkState = { type: "joining", failure: undefined };
const UP: LinkState = { type: "up", address: "192.168.1.2" };
const TOO_LONG = "trying the parameters took too long; try again";

class Bench {
  readonly clock = new VirtualClock();
  readonly joined: unknown[] = [];
  readonly brokers: unknown[] = [];
  brokersClosed = 0;
  readonly outcomes: (PairingFailure | undefined)[] = [];
  answerBroker: (failure?: MQTTFailure) => void = () => {
    throw new Error("no broker is tried");
  };
  readonly candidate: Candidate;

  constructor() {
    this.candidate = new Candidate({
      clock: this.clock,
      link: { join: (credentials) => this.joined.push(credentials), state: { type: "down" } },
      parameters: PARAMETERS,
      tryBroker: (parameters, done) => {
        this.brokers.push(parameters);
        this.answerBroker = done;
        return { close: () => this.brokersClosed++ };
      },
      onDone: (failure) => this.outcomes.push(failure),
    });
  }
}

let bench: Bench;

beforeEach(() => {
  bench = new Bench();
});

describe("Candidate", () => {
  test("joins the network, tries the broker once it is up, and succeeds", () => {
    expect(bench.joined).toEqual([PARAMETERS.wifi]);
    bench.candidate.handleLinkState(JOINING);
    expect(bench.brokers).toEqual([]);
    bench.candidate.handleLinkState(UP);
    expect(bench.brokers).toEqual([PARAMETERS]);
    bench.answerBroker();
    expect(bench.outcomes).toEqual([undefined]);
    expect([bench.brokersClosed, bench.clock.pending]).toEqual([1, 0]);
  });

  test("fails with the link's first failure, and ignores what follows", () => {
    const failure = { code: "wifi-not-found", message: "no Wi-Fi network" } as const;
    bench.candidate.handleLinkState({ type: "joining", failure });
    bench.candidate.handleLinkState(UP);
    expect(bench.outcomes).toEqual([failure]);
    expect([bench.brokers, bench.clock.pending]).toEqual([[], 0]);
  });

  test("tries one broker, although the link is lost and up again", () => {
    for (const state of [UP, JOINING, UP]) bench.candidate.handleLinkState(state);
    const failure = { code: "wifi-not-found", message: "no Wi-Fi network" } as const;
    bench.candidate.handleLinkState({ type: "joining", failure });
    expect(bench.brokers).toHaveLength(1);
    expect(bench.outcomes).toEqual([]);
  });

  test("fails with the broker's code and message", () => {
    bench.candidate.handleLinkState(UP);
    bench.answerBroker({ code: "broker-refused", message: "the broker refused the token" });
    expect(bench.outcomes).toEqual([{ code: "broker-refused", message: "the broker refused the token" }]);
  });

  test("fails after 110 s without a network", () => {
    bench.candidate.handleLinkState(JOINING);
    bench.clock.advance(DEADLINE_MS - 1);
    expect(bench.outcomes).toEqual([]);
    bench.clock.advance(1);
    expect(bench.outcomes).toEqual([{ code: "wifi-no-address", message: TOO_LONG }]);
  });

  test("fails after 110 s, not later, without an answer of the broker", () => {
    bench.clock.advance(DEADLINE_MS - 1);
    bench.candidate.handleLinkState(UP);
    bench.clock.advance(1);
    expect(bench.outcomes).toEqual([{ code: "broker-no-answer", message: TOO_LONG }]);
    bench.answerBroker();
    expect(bench.outcomes).toHaveLength(1);
    expect(bench.brokersClosed).toBe(1);
  });

  test("reports nothing after it is closed", () => {
    bench.candidate.handleLinkState(UP);
    bench.candidate.close();
    bench.answerBroker();
    bench.candidate.handleLinkState(UP);
    bench.clock.advance(DEADLINE_MS);
    expect([bench.outcomes, bench.brokersClosed, bench.brokers.length]).toEqual([[], 1, 1]);
  });
});

describe("BROKER_CODES", () => {
  test.each([
    "host-not-found",
    "broker-unreachable",
    "broker-no-answer",
    "broker-refused",
    "tls-failed",
    "clock-unknown",
  ] as const)("has the same code for %s", (code) => {
    expect(BROKER_CODES[code]).toBe(code);
  });

  test.each(["connection-lost", "keep-alive-missed", "protocol-error", "no-socket"] as const)(
    "has broker-no-answer for %s",
    (code) => {
      expect(BROKER_CODES[code]).toBe("broker-no-answer");
    },
  );

  test("does not compile without the code of a failure of MQTT", () => {
    const { "no-socket": _, ...others } = BROKER_CODES;
    // @ts-expect-error a code is missing
    const incomplete: typeof BROKER_CODES = others;
    expect(Object.keys(incomplete)).toHaveLength(Object.keys(BROKER_CODES).length - 1);
  });
});

describe("parseFailure", () => {
  test.each(["wifi-not-found", "wifi-no-address", "tls-failed", "storage-failed", "interrupted", "given-up"])(
    "reads a stored failure with the code %s",
    (code) => {
      expect(parseFailure({ code, message: "it failed" })).toEqual({ code, message: "it failed" });
    },
  );

  test.each([
    [undefined],
    ["wifi-not-found"],
    [{ code: "wifi-not-found" }],
    [{ code: "other", message: "it failed" }],
    [{ message: "it failed" }],
    [{ code: "wifi-not-found", message: "x".repeat(301) }],
  ])("refuses %j", (value) => {
    expect(parseFailure(value)).toBeUndefined();
  });
});
