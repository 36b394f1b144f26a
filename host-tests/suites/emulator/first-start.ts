import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { loginOf, request } from "../../tools/emulate/http.js";
import { ChipBench, type Lab, PATIENCE_MS } from "./chip-bench.js";

/** Sends a request as it is, and returns all that is answered. */
function exchange(port: number, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(request));
    socket.setEncoding("utf8").on("data", (text) => {
      answer += text;
    });
    socket.once("error", reject);
    socket.once("close", () => resolve(answer));
  });
}

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

    test(
      "serves its own address only, over HTTP/1.0, too, and lets four requests of a client wait for each other",
      async () => {
        chip.newBoard();
        await chip.start();
        const ask = (head: string) => exchange(chip.station.httpPort, `${head}\r\n\r\n`);
        expect(await ask("GET /healthcheck HTTP/1.0")).toMatch(/^HTTP\/1.1 200 OK\r\n/);
        expect(await ask("GET http://10.0.2.15/healthcheck HTTP/1.1\r\nHost: evil.example")).toMatch(
          / 200 OK\r\n/,
        );
        expect(await ask("GET /healthcheck HTTP/1.1")).toMatch(/ 400 Bad Request\r\n/);
        expect(await ask("GET /pair HTTP/1.1\r\nHost: evil.example")).toMatch(/ (302|421) /);
        const four = await Promise.all([1, 2, 3, 4].map(() => ask("GET /status HTTP/1.0")));
        for (const answer of four) expect(answer).toContain('"deviceId":"cafe-1"');
        const headers = loginOf("wrong password");
        expect((await request(chip.station, "/log", { headers })).status).toBe(401);
        expect((await request(chip.station, "/log", { headers: chip.login })).status).toBe(429);
        await new Promise((done) => setTimeout(done, 1500));
        expect((await request(chip.station, "/log", { headers: chip.login })).status).toBe(200);
      },
      PATIENCE_MS,
    );
  });
}
