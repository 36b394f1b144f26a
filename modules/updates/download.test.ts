import { beforeEach, describe, expect, test } from "@jest/globals";
import { FirmwareServer } from "../../host-tests/suites/simulation/firmware-server.js";
import { Device, FirmwareRun, makeSockets } from "../../host-tests/virtual/board/index.js";
import type { VirtualClock } from "../../host-tests/virtual/world/clock.js";
import { makeImage } from "../../host-tests/virtual/world/firmware-image.js";
import type { Host } from "../../host-tests/virtual/world/network.js";
import { maker } from "../../host-tests/virtual/world/signer.js";
import { virtualWorld, type World } from "../../host-tests/virtual/world/world.js";
import type { FirmwareResponse } from "../../platform-stub/firmware/answer.js";
import type { Board } from "../board/index.js";
import { Download } from "./download.js";
import { Get } from "./get.js";
import { type Expectation, Installation, parseURL } from "./index.js";

const HOUR_MS = 60 * 60_000;
const image = makeImage({ version: 2, byteLength: 40_000 });
const signature = maker.sign(image);

const NOW_MS = 1_800_000_000_000;

let world: World<VirtualClock>;
let board: Board;
let device: Device;
let host: Host;
let plain: FirmwareServer;
let secure: FirmwareServer;

beforeEach(() => {
  world = virtualWorld();
  world.clock.setEpochMs(NOW_MS);
  host = world.network.host({ address: "10.0.0.1", names: ["platform.example", "other.example"] });
  const firmware = new FirmwareRun({ clock: world.clock, onEnd: () => {} });
  const sockets = makeSockets(host, firmware, { maxSockets: 100 });
  const options = { clock: world.clock, sockets };
  plain = new FirmwareServer({ ...options, port: 80 });
  secure = new FirmwareServer({ ...options, port: 443, certificateName: "platform.example" });
  for (const { repository } of [plain, secure]) {
    repository.put({ productId: "plugpass", version: 2, channel: "stable", percent: 100, image });
  }
  device = new Device(world);
  device.host.address = "192.168.1.10";
  device.boot((made) => {
    board = made;
  });
});

function parsed(text: string) {
  const url = parseURL(text);
  if (!url) throw new Error(`${text} is not a URL`);
  return url;
}

function redirect(location: string): FirmwareResponse {
  return { status: 302, headers: { location, "content-length": "0" }, body: new Uint8Array(0) };
}

/** Runs a GET and returns its result. */
function get(url: string): { status: number; bytes: number; outcome: string; tookMs: number } {
  const result = { status: 0, bytes: 0, outcome: "", tookMs: 0 };
  const beganMs = world.clock.monotonicMs();
  const end = (outcome: string) => {
    result.outcome += outcome;
    result.tookMs = world.clock.monotonicMs() - beganMs;
  };
  new Get({
    board,
    url: parsed(url),
    headers: {},
    onHead: ({ status }) => {
      result.status = status;
    },
    onBody: ({ length }) => {
      result.bytes += length;
    },
    onDone: () => end("done"),
    onFailed: end,
  });
  expect(result.outcome).toBe("");
  world.clock.advance(HOUR_MS);
  return result;
}

