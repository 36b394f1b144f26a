import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { HTTPConnection, HTTPHandlers, HTTPRequest, HTTPServer } from "../../../modules/board/index.js";
import { asUint8Array, concatBytes, decodeUTF8, encodeUTF8 } from "../../../modules/bytes/index.js";
import type { Harness, MakeHarness } from "./harness.js";
import { End } from "./pair.js";

const MAX_HEAD_BYTES = 1024;
const TIMEOUT_MS = 500;
const A_WHILE_MS = 200;

interface Served {
  request: HTTPRequest | undefined;
  body: Uint8Array<ArrayBuffer>;
  readonly calls: string[];
  connection: HTTPConnection | undefined;
}

/** A server that answers `<method> <path> <body>` and can be controlled by a test. */
class TestServer {
  readonly served: Served[] = [];
  readonly server: HTTPServer;
  answer: (served: Served) => { status: number; body: Uint8Array<ArrayBuffer> } = ({ request, body }) => ({
    status: 200,
    body: encodeUTF8(`${request?.method} ${request?.path} ${decodeUTF8(body)}`),
  });
  onRequest: ((served: Served) => void) | undefined;
  onReadable: ((served: Served) => void) | undefined;
  /** Whether bodies are read as they arrive. */
  reads = true;
  /** Whether requests are answered automatically. */
  responds = true;

  constructor(harness: Harness, maxConnections = 4) {
    this.server = new harness.board.io.HTTPServer({
      port: 0,
      maxHeadBytes: MAX_HEAD_BYTES,
      maxConnections,
      maxConnectionsPerAddress: 2,
      requestTimeoutMs: TIMEOUT_MS,
      onConnect: (connection) => connection.accept(this.#handlers(connection)),
    });
  }

  respond(served: Served): void {
    const { status, body } = this.answer(served);
    this.#unsent.set(served, body);
    served.connection?.respond({ status, headers: new Map([["content-length", String(body.length)]]) });
  }

  readonly #unsent = new Map<Served, Uint8Array<ArrayBuffer>>();

  #handlers(connection: HTTPConnection): HTTPHandlers {
    const served: Served = { request: undefined, body: new Uint8Array(0), calls: [], connection };
    return {
      onRequest: (request) => {
        this.served.push(served);
        served.request = request;
        this.onRequest?.(served);
      },
      onReadable: () => {
        this.onReadable?.(served);
        if (!this.reads) return;
        served.body = concatBytes(served.body, asUint8Array(connection.read() ?? new ArrayBuffer(0)));
      },
      onResponse: () => {
        served.calls.push("response");
        if (this.responds) this.respond(served);
      },
      onWritable: (count) => {
        const unsent = this.#unsent.get(served) ?? new Uint8Array(0);
        const piece = unsent.slice(0, count);
        this.#unsent.set(served, unsent.subarray(piece.length));
        connection.write(piece);
      },
      onDone: () => served.calls.push("done"),
      onError: () => served.calls.push("error"),
    };
  }
}

