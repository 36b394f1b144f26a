/** Tests of the admin page's server by plain HTTP. host-tests/suites/e2e/admin.test.ts tests the page itself. */

import { request as httpRequest } from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { BAR, CAFE } from "../../host-tests/suites/owners.js";
import { readQR } from "../../host-tests/suites/qr.js";
import { Registry } from "../registry.js";
import { Traffic } from "../traffic.js";
import { type Admin, Login, startAdmin } from "./index.js";
import { hashOf, SETTING } from "./login.js";

const PASSWORD = "correct horse";
/** The cheapest possible hash. */
const HASH = await hashOf(PASSWORD, { N: 2, r: 1, p: 1 });
const OWNER = CAFE.email;
const OTHER = BAR.email;
const PROVED = "ka5tqgx2m7bd4wzn";
const SECRET = `${"A".repeat(42)}E`;
let registry: Registry;
let traffic: Traffic;
let admin: Admin;
const errors: string[] = [];
/** Ids of the stations that were asked for their trace. */
let traced: string[] = [];

beforeEach(async () => {
  registry = new Registry(undefined, { now: () => 1_700_000_000_000 });
  for (const owner of [CAFE, BAR]) registry.addUser(owner);
  registry.addDevice({ id: "cafe-1", owner: OWNER });
  registry.putTag({ tag: "GUEST-0001", owner: OWNER, label: "Žofie" });
  traffic = new Traffic();
  traced = [];
  registry.putSetting(SETTING, HASH);
  const { login } = await Login.open({ registry });
  admin = await startAdmin({
    registry,
    traffic,
    watcher: {
      isConnected: true,
      statusOf: () => ({ values: { $state: "ready" }, lastMessageMs: undefined }),
      requestDiagnostics: ({ id }) => traced.push(id),
    },
    login,
    host: "127.0.0.1",
    port: 0,
    onError: (message) => errors.push(message),
  });
});

afterEach(async () => {
  await admin.close();
  expect(errors.splice(0)).toEqual([]);
});

interface Options {
  readonly method?: string;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cookie?: string;
}

/** Sends a request as the page does, with the page's origin. */
function ask(path: string, { method = "GET", body, headers, cookie = "" }: Options = {}): Promise<Response> {
  const own = { Origin: new URL(admin.url).origin, Cookie: cookie };
  return fetch(new URL(path, admin.url), { method, body, headers: { ...own, ...headers } });
}

/** Sends a request that fetch would refuse, and returns its status. */
function statusOf(path: string, headers: Readonly<Record<string, string>> = {}): Promise<number | undefined> {
  const { port, hostname } = new URL(admin.url);
  return new Promise((done) => {
    httpRequest({ host: hostname, port, path, headers }, (answer) => {
      answer.resume();
      done(answer.statusCode);
    }).end();
  });
}