describe("Get", () => {
  test("waits for the time before TLS, and fails without it", () => {
    world.clock.setEpochMs(undefined);
    expect(get("https://platform.example/")).toMatchObject({
      outcome: expect.stringContaining("does not know the time"),
    });
    expect(get("http://platform.example/").outcome).toBe("done");
    world.clock.set(() => world.clock.setEpochMs(NOW_MS), 5000);
    expect(get("https://platform.example/").outcome).toBe("done");
  });

  test.each(["http://platform.example", "https://platform.example", "http://10.0.0.1"])(
    "receives the body from %s",
    (url) => {
      const bytes = image.length;
      expect(get(`${url}/firmwares/v1/plugpass.bin`)).toMatchObject({ status: 200, bytes, outcome: "done" });
    },
  );

  test.each([
    ["another name", "https://other.example/", "the TLS handshake with other.example failed"],
    ["an unknown name", "https://unknown.example/", "the name unknown.example has no address"],
    ["a closed port", "http://platform.example:81/", "platform.example port 81 refuses the connection"],
  ])("fails for %s", (_name, url, outcome) => {
    expect(get(url).outcome).toBe(outcome);
  });

  test("fails when the board's socket throws, without the text of the exception", () => {
    class BrokenTCP {
      constructor() {
        throw new Error("words of the engine");
      }
    }
    board = { ...board, resolve: board.resolve.bind(board), io: { ...board.io, TCP: BrokenTCP as never } };
    expect(get("http://platform.example/").outcome).toBe(
      "the station has no free connection for platform.example port 80",
    );
  });

  test("fails within 20 s when the host is cut off", () => {
    host.isCut = true;
    const { outcome, tookMs } = get("http://10.0.0.1/");
    expect(outcome).toMatch(/does not answer|refuses/);
    expect(tookMs).toBeLessThanOrEqual(20_000);
  });

  test("fails after 15 s without data", () => {
    plain.fault = () => ({ stallAfterBytes: 1000 });
    const { outcome, bytes } = get("http://platform.example/firmwares/v1/plugpass.bin");
    expect(outcome).toBe("no data for 15 s");
    expect(bytes).toBe(1000);
  });

  test("follows three redirects, also to another server, and reports only the final response", () => {
    plain.intercept = ({ path }, response) => {
      const step = Number(/^\/step(\d)$/.exec(path)?.[1]);
      if (!step) return response;
      const body = new Uint8Array(100);
      const location = step === 3 ? "https://platform.example/firmwares/v1/plugpass.bin" : `/step${step + 1}`;
      return { ...redirect(location), headers: { location, "content-length": "100" }, body };
    };
    expect(get("http://platform.example/step1")).toMatchObject({ status: 200, bytes: image.length });
    expect(secure.requests).toHaveLength(1);
  });

  test("omits ownHeaders when a redirect leads to another host", () => {
    const location = "http://other.example/firmwares/v1/plugpass.bin";
    plain.intercept = ({ path }, response) =>
      path === "/" ? redirect("/here") : path === "/here" ? redirect(location) : response;
    const options = { board, headers: { "user-agent": "a" }, ownHeaders: { "x-device-id": "b" } };
    const handlers = { onHead: () => {}, onBody: () => {}, onDone: () => {}, onFailed: () => {} };
    new Get({ ...options, ...handlers, url: parsed("http://platform.example/") });
    world.clock.advance(HOUR_MS);
    expect(
      plain.requests.map(({ headers }) => [headers.get("user-agent"), headers.get("x-device-id")]),
    ).toEqual([
      ["a", "b"],
      ["a", "b"],
      ["a", undefined],
    ]);
  });

  test.each([
    ["in a circle", "/", "more than 3 redirects"],
    [
      "from TLS to plain text",
      "http://platform.example/",
      "the redirect is invalid or leads from TLS to plain text",
    ],
    ["to an invalid location", "nowhere", "the redirect is invalid or leads from TLS to plain text"],
  ])("does not follow redirects %s", (_name, location, outcome) => {
    secure.intercept = () => redirect(location);
    expect(get("https://platform.example/").outcome).toBe(outcome);
  });

  test("closes all sockets", () => {
    secure.intercept = () => redirect("/");
    for (let i = 0; i < 30; i++) get("https://platform.example/");
    expect(get("http://platform.example/firmwares/v1/plugpass.bin").outcome).toBe("done");
  });
});

/** Runs a download and returns its outcome. */
function download(expected: Expectation, server = "http://platform.example"): string {
  let outcome = "";
  new Download({
    board,
    url: parsed(`${server}/firmwares/v1/plugpass.bin`),
    headers: {},
    expected,
    begin: (all) => {
      const { publicKey: trust } = maker;
      return new Installation({ board, productId: "plugpass", runningVersion: 1, trust, expected: all });
    },
    onProgress: () => {},
    onDone: (installation) => {
      outcome += installation.finish({ signature })?.code ?? "installed";
    },
    onRefused: ({ code }) => {
      outcome += code;
    },
    onFailed: (why) => {
      outcome += why;
    },
  });
  world.clock.advance(3 * HOUR_MS);
  return outcome;
}

