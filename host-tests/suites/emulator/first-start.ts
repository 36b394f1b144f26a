import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { request } from "../../tools/emulate/http.js";
import { ChipBench, type Lab, PATIENCE_MS } from "./chip-bench.js";

export function describeFirstStart(lab: Lab): void {
  describe("the first start", () => {
    let chip: ChipBench;

    beforeEach(() => {
      chip = new ChipBench(lab);
    });

    afterEach(() => chip.close());

    test(
      "of an unprovisioned station makes an admin password, which stays over a power cut",
      async () => {
        chip.newBoard({ isProvisioned: false });
        const status = await chip.start();
        expect(status).toMatchObject({ mode: "pairing", state: "unpaired", network: "ethernet" });
        expect(status.waitingFor).toEqual(["wsp", "token", "host", "brport"]);
        const line = await chip.station.waitFor("login: the password of admin is");
        await chip.station.cutPower();
        await chip.start();
        expect(chip.station.logLines.filter((one) => one.includes("login: "))).toEqual([line]);
      },
      PATIENCE_MS,
    );

    test(
      "of a provisioned station has the id and the login of its identity",
      async () => {
        chip.newBoard();
        expect(await chip.start()).toMatchObject({ deviceId: "cafe-1", firmware: { version: 1 } });
        expect((await request(chip.station, "/")).status).toBe(401);
        const { status, body } = await request(chip.station, "/", { headers: chip.login });
        expect(status).toBe(200);
        expect(body).toContain("<html");
        expect(chip.station.logLines.join("\n")).not.toContain("password");
      },
      PATIENCE_MS,
    );
  });
}
