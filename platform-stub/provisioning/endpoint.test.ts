import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer, type RequestListener, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { readConfig, writeConfig } from "../config.js";
import { Registry } from "../registry.js";
import { deviceMaker } from "./device-maker.js";
import { DEVICES_PATH, type Provisioning, startProvisioning } from "./endpoint.js";
import { identityIn } from "./identity.js";
import { platformSource } from "./platform-source.js";
import { provision } from "./provision.js";
import { isAuthorized, tokenFrom } from "./token.js";

const TOKEN = "a-token-of-this-test";
const OWNER = "owner@cafe.example";

let directory: string;
let file: string;
let registry: Registry;
let endpoint: Provisioning;
let reports: string[];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "plugpass-provisioning-"));
  file = join(directory, "platform.json");
  registry = new Registry();
  registry.addUser({ email: OWNER, token: "secret" });
  writeConfig(file, registry.data);
  reports = [];
  endpoint = await startProvisioning({
    port: 0,
    token: TOKEN,
    addDevice: deviceMaker({ registry, file }),
    onAdded: (id) => reports.push(`added ${id}`),
    onRefused: (why) => reports.push(why),
  });
});

afterEach(async () => {
  await endpoint.close();
  rmSync(directory, { recursive: true });
});

function ask(
  options: { path?: string; method?: string; token?: string; body?: string } = {},
): Promise<Response> {
  const { path = DEVICES_PATH, method = "POST", token = TOKEN, body = '{"product":"cafe"}' } = options;
  return fetch(`http://127.0.0.1:${endpoint.port}${path}`, {
    method,
    headers: { Authorization: `Bearer ${token}` },
    body: method === "GET" ? undefined : body,
  });
}

describe("the provisioning endpoint", () => {
  test("adds a device to the configuration and to the running platform", async () => {
    const response = await ask();
    expect(response.status).toBe(201);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(response.headers.get("cache-control")).toBe("no-store");
    const device = (await response.json()) as { id: string; key: string };
    expect(device).toEqual({
      id: expect.stringMatching(/^cafe-[0-9a-f]{8}$/),
      key: expect.stringMatching(/^[0-9a-f]{64}$/),
      password: expect.stringMatching(/^[A-Za-z0-9_-]{32}$/),
    });
    const entry = { ...device, owner: OWNER, cipher: "aes-256-gcm" };
    expect(registry.device(device.id)).toEqual(entry);
    expect(readConfig(file).devices).toEqual([entry]);
    expect(reports).toEqual([`added ${device.id}`]);
  });

  test.each([
    ["no token", undefined],
    ["another token", "Bearer another-token-of-tests"],
    ["a longer token", `Bearer ${TOKEN}x`],
    ["a shorter token", `Bearer ${TOKEN.slice(0, -1)}`],
    ["an empty token", "Bearer "],
    ["another scheme", `Basic ${TOKEN}`],
  ])("refuses %s with 401 for every path", async (_name, header) => {
    for (const path of [DEVICES_PATH, "/"]) {
      const response = await fetch(`http://127.0.0.1:${endpoint.port}${path}`, {
        method: "POST",
        headers: header === undefined ? {} : { Authorization: header },
        body: '{"product":"cafe"}',
      });
      expect(response.status).toBe(401);
      expect(response.headers.get("www-authenticate")).toBe("Bearer");
    }
    expect(registry.data.devices).toEqual([]);
  });

  test.each([
    ["another path", { path: "/provisioning/v1/devices/x" }, 404],
    ["another method", { method: "GET" }, 405],
    ["a body that is not JSON", { body: "{" }, 400],
    ["a missing product", { body: "{}" }, 400],
    ["an invalid product", { body: '{"product":"a/b"}' }, 400],
    ["an unknown field", { body: '{"product":"cafe","id":"mine"}' }, 400],
    ["a body of 1025 bytes", { body: "x".repeat(1025) }, 413],
    ["a body of 1 MB", { body: "x".repeat(1_000_000) }, 413],
  ])("refuses %s", async (_name, options, status) => {
    const response = await ask(options);
    expect(response.status).toBe(status);
    expect(await response.json()).toEqual({ error: expect.any(String) });
    expect(registry.data.devices).toEqual([]);
    expect(reports).toHaveLength(1);
  });

  test("answers 500 when the device cannot be stored, and reports the reason only in its log", async () => {
    writeConfig(file, { users: [], devices: [], tags: [] });
    const response = await ask();
    expect(response.status).toBe(500);
    expect(await response.json()).toEqual({ error: "the platform could not add a device; see its log" });
    expect(reports).toEqual([expect.stringContaining("who is not a user; add the user first")]);
    expect(registry.data.devices).toEqual([]);
  });

  test("listens on loopback only", () => {
    const outside = request({ host: "127.0.0.2", port: endpoint.port });
    return new Promise<void>((done, fail) => {
      outside.once("error", () => done());
      outside.once("response", () => fail(new Error("it answered")));
      outside.end();
    });
  });

  test("fails to start on a port in use", async () => {
    const options = { port: endpoint.port, token: TOKEN, addDevice: deviceMaker({ registry, file }) };
    await expect(startProvisioning(options)).rejects.toThrow("EADDRINUSE");
  });
});

