import { expect, test } from "@jest/globals";
import type { HTTPConnection } from "../../../modules/board/index.js";
import { End } from "../contracts/pair.js";
import { virtualHarness } from "./harness.js";

test("the virtual HTTP server closes a connection that onConnect has not accepted", async () => {
  const harness = await virtualHarness();
  let connection: HTTPConnection | undefined;
  const { port } = new harness.board.io.HTTPServer({
    port: 80,
    maxHeadBytes: 1024,
    maxConnections: 4,
    maxConnectionsPerAddress: 4,
    requestTimeoutMs: 10_000,
    onConnect: (connected) => {
      connection = connected;
    },
  });
  const client = new End(harness, { port });
  await harness.until("it hangs up", () => client.isOver);
  expect(() => connection?.accept({})).toThrow("bad state");
  await harness.dispose();
});
