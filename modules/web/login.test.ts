import { beforeEach, describe, expect, test } from "@jest/globals";
import { Device } from "../../host-tests/virtual/board/index.js";
import { base64 } from "../../host-tests/virtual/world/platform-answers.js";
import { virtualWorld } from "../../host-tests/virtual/world/world.js";
import type { Board, Storage } from "../board/index.js";
import { encodeUTF8 } from "../bytes/index.js";
import { StoredRecord } from "../settings/index.js";
import { Login, loginFormat } from "./login.js";

const PASSWORD = "correct horse";
const OTHER = "battery staple";
const PHONE = "192.168.4.2";
const SECOND_MS = 1000;

function basic(password: string, user = "admin"): string {
  return `Basic ${base64(encodeUTF8(`${user}:${password}`))}`;
}

class Bench {
  readonly world = virtualWorld();
  readonly device = new Device(this.world);
  board!: Board;
  storageError: unknown;

  constructor() {
    this.device.boot((board) => {
      this.board = board;
    });
  }

  /** Starts the login of one run of the firmware. */
  start(provisionedPassword?: string): Login {
    const opened = this.board.openStorage("plugpass");
    const storage: Storage = {
      ...opened,
      write: (key, value) => {
        if (this.storageError !== undefined) throw this.storageError;
        opened.write(key, value);
      },
    };
    const record = new StoredRecord({ storage, format: loginFormat, board: this.board });
    return new Login({ board: this.board, record, provisionedPassword });
  }

  /** The password that the station has generated and logged. */
  get generated(): string {
    const line = this.device.logLines.find((one) => one.startsWith("login: the password of admin is "));
    return /is (\S+);/.exec(line ?? "")?.[1] ?? "";
  }
}

let bench: Bench;
let login: Login;

beforeEach(() => {
  bench = new Bench();
  login = bench.start(PASSWORD);
});

function statusOf(password: string, address = PHONE): number {
  return login.refusal(basic(password), address)?.status ?? 200;
}

describe("Login", () => {
  test("accepts the provisioned password of the user admin", () => {
    expect(login.refusal(basic(PASSWORD), PHONE)).toBeUndefined();
  });

  test.each([
    ["another password", basic(OTHER)],
    ["another user", basic(PASSWORD, "root")],
    ["an empty password", basic("")],
    ["another scheme", basic(PASSWORD).replace("Basic", "Bearer")],
    ["a scheme in lower case", basic(PASSWORD).replace("Basic", "basic")],
    ["no base64", "Basic !!!"],
    ["an empty header", ""],
  ])("refuses %s with 401", (_name, authorization) => {
    expect(login.refusal(authorization, PHONE)?.status).toBe(401);
  });

  test("asks a request without a login for one, without blocking its address", () => {
    for (let i = 0; i < 5; i++) {
      const refusal = login.refusal(undefined, PHONE);
      expect(refusal).toMatchObject({
        status: 401,
        headers: { "www-authenticate": 'Basic realm="PlugPass", charset="UTF-8"' },
      });
      expect(refusal?.body).toContain("log in as admin");
    }
    expect(statusOf(PASSWORD)).toBe(200);
  });

  test("writes and logs nothing with a provisioned password", () => {
    expect(bench.board.openStorage("plugpass").keys()).toEqual([]);
    expect(bench.device.logLines).toEqual([]);
  });
});