const ranges = () => plain.requests.map(({ headers }) => headers.get("range"));

describe("a download that loses its connection", () => {
  beforeEach(() => {
    plain.fault = ({ headers }) => (headers.has("range") ? undefined : { breakAfterBytes: 15_000 });
  });

  test("resumes when the server sent a validator", () => {
    expect(download({ version: 2 })).toBe("installed");
    expect(ranges()).toEqual([undefined, "bytes=15000-"]);
  });

  test("resumes without a validator when the hash is announced", () => {
    plain.intercept = (_request, { headers: { etag: _etag, ...headers }, ...response }) => {
      return { ...response, headers };
    };
    const sha256 = new Uint8Array(board.crypto.sha256(image));
    expect(download({ version: 2, sha256 })).toBe("installed");
    expect(ranges()).toEqual([undefined, "bytes=15000-"]);
  });

  test.each(["none", 'W/"weak"'])("starts over without a hash and a strong validator: %s", (tag) => {
    plain.intercept = (_request, { headers: { etag: _etag, ...headers }, ...response }) => {
      return { ...response, headers: tag === "none" ? headers : { ...headers, etag: tag } };
    };
    expect(download({ version: 2 })).toBe("the download had to start over 4 times");
    expect(ranges().every((range) => range === undefined)).toBe(true);
  });

  test("starts over when the content range does not match the image", () => {
    for (const contentRange of ["bytes 15000-39999/50000", "bytes 0-39999/40000", "nonsense"]) {
      let isLying = true;
      plain.intercept = ({ headers }, response) => {
        if (!headers.has("range") || !isLying) return response;
        isLying = false;
        plain.fault = undefined;
        return { ...response, headers: { ...response.headers, "content-range": contentRange } };
      };
      expect(download({ version: 2 })).toBe("installed");
    }
  });

  test("starts over when the validator has changed", () => {
    let isOther = true;
    plain.intercept = ({ headers }, response) => {
      if (!headers.has("range") || !isOther) return response;
      isOther = false;
      plain.fault = undefined;
      return { ...response, headers: { ...response.headers, etag: '"other"' } };
    };
    expect(download({ version: 2 })).toBe("installed");
    expect(ranges()).toEqual([undefined, "bytes=15000-", undefined]);
  });

  test("resumes when a range is shorter than requested", () => {
    plain.intercept = ({ headers }, response) => {
      const from = Number(/^bytes=(\d+)-/.exec(headers.get("range") ?? "")?.[1]);
      if (!from) return response;
      const body = response.body.slice(0, 10_000);
      const contentRange = `bytes ${from}-${from + body.length - 1}/${image.length}`;
      const own = { "content-length": String(body.length), "content-range": contentRange };
      return { ...response, headers: { ...response.headers, ...own }, body };
    };
    expect(download({ version: 2 })).toBe("installed");
    expect(ranges()).toEqual([undefined, "bytes=15000-", "bytes=25000-", "bytes=35000-"]);
  });

  test("is complete when only the end of the connection was lost", () => {
    plain.fault = ({ headers }) => (headers.has("range") ? undefined : { stallAfterBytes: image.length });
    plain.intercept = ({ headers }, response) => {
      // Without a length, the image ends with its connection, which stays open.
      const { "content-length": _length, ...rest } = response.headers;
      return headers.has("range") ? response : { ...response, headers: rest };
    };
    expect(download({ version: 2 })).toBe("installed");
    expect(ranges()).toEqual([undefined, `bytes=${image.length}-`]);
  });

  test("fails when the server does not recover", () => {
    plain.intercept = ({ headers }, response) =>
      headers.has("range") ? { ...response, status: 503 } : response;
    expect(download({ version: 2 })).toBe("the server answers 503");
    expect(plain.requests).toHaveLength(6);
  });
});

