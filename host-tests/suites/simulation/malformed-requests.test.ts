import { expect, test } from "@jest/globals";
import type { HTTPServerOptions } from "../../../modules/board/index.js";
import { Scene } from "../../virtual/scene.js";
import { FUZZ_RUNS } from "../../virtual/world/random.js";
import { Flood } from "./malformed-flood.js";

/** All 10,000, and what they leave in memory: host-tests/suites/e2e/malformed-requests.test.ts. */
const RUNS = FUZZ_RUNS / 10;

test(`${RUNS} malformed requests: no exception, each is answered or cut off, and the next good one is served`, () => {
  const flood = new Flood(431);
  flood.send(RUNS);
  expect(flood.statuses.size).toBeGreaterThan(5);
});

test("100 connections at once that say nothing to the end: the next good request is served", () => {
  new Flood(100).crowd();
});

test("a server that fails on one of them is found", () => {
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