test("a missing or weak token is refused", () => {
  expect(tokenFrom({ PLUGPASS_PROVISIONING_TOKEN: TOKEN })).toBe(TOKEN);
  for (const token of [
    undefined,
    "",
    "too-short",
    "with a space in it",
    "ünïcödé-characters",
    "x".repeat(257),
  ]) {
    expect(() => tokenFrom({ PLUGPASS_PROVISIONING_TOKEN: token })).toThrow(
      "set PLUGPASS_PROVISIONING_TOKEN to 16-256 ASCII characters",
    );
  }
});

test("the scheme of the Authorization header is case-insensitive", () => {
  expect(isAuthorized(`bearer ${TOKEN}`, TOKEN)).toBe(true);
  expect(isAuthorized(TOKEN, TOKEN)).toBe(false);
});

describe("provisioning from a platform", () => {
  const url = () => `http://127.0.0.1:${endpoint.port}`;

  function make(options: { url: string; token?: string; timeoutMs?: number; count?: number }) {
    const { count = 1, token = TOKEN, ...rest } = options;
    return provision({
      product: "cafe",
      count,
      directory: join(directory, "out"),
      accessPointName: "PlugPass AP",
      source: platformSource({ token, ...rest }),
    });
  }

  test("makes stations with the ids and keys of the platform", async () => {
    expect(await make({ url: url(), count: 2 })).toEqual({ made: 2, total: 2, halfMade: 0 });
    for (const { id, key } of registry.data.devices) {
      const image = readFileSync(join(directory, "out", `${id}.nvs.bin`));
      expect(identityIn(image)).toMatchObject({ id, key, product: "cafe", cipher: "aes-256-gcm" });
    }
    expect(registry.data.devices).toHaveLength(2);
    expect(await make({ url: `${url()}/`, count: 2 })).toMatchObject({ made: 0 });
    expect(registry.data.devices).toHaveLength(2);
  });

  test("reports a refused token", async () => {
    await expect(make({ url: url(), token: "another-token-of-tests" })).rejects.toThrow(
      `the platform at ${url()} refuses the token (401); PLUGPASS_PROVISIONING_TOKEN must be the same`,
    );
    expect(readdirSync(join(directory, "out"))).toEqual([]);
  });

  test("reports an unreachable platform", async () => {
    const gone = url();
    await endpoint.close();
    await expect(make({ url: gone })).rejects.toThrow(
      `the platform at ${gone} cannot be reached; check that it runs with --provisioning-port`,
    );
  });

  test.each([
    ["a text that is not a URL", "platform", "--platform must be http"],
    ["another scheme", "mqtt://127.0.0.1", "--platform must be http"],
    ["a user in the URL", "http://user:secret@127.0.0.1", "--platform must be http"],
    ["plain HTTP to another machine", "http://platform.example", "keys need encryption"],
    ["plain HTTP to a host name that resembles loopback", "http://127.0.0.1.example", "keys need encryption"],
  ])("refuses %s", (_name, wrong, message) => {
    expect(() => platformSource({ url: wrong, token: TOKEN })).toThrow(message);
    expect(() => platformSource({ url: wrong, token: TOKEN })).not.toThrow("secret");
  });

  describe("that misbehaves", () => {
    let server: Server;

    async function serve(listener: RequestListener): Promise<string> {
      server = createServer(listener);
      await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    }

    afterEach(() => {
      server.close();
      server.closeAllConnections();
    });

    const KEY = "0f".repeat(32);
    test.each([
      ["an answer that is not JSON", "secret"],
      ["a missing key", '{"id":"cafe-00000000"}'],
      ["a short key", '{"id":"cafe-00000000","key":"0f"}'],
      ["another product's id", `{"id":"bar-00000000","key":"${KEY}"}`],
      ["an id that is a path", `{"id":"../cafe-00000000","key":"${KEY}"}`],
    ])("an answer with %s", async (_name, body) => {
      const place = await serve((_request, response) => response.end(body));
      await expect(make({ url: place })).rejects.toThrow("returned no valid device of cafe");
      expect(readdirSync(join(directory, "out"))).toEqual([]);
    });

    test("reports a refusal with its reason on one line", async () => {
      const place = await serve((_request, response) => {
        response.writeHead(403).end('{"error":"no more\\nstations"}');
      });
      await expect(make({ url: place })).rejects.toThrow("refuses (403): no more stations");
    });

    test("reports a refusal without a reason", async () => {
      const place = await serve((_request, response) => {
        response.writeHead(503).end("<html>");
      });
      await expect(make({ url: place })).rejects.toThrow(/refuses \(503\)$/);
    });

    test("refuses an id that exists", async () => {
      const place = await serve((_request, response) =>
        response.end(`{"id":"cafe-00000000","key":"${KEY}"}`),
      );
      await expect(make({ url: place, count: 2 })).rejects.toThrow(
        "returned cafe-00000000, which already exists",
      );
    });

    test("times out without an answer", async () => {
      const place = await serve(() => undefined);
      await expect(make({ url: place, timeoutMs: 50 })).rejects.toThrow("does not answer within 0.05 s");
    });

    test("does not send the token to a redirection", async () => {
      const place = await serve((_request, response) => {
        response.writeHead(307, { Location: url() + DEVICES_PATH }).end();
      });
      await expect(make({ url: place })).rejects.toThrow("cannot be reached");
      expect(registry.data.devices).toEqual([]);
    });
  });
});