describe("a download", () => {
  test("fails when it takes longer than an hour, and not before", () => {
    plain.fault = () => ({ bytesPerSecond: 12 });
    expect(download({ version: 2 })).toBe("installed");
    plain.fault = () => ({ bytesPerSecond: 10 });
    expect(download({ version: 2 })).toBe("the download took longer than an hour");
  });

  test("is refused at the first byte beyond its size or the slot", () => {
    const endless = new Uint8Array(2_100_000);
    endless.set(image);
    plain.intercept = (_request, response) => ({ ...response, headers: {}, body: endless });
    expect(download({ version: 2, size: image.length })).toBe("wrong-size");
    expect(download({ version: 2 })).toBe("too-large");
  });

  test("is refused before the slot is erased when its length differs from the announced size", () => {
    expect(download({ version: 2, size: 39_984 })).toBe("wrong-size");
    expect(device.slots.operationCount).toBe(0);
  });

  test("fails at once when the image does not exist", () => {
    plain.intercept = (_request, response) => ({ ...response, status: 404 });
    expect(download({ version: 2 })).toBe("the server has no such image");
    expect(plain.requests).toHaveLength(1);
  });
});

describe("a download over TLS from a server whose records are too long for the station", () => {
  const SECURE = "https://platform.example";
  const PIECE_BYTES = 2048;

  beforeEach(() => {
    secure.fault = ({ headers }) => {
      const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(headers.get("range") ?? "") ?? [];
      return Number(to) - Number(from) < PIECE_BYTES ? undefined : { breakAfterBytes: 0 };
    };
  });

  const secureRanges = () => secure.requests.map(({ headers }) => headers.get("range"));
  const pieces = Array.from(
    { length: Math.ceil(image.length / PIECE_BYTES) },
    (_, i) => `bytes=${i * PIECE_BYTES}-${(i + 1) * PIECE_BYTES - 1}`,
  );

  test("requests pieces of 2 KB on one connection after the first attempt", () => {
    expect(download({ version: 2 }, SECURE)).toBe("installed");
    expect(secureRanges()).toEqual([undefined, ...pieces]);
    expect(secure.connectionCount).toBe(2);
  });

  test("connects again for each piece if the server closes the connection", () => {
    secure.isPersistent = false;
    expect(download({ version: 2 }, SECURE)).toBe("installed");
    expect(secureRanges()).toEqual([undefined, ...pieces]);
    expect(secure.connectionCount).toBe(1 + pieces.length);
  });

  test("continues after a lost connection at the first missing piece", () => {
    const { fault } = secure;
    let isLost = false;
    secure.fault = (request) => {
      if (isLost || request.headers.get("range") !== pieces[5]) return fault?.(request);
      isLost = true;
      return { breakAfterBytes: 100 };
    };
    expect(download({ version: 2 }, SECURE)).toBe("installed");
    expect(secure.connectionCount).toBe(3);
  });

  test("starts over when a piece is of another image", () => {
    let isOther = true;
    secure.intercept = ({ headers }, response) => {
      if (headers.get("range") !== pieces[3] || !isOther) return response;
      isOther = false;
      return { ...response, headers: { ...response.headers, etag: '"other"' } };
    };
    expect(download({ version: 2 }, SECURE)).toBe("installed");
    expect(secureRanges().filter((range) => range === pieces[0])).toHaveLength(2);
  });

  test("fails when the server has no ranges", () => {
    secure.intercept = ({ headers }, response) =>
      headers.has("range") ? { ...response, status: 200 } : response;
    secure.fault = () => ({ breakAfterBytes: 0 });
    expect(download({ version: 2 }, SECURE)).toMatch(/the connection was lost|start over/);
  });

  test("requests no pieces without TLS", () => {
    plain.fault = () => ({ breakAfterBytes: 0 });
    expect(download({ version: 2 })).toMatch(/the connection was lost|start over/);
    expect(ranges().every((range) => range === undefined)).toBe(true);
  });
});