/** Defines the tests that each board's HTTP server has to pass (modules/board/http.ts). */
export function describeHTTPContract(name: string, makeHarness: MakeHarness): void {
  describe(`${name}: HTTP server`, () => {
    let harness: Harness;
    let server: TestServer;

    beforeEach(async () => {
      harness = await makeHarness({ maxSockets: 32 });
      server = new TestServer(harness);
      await harness.until("it listens", () => server.server.port > 0);
    });

    afterEach(async () => {
      server.server.close();
      await harness.dispose();
    });

    async function open(): Promise<End> {
      const client = new End(harness, { port: server.server.port });
      await harness.until("the client is connected", () => client.isOpen || client.isOver);
      return client;
    }

    /** Sends raw bytes in the given pieces and returns the response. */
    async function request(
      ...pieces: (string | Uint8Array<ArrayBuffer>)[]
    ): Promise<{ status: number; body: string }> {
      const client = await open();
      for (const piece of pieces) {
        client.send(typeof piece === "string" ? encodeUTF8(piece) : piece);
        await harness.pass(10);
      }
      return response(client);
    }

    async function response(client: End): Promise<{ status: number; body: string }> {
      await harness.until("the response is complete", () => client.isOver);
      const text = decodeUTF8(client.received) ?? "";
      const [head = "", body = ""] = text.split("\r\n\r\n");
      client.socket.close();
      return { status: Number(head.split(" ")[1]), body };
    }

    /** Sends a complete request, to which the server does not respond by itself. */
    async function requestUnanswered(): Promise<End> {
      server.responds = false;
      const client = await open();
      client.send(encodeUTF8("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
      await harness.until(
        "the request is there",
        () => server.served[0]?.calls.includes("response") === true,
      );
      return client;
    }

    test("answers a GET with its query", async () => {
      const { status, body } = await request("GET /a?b=%20c HTTP/1.1\r\nHost: x\r\n\r\n");
      expect(status).toBe(200);
      expect(body).toBe("GET /a?b=%20c ");
    });

    test("gives header names in lower case and values without surrounding spaces", async () => {
      await request("GET / HTTP/1.1\r\nHost: x\r\nX-Test:  a b \r\n\r\n");
      expect(server.served[0]?.request?.headers.get("x-test")).toBe("a b");
    });

    test("accepts a head in any pieces", async () => {
      const bytes = [..."GET /a HTTP/1.1\r\nHost: x\r\n\r\n"];
      expect((await request(...bytes)).body).toBe("GET /a ");
    });

    test("accepts a body of a given length in any pieces", async () => {
      const { body } = await request("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nab", "c", "def");
      expect(body).toBe("POST / abcdef");
    });

    test("accepts a chunked body in any pieces", async () => {
      const head = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
      const { body } = await request(`${head}3\r\nab`, "c\r", "\n3\r\ndef\r\n0", "\r\n\r\n");
      expect(body).toBe("POST / abcdef");
    });

    test("receives a body of 20,000 bytes completely", async () => {
      server.answer = ({ body }) => ({ status: 200, body: encodeUTF8(String(body.length)) });
      const { body } = await request(
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20000\r\n\r\n",
        new Uint8Array(20_000).fill(65),
      );
      expect(body).toBe("20000");
    });

    test("sends a response of 50,000 bytes completely", async () => {
      server.answer = () => ({ status: 200, body: new Uint8Array(50_000).fill(66) });
      const { body } = await request("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
      expect(body).toBe("B".repeat(50_000));
      expect(server.served[0]?.calls).toEqual(["response", "done"]);
    });

    test("can send an empty response", async () => {
      server.answer = () => ({ status: 403, body: new Uint8Array(0) });
      expect((await request("GET / HTTP/1.1\r\nHost: x\r\n\r\n")).status).toBe(403);
    });

    test("can respond later than at the request", async () => {
      const client = await requestUnanswered();
      await harness.pass(A_WHILE_MS);
      server.respond(server.served[0] as Served);
      expect((await response(client)).body).toBe("GET / ");
    });

    test("can respond after the head, and drops the rest of the request", async () => {
      server.answer = () => ({ status: 413, body: encodeUTF8("too large") });
      server.onRequest = (served) => server.respond(served);
      const { status, body } = await request(
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4000\r\n\r\n",
        new Uint8Array(4000),
      );
      expect(status).toBe(413);
      expect(body).toBe("too large");
      expect(server.served[0]?.calls).toEqual(["done"]);
    });

    test("sends an early response completely to a client that keeps sending", async () => {
      server.answer = () => ({ status: 409, body: encodeUTF8("not now") });
      server.onRequest = (served) => server.respond(served);
      const client = await open();
      const [received, isSent] = [() => decodeUTF8(client.received) ?? "", () => client.isSent];
      client.send(encodeUTF8("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n"));
      client.send(new Uint8Array(60_000));
      await harness.until("the answer is there", () => received().endsWith("not now"));
      await harness.until("all is taken, and the connection ends", () => isSent() && client.isOver);
      expect(server.served[0]?.calls).toEqual(["done"]);
    });

    test("applies backpressure to the sender of a body that is not read", async () => {
      server.reads = false;
      const client = await open();
      client.send(encodeUTF8("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n\r\n"));
      client.send(new Uint8Array(20_000_000));
      await harness.until("the request is there", () => server.served.length > 0);
      await harness.pass(TIMEOUT_MS / 4);
      const { unsentBytes } = client;
      await harness.pass(TIMEOUT_MS / 4);
      expect(client.unsentBytes).toBe(unsentBytes);
      expect(client.isSent).toBe(false);
      server.reads = true;
      server.answer = ({ request }) => ({ status: 413, body: encodeUTF8(request?.path ?? "") });
      server.respond(server.served[0] as Served);
      await harness.until("it is answered", () => (decodeUTF8(client.received) ?? "").includes(" 413 "));
      client.socket.close();
    });

    test("can extend the time limit of a body repeatedly", async () => {
      const client = await open();
      server.onReadable = ({ connection }) => connection?.extend(TIMEOUT_MS);
      client.send(encodeUTF8("POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n"));
      for (let i = 0; i < 4; i++) {
        await harness.pass(0.6 * TIMEOUT_MS);
        client.send(encodeUTF8("x"));
      }
      expect((await response(client)).body).toBe("POST /slow xxxx");
    });

    test("answers a body that stops with 408, whatever time it was given", async () => {
      const client = await open();
      server.onReadable = ({ connection }) => connection?.extend(TIMEOUT_MS);
      client.send(encodeUTF8("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nx"));
      expect((await response(client)).status).toBe(408);
      expect(server.served[0]?.calls).toEqual(["error"]);
    });

    test("closes a connection whose response is not read", async () => {
      server.answer = () => ({ status: 200, body: new Uint8Array(20_000_000) });
      const client = await open();
      client.reads = false;
      client.send(encodeUTF8("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
      await harness.until("the connection is closed", () => server.served[0]?.calls.length === 2);
      expect(server.served[0]?.calls).toEqual(["response", "error"]);
      client.socket.close();
    });

    test.each([
      ["text that is not a request", "hello\r\n\r\n"],
      ["a request without a path", "GET HTTP/1.1\r\nHost: x\r\n\r\n"],
      ["a header without a colon", "GET / HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n"],
      ["an invalid length", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"],
      ["two lengths", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"],
      [
        "a length and chunks",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      ],
    ])("answers %s with 400", async (_name, raw) => {
      expect((await request(raw)).status).toBe(400);
      expect(server.served).toHaveLength(0);
    });

    test("closes a connection with an invalid chunk and reports no complete request", async () => {
      const client = await open();
      client.send(encodeUTF8("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"));
      await harness.until("the connection ends", () => client.isOver);
      expect(server.served.flatMap(({ calls }) => calls)).not.toContain("response");
    });

    test("answers a head that is too long with 431", async () => {
      const { status } = await request(
        `GET / HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(MAX_HEAD_BYTES)}\r\n\r\n`,
      );
      expect(status).toBe(431);
    });

    test("answers a head without an end with 431", async () => {
      expect((await request(`GET /${"x".repeat(2 * MAX_HEAD_BYTES)}`)).status).toBe(431);
    });

    test("answers a head that is not complete in time with 408", async () => {
      const client = await open();
      client.send(encodeUTF8("GET / HTTP/1.1\r\nHo"));
      expect((await response(client)).status).toBe(408);
    });

    test("answers a body that is not complete in time with 408", async () => {
      const client = await open();
      client.send(encodeUTF8("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab"));
      expect((await response(client)).status).toBe(408);
      expect(server.served[0]?.calls).not.toContain("response");
    });

    test("serves again soon after silent connections have exceeded the limit", async () => {
      const silent = await Promise.all(Array.from({ length: 6 }, open));
      await harness.pass(2 * TIMEOUT_MS);
      expect((await request("GET /still HTTP/1.1\r\nHost: x\r\n\r\n")).body).toBe("GET /still ");
      for (const client of silent) client.socket.close();
    });

    test("knows the address of the client", async () => {
      await requestUnanswered();
      expect(server.served[0]?.connection?.remoteAddress).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    });

    test("serves two requests of an address at a time, and the third after one of them", async () => {
      server.responds = false;
      const clients = await Promise.all(Array.from({ length: 3 }, open));
      for (const client of clients) client.send(encodeUTF8("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
      await harness.pass(A_WHILE_MS);
      expect(server.served).toHaveLength(2);
      server.respond(server.served[0] as Served);
      await harness.until("the third one is served", () => server.served.length === 3);
      for (const client of clients) client.socket.close();
    });

    test("answers a request of HTTP/1.0, which needs no host", async () => {
      expect((await request("GET /a HTTP/1.0\r\n\r\n")).body).toBe("GET /a ");
    });

    test("answers a request of HTTP/1.1 without a host with 400", async () => {
      expect((await request("GET /a HTTP/1.1\r\n\r\n")).status).toBe(400);
    });

    test("passes the absolute form of a request target on as it is", async () => {
      expect((await request("GET http://x/a?b HTTP/1.1\r\nHost: x\r\n\r\n")).body).toBe("GET http://x/a?b ");
    });

    test("reports a client that disconnects before the response", async () => {
      const client = await requestUnanswered();
      client.socket.close();
      await harness.until(
        "the server has detected it",
        () => server.served[0]?.calls.includes("error") === true,
      );
    });

    test("closes open connections without further callbacks when it is closed", async () => {
      const client = await requestUnanswered();
      server.server.close();
      await harness.until("the client has detected it", () => client.isOver);
      expect(server.served[0]?.calls).toEqual(["response"]);
      client.socket.close();
    });
  });
}
