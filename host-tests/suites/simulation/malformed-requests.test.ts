import { expect, test } from "@jest/globals";
import type { HTTPServerOptions } from "../../../modules/board/index.js";
import { Scene } from "../../virtual/scene.js";
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