describe("Login after a wrong password", () => {
  test("refuses the address with 429 for 1 s, even with the right password", () => {
    expect(statusOf(OTHER)).toBe(401);
    expect(login.refusal(basic(PASSWORD), PHONE)).toEqual({
      status: 429,
      body: "too many wrong logins; try again in 1 s",
      headers: { "retry-after": "1" },
    });
    bench.world.clock.advance(SECOND_MS - 1);
    expect(statusOf(PASSWORD)).toBe(429);
    bench.world.clock.advance(1);
    expect(statusOf(PASSWORD)).toBe(200);
  });

  test("still asks a blocked address without a login for one", () => {
    statusOf(OTHER);
    expect(login.refusal(undefined, PHONE)?.status).toBe(401);
  });

  test("doubles the delay with each further one, up to 30 minutes", () => {
    const delaysS: number[] = [];
    for (let i = 0; i < 14; i++) {
      expect(statusOf(OTHER)).toBe(401);
      const delayS = Number(login.refusal(basic(PASSWORD), PHONE)?.headers?.["retry-after"]);
      delaysS.push(delayS);
      bench.world.clock.advance(delayS * SECOND_MS);
    }
    expect(delaysS).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1800, 1800, 1800]);
  });

  test("does not prolong the delay by logins during it", () => {
    statusOf(OTHER);
    for (let i = 0; i < 10; i++) expect(statusOf(OTHER)).toBe(429);
    bench.world.clock.advance(SECOND_MS);
    expect(statusOf(PASSWORD)).toBe(200);
  });

  test("starts again with 1 s after a correct login", () => {
    for (const delayMs of [SECOND_MS, 2 * SECOND_MS]) {
      statusOf(OTHER);
      bench.world.clock.advance(delayMs);
    }
    expect(statusOf(PASSWORD)).toBe(200);
    statusOf(OTHER);
    bench.world.clock.advance(SECOND_MS);
    expect(statusOf(PASSWORD)).toBe(200);
  });

  test("blocks no other address", () => {
    statusOf(OTHER);
    expect(statusOf(PASSWORD, "192.168.4.3")).toBe(200);
  });

  test("remembers 16 addresses, and forgets the oldest for a further one", () => {
    for (let i = 0; i < 16; i++) statusOf(OTHER, `10.0.0.${i}`);
    expect(statusOf(PASSWORD, "10.0.0.0")).toBe(429);
    statusOf(OTHER, "10.0.0.16");
    expect(statusOf(PASSWORD, "10.0.0.0")).toBe(200);
    expect(statusOf(PASSWORD, "10.0.0.1")).toBe(429);
  });
});

describe("Login during a distributed attack", () => {
  /** Guesses once from each of 40 addresses. Returns the number of checks. */
  function attack(): number {
    let checks = 0;
    for (let i = 0; i < 40; i++) {
      login.awaitTurn(basic(OTHER), `10.0.0.${i}`, () => {
        checks++;
        login.refusal(basic(OTHER), `10.0.0.${i}`);
      });
    }
    return checks;
  }

  function logInFrom(address: string): number[] {
    const statuses: number[] = [];
    login.awaitTurn(basic(PASSWORD), address, () => statuses.push(statusOf(PASSWORD, address)));
    return statuses;
  }

  test("checks 10 guesses over all addresses, and lets the others wait", () => {
    expect(attack()).toBe(10);
  });

  test("accepts the right password from a new address in its turn", () => {
    for (let i = 0; i < 10; i++) statusOf(OTHER, `10.0.0.${i}`);
    const statuses = logInFrom(PHONE);
    expect(statuses).toEqual([]);
    bench.world.clock.advance(6000);
    expect(statuses).toEqual([200]);
  });

  test("accepts it at once from an address whose latest login was right", () => {
    expect(statusOf(PASSWORD)).toBe(200);
    attack();
    expect(logInFrom(PHONE)).toEqual([200]);
    statusOf(OTHER);
    bench.world.clock.advance(SECOND_MS);
    expect(logInFrom(PHONE)).toEqual([]);
  });

  test("answers requests without a login and those of blocked addresses at once", () => {
    attack();
    let answered = 0;
    login.awaitTurn(undefined, PHONE, () => answered++);
    login.awaitTurn(basic(PASSWORD), "10.0.0.0", () => answered++);
    expect(answered).toBe(2);
    login.close();
  });
});

