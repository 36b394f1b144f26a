import { expect, test } from "@jest/globals";
import type { HTTPServerOptions } from "../../../modules/board/index.js";
import { encodeUTF8 } from "../../../modules/bytes/index.js";
import { LOGIN, Scene } from "../../virtual/scene.js";
import { FUZZ_RUNS } from "../../virtual/world/random.js";
import { Flood } from "./malformed-flood.js";

/** Number of requests. host-tests/suites/e2e/malformed-requests.test.ts sends all 10,000 and measures the memory. */
const RUNS = FUZZ_RUNS / 10;

test(`${RUNS} malformed requests cause no exception, are answered or disconnected, and the next valid one is served`, () => {
  const flood = new Flood(431);
  flood.send(RUNS);
  expect(flood.statuses.size).toBeGreaterThan(5);
});

test("100 concurrent connections with incomplete requests do not block the next valid request", () => {
  new Flood(100).crowd();
});

test("a guest with two addresses who holds every connection keeps no other address out, and no upload is closed", () => {
  const scene = new Scene();
  scene.under.config = { updateKey: "ab".repeat(32) };
  scene.under.boot();
  scene.clock.advance(500);
  const body = "x".repeat(10);
  const head = `POST /firmware/upload HTTP/1.1\r\nhost: 1.2.3.4\r\nauthorization: ${LOGIN.authorization}\r\n`;
  const upload = scene.sendRaw(encodeUTF8(`${head}content-length: 1000\r\n\r\n${body}`), "192.168.1.60");
  scene.clock.advance(1000);
  for (const from of ["192.168.1.66", "192.168.1.67"]) {
    for (let i = 0; i < 4; i++) scene.sendRaw(encodeUTF8("GET / HTTP/1.1\r\nhost: "), from);
  }
  scene.clock.advance(1000);
  const sinceMs = scene.clock.monotonicMs();
  expect(scene.ask("GET", "/healthcheck", { from: "192.168.1.5" }).status).toBe(200);
  expect(scene.clock.monotonicMs() - sinceMs).toBeLessThan(2000);
  expect(upload.outcome).toBeUndefined();
});

test("the flood detects a server that crashes on a malformed request", () => {
  const scene = new Scene();
  scene.under.bad.set(1, (board) => {
    const { HTTPServer } = board.io;
    class Canary extends HTTPServer {
      constructor(options: HTTPServerOptions) {
        super({
          ...options,
          onConnect: (connection) => {
            const accept = connection.accept.bind(connection);
            connection.accept = (handlers) =>
              accept({
                ...handlers,
                onRequest(request) {
                  decodeURIComponent(request.path);
                  handlers.onRequest?.(request);
                },
              });
            options.onConnect(connection);
          },
        });
      }
    }
    return { ...board, io: { ...board.io, HTTPServer: Canary } };
  });
  expect(() => new Flood(431, scene).send(RUNS)).toThrow(
    /seed 431, among the requests from \d+ on: the station ended/,
  );
});
