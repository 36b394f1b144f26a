import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { waitFor } from "../../tools/cli/wait.js";
import { builtInAuthority } from "../../tools/emulate/authority.js";
import { HOST_ADDRESS } from "../../tools/emulate/emulated-station.js";
import { Authority } from "../../virtual/node-board/authority.js";
import { type BrokerUnderTest, onAedes, onMosquitto } from "../e2e/brokers.js";
import { findMosquitto } from "../e2e/mosquitto.js";
import { CAFE } from "../owners.js";
import { ChipBench, type Lab, PATIENCE_MS, UNKNOWN_CARD } from "./chip-bench.js";

/** 13 A, the limit of the built-in wiring, are 21.67 % of the period (IEC 61851-1, table A.8), rounded down. */
const DUTY_AT_13_A = 216;

export function describeOnline(lab: Lab): void {
  const mosquitto = findMosquitto();

  describe("an emulated station that is online", () => {
    let chip: ChipBench;
    let broker: BrokerUnderTest | undefined;

    beforeEach(() => {
      chip = new ChipBench(lab);
      chip.newBoard();
    });

    afterEach(async () => {
      await chip.close();
      await broker?.close();
      broker = undefined;
    });

    /** The card reader's line, the contactor and the platform's record, from outside the chip. */
    async function chargeOnce(): Promise<void> {
      const { station } = chip;
      station.bench("pilot B");
      await station.waitFor("charging: plugged");
      station.card(UNKNOWN_CARD);
      await station.waitFor(/rfid: the card …BEEF: rejected \(403/);
      await chip.unplug();
      await chip.charge();
      expect(station.logLines.findLast((line) => line.startsWith("bench: duty"))).toBe(
        `bench: duty ${DUTY_AT_13_A}`,
      );
      await chip.unplug();
      await station.waitFor("bench: contactor open");
      const [session] = await station.until("the platform has the session", () => {
        const sessions = chip.registry.sessions();
        return sessions.length > 0 && sessions;
      });
      expect(session).toMatchObject({ device: "cafe-1", method: "rfid", why: "unplugged", tagEnd: "B2C3" });
    }

    test(
      "reports a wrong token, and is paired by the right one",
      async () => {
        broker = await onAedes({ registry: chip.registry });
        await chip.start();
        const { port } = broker.platform;
        expect(await chip.pair(port, { token: "wrong" })).toMatchObject({ status: 200, body: "OK" });
        const failed = await chip.status("the pairing fails", ({ lastFailure }) => lastFailure !== null);
        expect(failed).toMatchObject({ mode: "pairing", lastFailure: { code: "broker-refused" } });
        await chip.pairOnline(port);
        expect(await chip.status("it is online", ({ state }) => state === "online")).toMatchObject({
          lastFailure: null,
        });
      },
      PATIENCE_MS,
    );

    const testOnMosquitto = mosquitto === undefined ? test.skip : test;

    testOnMosquitto(
      "charges on Mosquitto for a card at the reader, and the platform gets the session",
      async () => {
        broker = await onMosquitto(mosquitto ?? "")({ registry: chip.registry });
        await chip.start();
        await chip.pairOnline(broker.platform.port);
        await chargeOnce();
      },
      PATIENCE_MS,
    );

    testOnMosquitto(
      "charges on Mosquitto over TLS with a certificate of its authority",
      async () => {
        const identity = builtInAuthority().issueChain({ name: HOST_ADDRESS, addresses: [HOST_ADDRESS] });
        broker = await onMosquitto(mosquitto ?? "", { identity })({ registry: chip.registry });
        await chip.start();
        chip.station.bench(`clock ${Date.now()}`);
        await chip.pairOnline(broker.platform.port, { mqtts_port: String(broker.tlsPort) });
        await chargeOnce();
      },
      PATIENCE_MS,
    );

    testOnMosquitto(
      "refuses a broker with a certificate of another authority",
      async () => {
        const identity = new Authority().issueChain({ name: HOST_ADDRESS, addresses: [HOST_ADDRESS] });
        broker = await onMosquitto(mosquitto ?? "", { identity })({ registry: chip.registry });
        await chip.start();
        chip.station.bench(`clock ${Date.now()}`);
        await chip.pair(broker.platform.port, { mqtts_port: String(broker.tlsPort) });
        const failed = await chip.status("the pairing fails", ({ lastFailure }) => lastFailure !== null);
        expect(failed).toMatchObject({ lastFailure: { code: "tls-failed" } });
      },
      PATIENCE_MS,
    );

    test(
      "returns after an outage of its broker, and keeps its session",
      async () => {
        broker = await onAedes({ registry: chip.registry });
        const { port } = broker.platform;
        await chip.start();
        await chip.pairOnline(port);
        await chip.charge();
        await broker.close();
        chip.station.mark();
        broker = await onAedes({ registry: chip.registry, port });
        await chip.online();
        expect(await chip.status("it charges", () => true)).toMatchObject({ status: "charging" });
        await chip.unplug();
        await waitFor("the platform has the session", () => chip.registry.sessions().length === 1);
        expect(chip.registry.user(CAFE.email)).toBeDefined();
      },
      PATIENCE_MS,
    );
  });
}