describe("Login's initial password", () => {
  test("is the provisioned or the generated one, until it is changed", () => {
    expect(login.isInitial).toBe(true);
    expect(bench.start().isInitial).toBe(true);
    expect(bench.start().isInitial).toBe(true);
    login = bench.start(PASSWORD);
    login.change(OTHER);
    expect([login.isInitial, bench.start(PASSWORD).isInitial]).toEqual([false, false]);
  });

  test("cannot be chosen again as the new one", () => {
    const refusal = { status: 400, body: "newpass must differ from the initial password" };
    expect(login.change(PASSWORD)).toEqual(refusal);
    expect(login.isInitial).toBe(true);
    const generated = bench.start();
    expect(generated.change(bench.generated)).toEqual(refusal);
  });

  test("that was generated by an earlier firmware counts as changed", () => {
    expect(loginFormat.parse({ hash: "ab".repeat(32) }, 1)?.isInitial).toBe(false);
  });
});

describe("Login's change of the password", () => {
  test("is in force at once and after a restart, before the provisioned one", () => {
    expect(login.change(OTHER)).toMatchObject({ status: 200 });
    expect(statusOf(OTHER)).toBe(200);
    login = bench.start(PASSWORD);
    expect(statusOf(OTHER, "10.0.0.1")).toBe(200);
    expect(statusOf(PASSWORD, "10.0.0.2")).toBe(401);
  });

  test("refuses the replaced password without blocking the address of the browser that still sends it", () => {
    login.change(OTHER);
    for (let i = 0; i < 5; i++) expect(statusOf(PASSWORD)).toBe(401);
    expect(statusOf(OTHER)).toBe(200);
    expect(statusOf("wrong one")).toBe(401);
    expect(statusOf(OTHER)).toBe(429);
  });

  test.each(["", "1234567", "x".repeat(64), "é".repeat(32)])("refuses %j", (password) => {
    expect(login.change(password)).toEqual({ status: 400, body: "newpass must be 8-63 bytes" });
    expect(statusOf(PASSWORD)).toBe(200);
  });

  test.each(["éééé", "x".repeat(63)])("accepts %j", (password) => {
    expect(login.change(password)).toMatchObject({ status: 200 });
    expect(statusOf(password)).toBe(200);
  });

  test("that cannot be stored is refused, and the old one stays valid", () => {
    bench.storageError = new Error("no flash");
    expect(login.change(OTHER)).toEqual({ status: 500, body: "the password could not be stored" });
    expect(statusOf(PASSWORD)).toBe(200);
  });

  test("stores no password, only its hash", () => {
    login.change(OTHER);
    const stored = bench.device.flash.get("plugpass", "login");
    expect(stored && String.fromCharCode(...stored)).toMatch(/^\{"v":1,"hash":"[0-9a-f]{64}"\}$/);
  });
});

describe("Login without a provisioned password", () => {
  beforeEach(() => {
    login = bench.start();
  });

  test("generates one of 10 characters, logs it once and stores its hash", () => {
    expect(bench.generated).toMatch(/^[a-km-z2-9]{10}$/);
    expect(statusOf(bench.generated)).toBe(200);
    login = bench.start();
    expect(statusOf(bench.generated, "10.0.0.1")).toBe(200);
    expect(bench.device.logLines).toHaveLength(1);
  });

  test("generates another one on another station", () => {
    const first = bench.generated;
    bench.device.logLines.length = 0;
    bench.device.flash.set("plugpass", "login", encodeUTF8("{}"));
    bench.start();
    expect(bench.generated).not.toBe(first);
    expect(bench.generated).toHaveLength(10);
  });

  test("warns that the password changes at the next start when it cannot be stored", () => {
    bench = new Bench();
    bench.storageError = new Error("no flash");
    login = bench.start();
    expect(statusOf(bench.generated)).toBe(200);
    expect(bench.device.logLines.at(-1)).toBe(
      "login: the password could not be stored and changes at the next start: no flash",
    );
  });
});

describe("The record login", () => {
  test.each([undefined, 5, "", "ab", "zz".repeat(32), "ab".repeat(33)])("refuses the hash %j", (hash) => {
    expect(loginFormat.parse({ hash }, 1)).toBeUndefined();
  });
});
