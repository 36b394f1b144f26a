import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type Credentials, nextWiFi, type WiFiInput, type WiFiState } from "./wifi-machine.js";

fc.configureGlobal({ seed: 1 });

const NAMES = ["home", "other", ""];
const ADDRESSES = ["192.168.1.2", "192.168.1.3"];

const credentialsOf = fc.record({
  ssid: fc.constantFrom("home", "other"),
  password: fc.constantFrom("", "12345678"),
});
const inputs: fc.Arbitrary<readonly WiFiInput[]> = fc.array(
  fc.oneof(
    fc.record({ type: fc.constant("join" as const), credentials: credentialsOf }),
    fc.constantFrom<WiFiInput>(
      { type: "leave" },
      { type: "scanned" },
      { type: "connected" },
      { type: "lostIP" },
      { type: "timer" },
      { type: "disconnected", wrongPassword: true },
      { type: "disconnected", wrongPassword: false },
      { type: "checked", address: undefined },
    ),
    fc.record({
      type: fc.constant("found" as const),
      ssid: fc.constantFrom(...NAMES),
      channel: fc.integer({ min: 1, max: 13 }),
    }),
    fc.record({
      type: fc.constantFrom("gotIP" as const, "checked" as const),
      address: fc.constantFrom(...ADDRESSES),
    }),
  ),
  { maxLength: 30 },
);

/** The machine, with what its driver keeps: the timer, the credentials of the latest join and of the latest connect. */
class Driver {
  state: WiFiState = { type: "down" };
  isTimerSet = false;
  joined: Credentials | undefined;
  connected: Credentials | undefined;

  /** Performs an input. The timer fires only when it is set. */
  input(input: WiFiInput): void {
    if (input.type === "timer" && !this.isTimerSet) return;
    if (input.type === "timer") this.isTimerSet = false;
    if (input.type === "join") this.joined = input.credentials;
    if (input.type === "leave") this.joined = undefined;
    const { state, effects } = nextWiFi(this.state, input);
    this.state = state;
    for (const effect of effects) {
      if (effect.type === "timer") this.isTimerSet = true;
      if (effect.type === "no-timer") this.isTimerSet = false;
      if (effect.type === "connect") this.connected = effect.credentials;
    }
  }
}

function forAll(check: (driver: Driver, input: WiFiInput) => void): void {
  fc.assert(
    fc.property(inputs, (list) => {
      const driver = new Driver();
      for (const input of list) {
        driver.input(input);
        check(driver, input);
      }
    }),
  );
}

describe("nextWiFi after any inputs", () => {
  test("has a timer in every state but down and up, so that no state lasts forever", () => {
    forAll(({ state, isTimerSet }) => expect(isTimerSet).toBe(state.type !== "down" && state.type !== "up"));
  });

  test("is down exactly while no network is to be joined", () => {
    forAll(({ state, joined }) => expect(state.type === "down").toBe(joined === undefined));
  });

  test("keeps the credentials of the latest join, and connects with no others", () => {
    forAll(({ state, joined, connected }) => {
      if (state.type !== "down") expect(state.credentials).toBe(joined);
      if (state.type === "associating") expect(connected).toBe(joined);
    });
  });

  test("is up only with the address of an event", () => {
    forAll(({ state }, input) => {
      if (input.type === "gotIP" && state.type === "up") expect(state.address).toBe(input.address);
      if (state.type === "up") expect(ADDRESSES).toContain(state.address);
    });
  });

  test("reports a failure with the network's name and without its password", () => {
    forAll(({ state, joined }) => {
      if (state.type !== "waiting") return;
      expect(state.failure.message).toContain(JSON.stringify(joined?.ssid));
      expect(state.failure.message).not.toContain("12345678");
    });
  });

  test("joins again within ten timers when all events are missed", () => {
    forAll((driver) => {
      const { state, isTimerSet, connected, joined } = driver;
      const copy = Object.assign(new Driver(), { state, isTimerSet, connected, joined });
      const isJoining = state.type !== "down" && state.type !== "up";
      let connects = 0;
      for (let i = 0; i < 10; i++) {
        const before = copy.state.type;
        copy.input({ type: "timer" });
        if (copy.state.type === "associating" && before !== "associating") connects++;
      }
      expect(connects > 0).toBe(isJoining);
    });
  });
});