async function logIn(): Promise<string> {
  const response = await ask("api/login", { method: "POST", body: PASSWORD });
  expect(response.status).toBe(200);
  return (response.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
}

const CARD = JSON.stringify({ owner: OWNER, label: "new" });

describe("a client that is not logged in", () => {
  test.each([
    ["GET", "api/cards"],
    ["GET", "api/cards.csv"],
    ["GET", "api/sessions.csv"],
    ["GET", "api/stations"],
    ["GET", "api/sessions"],
    ["GET", "api/energy?edges=0,1"],
    ["GET", "api/requests"],
    ["PUT", "api/cards/GUEST-0001"],
    ["PUT", `api/expected/${OWNER}`],
    ["DELETE", `api/expected/${OWNER}`],
    ["DELETE", "api/cards/GUEST-0001"],
    ["POST", "api/cards.csv"],
    ["POST", "api/cards"],
    ["GET", `api/secrets/${PROVED}`],
    ["PUT", `api/secrets/${PROVED}`],
    ["GET", `api/card-files/${PROVED}`],
    ["GET", "api/nothing"],
  ])("gets 401 for %s %s", async (method, path) => {
    const body = method === "GET" ? undefined : CARD;
    for (const cookie of ["", "plugpass-admin-1=x", `plugpass-admin-${new URL(admin.url).port}=`]) {
      expect((await ask(path, { method, body, cookie })).status).toBe(401);
    }
    expect(registry.tags).toHaveLength(1);
    expect(registry.acceptances).toEqual([]);
  });

  test("gets the page, which contains no data", async () => {
    const text = await (await ask("")).text();
    expect(text).toContain("<title>PlugPass platform</title>");
    expect(text).not.toContain(OWNER);
  });
});

describe("a login", () => {
  test("sets a cookie that is HttpOnly and SameSite=Strict", async () => {
    const response = await ask("api/login", { method: "POST", body: PASSWORD });
    expect(response.headers.get("set-cookie")).toMatch(
      /; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/,
    );
  });

  test("counts by the address of the connection, and by the one that a trusted proxy reports", async () => {
    const guess = (page: Admin, forwarded: string, password = "wrong") =>
      fetch(new URL("api/login", page.url), {
        method: "POST",
        body: password,
        headers: { Origin: new URL(page.url).origin, "X-Forwarded-For": forwarded },
      }).then(({ status }) => status);
    registry.putSetting(SETTING, await hashOf(PASSWORD, { N: 2, r: 1, p: 1 }));
    const start = async (trustedProxies: readonly string[]) =>
      startAdmin({
        registry,
        traffic,
        watcher: {
          isConnected: true,
          statusOf: () => ({ values: {}, lastMessageMs: undefined }),
          requestDiagnostics: () => {},
        },
        login: (await Login.open({ registry })).login,
        trustedProxies,
        host: "127.0.0.1",
        port: 0,
      });
    const [behind, direct] = [await start(["127.0.0.1"]), await start([])];
    for (let i = 0; i < 5; i++) await guess(behind, "203.0.113.9, 192.0.2.1");
    for (let i = 0; i < 5; i++) await guess(direct, `192.0.2.${i}`);
    const results = [
      await guess(behind, "203.0.113.9, 192.0.2.1", PASSWORD),
      await guess(behind, "203.0.113.9, 192.0.2.2", PASSWORD),
      await guess(direct, "192.0.2.77", PASSWORD),
    ];
    await behind.close();
    await direct.close();
    expect(results).toEqual([429, 200, 429]);
  });

  test("with a wrong password is refused, and requires a wait after 5 attempts", async () => {
    for (let i = 0; i < 5; i++)
      expect((await ask("api/login", { method: "POST", body: "wrong" })).status).toBe(401);
    const response = await ask("api/login", { method: "POST", body: PASSWORD });
    expect(response.status).toBe(429);
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
  });

  test("ends on logout", async () => {
    const cookie = await logIn();
    expect((await ask("api/cards", { cookie })).status).toBe(200);
    await ask("api/logout", { method: "POST", cookie });
    expect((await ask("api/cards", { cookie })).status).toBe(401);
  });
});

describe("a foreign page", () => {
  test.each<[string, Record<string, string>]>([
    ["of another site", { "Sec-Fetch-Site": "cross-site" }],
    ["of the same machine on another port", { "Sec-Fetch-Site": "same-site" }],
    ["in a browser that sends only the origin", { Origin: "http://127.0.0.1:1" }],
    ["without an origin", { Origin: "null" }],
  ])("%s cannot change anything with the browser's cookie", async (_name, headers) => {
    const cookie = await logIn();
    const put = await ask("api/cards/GUEST-0002", { method: "PUT", body: CARD, headers, cookie });
    expect(put.status).toBe(403);
    const post = await ask("api/cards.csv", {
      method: "POST",
      body: `tag,owner\nGUEST-3,${OWNER}\n`,
      headers,
      cookie,
    });
    expect(post.status).toBe(403);
    expect(registry.tags).toHaveLength(1);
  });

  test("whose name resolves to this server is refused (DNS rebinding)", async () => {
    const { port } = new URL(admin.url);
    expect(await statusOf("/", { Host: `evil.example:${port}` })).toBe(421);
  });

  test("may not frame the page, run scripts in it or read it", async () => {
    const { headers } = await ask("");
    const policy = headers.get("content-security-policy") ?? "";
    for (const rule of [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "frame-ancestors 'none'",
    ]) {
      expect(policy).toContain(rule);
    }
    expect(policy).not.toContain("unsafe");
    expect(headers.get("cross-origin-resource-policy")).toBe("same-origin");
    expect(headers.get("access-control-allow-origin")).toBeNull();
  });
});

describe("a card", () => {
  let cookie: string;

  beforeEach(async () => {
    cookie = await logIn();
  });

  function put(tag: string, fields: object, headers: Record<string, string> = {}): Promise<Response> {
    return ask(`api/cards/${encodeURIComponent(tag)}`, {
      method: "PUT",
      body: JSON.stringify(fields),
      headers,
      cookie,
    });
  }

  test("is created, changed and deleted", async () => {
    const card = {
      owner: OWNER,
      label: "<img src=x onerror=alert(1)>",
      stations: ["cafe-1"],
      maxCurrent: 10,
    };
    expect((await put("GUEST-0002", card, { "If-None-Match": "*" })).status).toBe(200);
    expect(registry.tag("GUEST-0002")).toEqual({ tag: "GUEST-0002", ...card });
    expect((await put("GUEST-0002", { owner: OTHER, blocked: true })).status).toBe(200);
    expect(registry.tag("GUEST-0002")).toEqual({ tag: "GUEST-0002", owner: OTHER, blocked: true });
    expect((await ask("api/cards/GUEST-0002", { method: "DELETE", cookie })).status).toBe(200);
    expect(registry.tag("GUEST-0002")).toBeUndefined();
  });

  test("is not created over an existing one, and a deleted one is not recreated by a change", async () => {
    expect((await put("GUEST-0001", { owner: OTHER }, { "If-None-Match": "*" })).status).toBe(412);
    expect(registry.tag("GUEST-0001")?.owner).toBe(OWNER);
    expect((await put("GUEST-0009", { owner: OWNER })).status).toBe(404);
    expect((await ask("api/cards/GUEST-0009", { method: "DELETE", cookie })).status).toBe(404);
  });

  test.each<[string, string, object, string]>([
    ["an invalid number", "a b c d", { owner: OWNER }, "4-64 characters"],
    ["no owner", "GUEST-0002", {}, "owner:"],
    ["an unknown owner", "GUEST-0002", { owner: "who@cafe.example" }, "is not a user"],
    ["an unknown station", "GUEST-0002", { owner: OWNER, stations: ["x"] }, "x is not a station"],
    [
      "another owner's station",
      "GUEST-0002",
      { owner: OTHER, stations: ["cafe-1"] },
      "cafe-1 belongs to another owner",
    ],
    ["a current of 1e21 A", "GUEST-0002", { owner: OWNER, maxCurrent: 1e21 }, "maxCurrent"],
    ["a label of two lines", "GUEST-0002", { owner: OWNER, label: "a\nb" }, "one line"],
    ["an unknown field", "GUEST-0002", { owner: OWNER, admin: true }, "admin"],
    ["a number in the body", "GUEST-0002", { owner: OWNER, tag: "GUEST-0003" }, "tag"],
  ])("with %s is refused with the reason", async (_name, tag, fields, why) => {
    const response = await put(tag, fields, { "If-None-Match": "*" });
    expect(response.status).toBe(400);
    expect(((await response.json()) as { error: string }).error).toContain(why);
    expect(registry.tags).toHaveLength(1);
  });

  test("of a station that has another owner now can still be blocked", async () => {
    registry.addDevice({ id: "bar-1", owner: OTHER });
    const card = { tag: "GUEST-0001", owner: OWNER, stations: ["bar-1", "gone-1"] };
    registry.putTag(card);
    const { tag, ...fields } = { ...card, blocked: true };
    expect((await put(tag, fields)).status).toBe(200);
    expect(registry.tag(tag)).toEqual({ tag, ...fields });
  });

  test("is found by number, label and owner", async () => {
    registry.putTags([
      { tag: "OTHER-0001", owner: OTHER },
      { tag: "OTHER-0002", owner: OWNER, label: "100% ŽOFIE_" },
    ]);
    for (const [search, tags] of [
      ["žofie", ["GUEST-0001", "OTHER-0002"]],
      ["BAR.ex", ["OTHER-0001"]],
      ["0002", ["OTHER-0002"]],
      ["%", ["OTHER-0002"]],
    ] as const) {
      const found = (await (
        await ask(`api/cards?search=${encodeURIComponent(search)}`, { cookie })
      ).json()) as {
        cards: { tag: string }[];
      };
      expect(found.cards.map(({ tag }) => tag)).toEqual(tags);
    }
  });

  test("is imported from a file only if the whole file is valid", async () => {
    const good = `tag,owner,blocked\nGUEST-0001,${OWNER},yes\nGUEST-0002,${OTHER},no\n`;
    const bad = `${good}GUEST-0003,who@cafe.example,no\n`;
    const refused = await ask("api/cards.csv", { method: "POST", body: bad, cookie });
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({
      mistakes: ["line 4: owner: is not a user of this platform"],
    });
    expect(registry.tags).toEqual([{ tag: "GUEST-0001", owner: OWNER, label: "Žofie" }]);
    const taken = await ask("api/cards.csv", { method: "POST", body: good, cookie });
    const warnings = ["GUEST-0001", "GUEST-0002"].map((tag) =>
      expect.stringMatching(`^${tag} can be guessed: it is a word and 4 digits\\.`),
    );
    expect(await taken.json()).toEqual({ added: 1, changed: 1, warnings });
    expect(registry.tag("GUEST-0001")?.blocked).toBe(true);
    const file = await ask("api/cards.csv", { cookie });
    expect(file.headers.get("content-disposition")).toContain("attachment");
    const again = await ask("api/cards.csv", { method: "POST", body: await file.text(), cookie });
    expect(await again.json()).toMatchObject({ added: 0, changed: 2 });
  });

  test("is imported from an export that exceeds the limit for new cards", async () => {
    const label = "é".repeat(64);
    const cards = Array.from({ length: 13_000 }, (_, i) => ({ tag: `CARD-${i}`, owner: OWNER, label }));
    registry.putTags(cards);
    const file = await (await ask("api/cards.csv", { cookie })).text();
    expect(Buffer.byteLength(file)).toBeGreaterThan(2 * 1024 * 1024);
    const again = await ask("api/cards.csv", { method: "POST", body: file, cookie });
    expect(await again.json()).toMatchObject({ added: 0, changed: 13_001, warnings: { length: 20 } });
  });

  test("in a file that is too long or not UTF-8 is refused", async () => {
    const long = await ask("api/cards.csv", {
      method: "POST",
      body: "x".repeat(2 * 1024 * 1024 + 1000),
      cookie,
    });
    expect(long.status).toBe(413);
    const latin = await ask("api/cards.csv", { method: "POST", body: new Uint8Array([0xe9, 0x0a]), cookie });
    expect(latin.status).toBe(413);
  });
});

describe("a card with a secret", () => {
  let cookie: string;

  beforeEach(async () => {
    cookie = await logIn();
    registry.putTag({ tag: PROVED, owner: OWNER, accepts: "proof", secret: SECRET, label: "Žofie" });
  });

  async function secretOf(tag: string): Promise<{ link: string; qr: string[] }> {
    return (await (await ask(`api/secrets/${tag}`, { cookie })).json()) as { link: string; qr: string[] };
  }

  test("shows its link with a QR code that a phone can read", async () => {
    const { link, qr } = await secretOf(PROVED);
    expect(link).toBe(`plugpass:card?id=${PROVED}&secret=${SECRET}&label=%C5%BDofie`);
    const dark = qr.flatMap((row, y) => [...row].flatMap((one, x) => (one === "1" ? [[x, y]] : [])));
    expect(readQR(dark as [number, number][], qr.length)).toBe(link);
  });

  test("is downloaded as a card file", async () => {
    const file = await ask(`api/card-files/${PROVED}`, { cookie });
    expect(file.headers.get("content-disposition")).toBe(`attachment; filename="card-${PROVED}.json"`);
    expect(file.headers.get("cache-control")).toBe("no-store");
    expect(await file.json()).toEqual({ v: 1, cardId: PROVED, secret: SECRET, label: "Žofie" });
  });

  test("gets a new secret, which changes its link, but not from a foreign page", async () => {
    const headers = { "Sec-Fetch-Site": "cross-site" };
    const foreign = await ask(`api/secrets/${PROVED}`, { method: "PUT", headers, cookie });
    expect(foreign.status).toBe(403);
    const before = (await secretOf(PROVED)).link;
    const answer = await ask(`api/secrets/${PROVED}`, { method: "PUT", cookie });
    const { link } = (await answer.json()) as { link: string };
    expect(link).not.toBe(before);
    expect((await secretOf(PROVED)).link).toBe(link);
  });

  test.each(["GUEST-0001", "GUEST-9999"])("is not found for %s, which has no secret", async (tag) => {
    expect((await ask(`api/secrets/${tag}`, { cookie })).status).toBe(404);
    expect((await ask(`api/secrets/${tag}`, { method: "PUT", cookie })).status).toBe(404);
    expect((await ask(`api/card-files/${tag}`, { cookie })).status).toBe(404);
  });

  test("keeps its secret out of lists, exports and answers to a change", async () => {
    const body = JSON.stringify({ owner: OWNER, accepts: "both" });
    const changed = await ask(`api/cards/${PROVED}`, { method: "PUT", body, cookie });
    const answers = [
      changed,
      await ask("api/cards", { cookie }),
      await ask("api/cards.csv", { cookie }),
      await ask("api/requests", { cookie }),
    ];
    for (const answer of answers) expect(await answer.text()).not.toContain(SECRET);
    expect((await secretOf(PROVED)).link).toContain(SECRET);
  });

  test("is made with a number of the platform, and is not marked", async () => {
    const body = JSON.stringify({ owner: OWNER, accepts: "proof" });
    const { tag, warning } = (await (await ask("api/cards", { method: "POST", body, cookie })).json()) as {
      tag: string;
      warning?: string;
    };
    expect(tag).toMatch(/^[a-z2-7]{16}$/);
    expect(warning).toBeUndefined();
    expect(registry.cardFile(tag)?.cardId).toBe(tag);
  });

  test("is refused with a number that is no card id, and with a secret in the body", async () => {
    const put = async (fields: object) => {
      const body = JSON.stringify({ owner: OWNER, accepts: "proof", ...fields });
      return ask("api/cards/GUEST-0001", { method: "PUT", body, cookie });
    };
    expect(await (await put({})).json()).toMatchObject({ error: expect.stringContaining("16 characters") });
    expect((await put({ secret: SECRET })).status).toBe(400);
    expect(registry.tag("GUEST-0001")?.accepts).toBeUndefined();
  });
});

test("a number that can be guessed is marked in the list and in the answer to a change", async () => {
  const cookie = await logIn();
  const body = JSON.stringify({ owner: OWNER });
  const saved = await ask("api/cards/GUEST-0001", { method: "PUT", body, cookie });
  const warning = expect.stringMatching(
    /^GUEST-0001 can be guessed: it is a word and 4 digits\. Let the platform/,
  );
  expect(await saved.json()).toEqual({ tag: "GUEST-0001", warning });
  expect(await (await ask("api/cards", { cookie })).json()).toMatchObject({ cards: [{ warning }] });
});

describe("the acceptance of a station", () => {
  let cookie: string;

  beforeEach(async () => {
    cookie = await logIn();
  });

  function accept(owner: string, body: string): Promise<Response> {
    return ask(`api/expected/${encodeURIComponent(owner)}`, { method: "PUT", body, cookie });
  }

  test("is recorded, listed and withdrawn", async () => {
    expect((await accept(OTHER, JSON.stringify({ device: "cafe-1" }))).status).toBe(200);
    expect((await accept(OWNER, JSON.stringify({ device: "bar-1" }))).status).toBe(200);
    expect(await (await ask("api/stations", { cookie })).json()).toMatchObject({
      owners: [OWNER, OTHER],
      expected: [
        { owner: OTHER, device: "cafe-1", forS: 3600 },
        { owner: OWNER, device: "bar-1", forS: 3600 },
      ],
    });
    expect(registry.acceptingUser(OTHER, "cafe-1")?.email).toBe(OTHER);
    await ask(`api/expected/${OTHER}`, { method: "DELETE", cookie });
    expect(registry.acceptingUser(OTHER, "cafe-1")).toBeUndefined();
  });

  test.each<[string, string, string, number]>([
    ["for an unknown owner", "who@cafe.example", "{}", 404],
    ["without a device id", OTHER, "{}", 400],
    ["with an invalid device id", OTHER, '{"device":"a b"}', 400],
    ["with an unknown field", OTHER, '{"station":"cafe-1"}', 400],
    ["with a body that is not JSON", OTHER, "cafe-1", 400],
  ])("%s is refused", async (_name, owner, body, status) => {
    expect((await accept(owner, body)).status).toBe(status);
    expect(registry.acceptances).toEqual([]);
  });

  test("is refused from a foreign page, and by GET", async () => {
    const headers = { "Sec-Fetch-Site": "cross-site" };
    const foreign = await ask(`api/expected/${OTHER}`, { method: "PUT", body: "{}", headers, cookie });
    expect(foreign.status).toBe(403);
    expect((await ask(`api/expected/${OTHER}`, { cookie })).status).toBe(405);
  });
});

test("a station is asked for its trace by PUT, and an unknown station is not found", async () => {
  const cookie = await logIn();
  expect((await ask("api/diagnostics/cafe-1", { method: "PUT", cookie })).status).toBe(200);
  expect((await ask("api/diagnostics/cafe-9", { method: "PUT", cookie })).status).toBe(404);
  expect((await ask("api/diagnostics/cafe-1", { cookie })).status).toBe(405);
  expect(traced).toEqual(["cafe-1"]);
});

test("a new key is offered to a station by PUT, but not to an unknown one or one with CBC", async () => {
  const cookie = await logIn();
  registry.addDevice({ id: "cafe-cbc", owner: OWNER, cipher: "aes-256-cbc" });
  const put = async (id: string) => (await ask(`api/rotate-key/${id}`, { method: "PUT", cookie })).status;
  expect([await put("cafe-1"), await put("cafe-9"), await put("cafe-cbc")]).toEqual([200, 404, 409]);
  expect((await ask("api/rotate-key/cafe-1", { cookie })).status).toBe(405);
  const key = registry.device("cafe-1")?.nextKey;
  expect(key).toMatch(/^[0-9a-f]{64}$/);
  const text = await (await ask("api/stations", { cookie })).text();
  expect(JSON.parse(text).stations[0]).toMatchObject({ id: "cafe-1", isRotating: true });
  expect(text).not.toContain(key);
});

const DOUBT = "the start is in 1970: the station's clock was not set";

test("answers contain no hash of a tag, no key and no token", async () => {
  const cookie = await logIn();
  const tag = "ab".repeat(32);
  registry.acceptSession({
    device: "cafe-1",
    id: "0123456789abcdef",
    owner: OWNER,
    accepted: 1000,
    tag,
    tagEnd: "0001",
    method: "ble",
    start: 900,
    end: 990,
    seconds: 90,
    startWh: 100,
    endWh: 350,
    why: "unplugged",
  });
  const texts = [];
  for (const path of [
    "cards",
    "stations",
    "sessions",
    "energy?edges=0,900,1000",
    "requests",
    "sessions.csv",
  ]) {
    texts.push(await (await ask(`api/${path}`, { cookie })).text());
  }
  expect(JSON.parse(texts[2] ?? "")).toMatchObject({
    total: 1,
    sessions: [{ tagEnd: "0001", energyWh: 250, doubts: [DOUBT, expect.any(String)] }],
  });
  expect(JSON.parse(texts[3] ?? "")).toEqual({ wh: [0, 250] });
  expect(texts[5]).toContain(`"1970-01-01T00:15:00.000Z"`);
  expect(texts[5]).toContain(DOUBT);
  const secrets = [tag, registry.device("cafe-1")?.key ?? "-", "token-of-the-cafe", "token-of-the-bar"];
  for (const secret of secrets) expect(texts.join()).not.toContain(secret);
});

test.each([
  "",
  "1",
  "2,1",
  "1,1",
  "a,b",
  "0,1.5",
  Array(401)
    .fill(0)
    .map((_, i) => i)
    .join(),
])("invalid edges of days are refused: %#", async (edges) => {
  const cookie = await logIn();
  expect((await ask(`api/energy?edges=${edges}`, { cookie })).status).toBe(400);
});

test.each(["api/", "api/cards/a/b", "api/%zz", "page.ts", "../package.json", "api/stations/x"])(
  "%s is not found",
  async (path) => {
    const cookie = await logIn();
    expect((await ask(path, { cookie })).status).toBe(404);
  },
);

test.each(["//", "http://[", "///api/cards"])("an invalid request target is refused: %s", async (path) => {
  expect([400, 401, 404]).toContain(await statusOf(path));
});

test("a port in use is reported with the option that changes it", async () => {
  const { login } = await Login.open({ registry });
  const statusOf = () => ({ values: {}, lastMessageMs: undefined });
  const watcher = { isConnected: true, statusOf, requestDiagnostics: () => {} };
  const port = Number(new URL(admin.url).port);
  const taken = startAdmin({ registry, traffic, watcher, login, host: "127.0.0.1", port });
  await expect(taken).rejects.toThrow("choose another for the admin page with --admin-port");
});
