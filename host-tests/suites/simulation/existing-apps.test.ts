/**
 * Replays the requests of existing 2Smart apps and panels and checks that the station gives the answers they expect.
 * Sources: "Device Pairing" (2SmartCloud/2smart-cloud-docs, Device_pairing.md, 6a4248e of 2023-10-20), and the SDK
 * for devices (2SmartCloud/2smart-cloud-cpp-sdk, f6a54c2). In the SDK, src/web_server_base/README.md names the
 * endpoints and web_server_base.cpp gives the answers. The pages in src/data send the requests, here with the headers
 * that Chromium adds to `fetch`.
 */

import { describe, expect, test } from "@jest/globals";
import type { Config } from "../../../firmware/config.js";
import { concatBytes, encodeUTF8 } from "../../../modules/bytes/index.js";
import { BROKER_NAME, formOf, LOGIN, loginOf, OWNER, PAIRING, Scene, WIFI } from "../../virtual/scene.js";
import { makeImage } from "../../virtual/world/firmware-image.js";
import { KEYED } from "../../virtual/world/signer.js";

function booted(config: Partial<Config> = {}): Scene {
  const scene = new Scene({ device: { resource: () => encodeUTF8("panel") } });
  scene.under.config = config;
  scene.under.boot();
  scene.clock.advance(500);
  return scene;
}

/** Builds the request of a mobile app: request line, `Host` and the headers of its HTTP library. */
function fromApp(target: string): string {
  return `GET ${target} HTTP/1.1\r\nHost: 192.168.4.1\r\nUser-Agent: okhttp/4.9.1\r\nAccept-Encoding: gzip\r\n\r\n`;
}

const BROWSER = [
  "Host: 192.168.4.1",
  "Connection: keep-alive",
  `Authorization: ${LOGIN.authorization}`,
  "User-Agent: Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36",
  "Accept: */*",
  "Accept-Encoding: gzip, deflate",
  "Accept-Language: uk-UA,uk;q=0.9,en-US;q=0.8,en;q=0.7",
];

/** Builds the request that `fetch("/" + target)` sends from a page of the SDK. */
function fromPage(page: string, target: string): string {
  const lines = [`GET ${target} HTTP/1.1`, ...BROWSER, `Referer: http://192.168.4.1/${page}`];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

function replay(scene: Scene, request: string | Uint8Array<ArrayBuffer>) {
  const sender = scene.sendRaw(typeof request === "string" ? encodeUTF8(request) : request);
  scene.until("it is answered", () => sender.outcome !== undefined);
  const { outcome } = sender;
  if (!outcome || !("status" in outcome)) throw new Error(JSON.stringify(outcome));
  return outcome;
}

function untilOnline(scene: Scene): void {
  scene.until("online", () => scene.under.station?.lifeCycle === "online", 200_000);
}

describe('the "Device Pairing" document', () => {
  test("requires an access point named after the product's title", () => {
    expect(booted().world.wifi.accessPoints).toMatchObject([{ ssid: "PlugPass AP" }]);
  });

  test("GET /healthcheck is answered with 200 OK", () => {
    expect(replay(booted(), fromApp("/healthcheck"))).toMatchObject({ status: 200, body: "OK" });
  });

  test("GET /pair with its six fields is answered with 200 OK, and the station connects to the platform", () => {
    const scene = booted();
    const target = `/pair?ssid=Caf%C3%A9&psk=${WIFI.password}&wsp=owner%40cafe.example&token=${OWNER.token}&host=${BROKER_NAME}&brport=1883`;
    expect(replay(scene, fromApp(target))).toMatchObject({ status: 200, body: "OK" });
    untilOnline(scene);
  });

  test("GET /pair also accepts rootTopic and mqtts_port", () => {
    const scene = booted();
    const target = `/pair?${formOf({ ...PAIRING, rootTopic: "cafe", mqtts_port: "8883" })}`;
    expect(replay(scene, fromApp(target)).status).toBe(200);
  });

  test("GET /pair with a missing field, or with the SDK's empty `ssid=`, is answered with 400 and a message", () => {
    for (const name of Object.keys(PAIRING)) {
      const answer = replay(booted(), fromApp(`/pair?${formOf({ ...PAIRING, [name]: undefined })}`));
      expect(answer).toMatchObject({ status: 400, body: expect.stringContaining(name) });
    }
    expect(replay(booted(), fromApp(`/pair?${formOf({ ...PAIRING, ssid: "" })}`)).status).toBe(400);
  });

  test("GET /pair is answered with 500 and a message when the storage fails", () => {
    const scene = booted();
    scene.device.flash.set("plugpass", "full", new Uint8Array(76_608));
    const answer = replay(scene, fromApp(`/pair?${formOf(PAIRING)}`));
    expect(answer).toMatchObject({ status: 500, body: expect.stringContaining("store") });
  });
});

describe("pages of the SDK", () => {
  test.each(["/", "/index.html", "/wifi.html", "/system.html"])(
    "GET %s without a login is answered with 401 and a Basic challenge",
    (path) => {
      const scene = booted();
      const answer = replay(scene, `GET ${path} HTTP/1.1\r\nHost: 192.168.4.1\r\n\r\n`);
      expect(answer.status).toBe(401);
      expect(answer.headers.get("www-authenticate")).toMatch(/^Basic realm=/);
    },
  );

  test("wifi.html lists the networks with their encryption and signal strength", () => {
    const scene = booted();
    scene.world.wifi.put({ ssid: "Open", rssi: -75 });
    const entries = Object.entries(JSON.parse(replay(scene, fromPage("wifi.html", "/scan/v2")).body));
    expect(entries).toEqual([
      ["Café", { encType: "3", signal: "80" }],
      ["Open", { encType: "0", signal: "50" }],
    ]);
    expect(JSON.parse(replay(scene, fromPage("wifi.html", "/scan")).body)).toEqual({ Café: "3", Open: "0" });
    expect(replay(scene, fromPage("wifi.html", "/connectedwifi"))).toMatchObject({
      status: 200,
      body: "NULL",
    });
  });

  test("wifi.html and index.html pair the station over plain HTTP with unescaped fields", () => {
    const scene = booted();
    // `fetch` escapes `setwifi?ssid=Café&pass=…` to this.
    const network = `/setwifi?ssid=Caf%C3%A9&pass=${WIFI.password}`;
    expect(replay(scene, fromPage("wifi.html", network))).toMatchObject({ status: 200, body: "OK" });
    const credentials =
      `/setcredentials?mail=${OWNER.email}&token=${OWNER.token}&hostname=${BROKER_NAME}&brokerPort=1883` +
      "&productId=plugpass&deviceId=a4-cf-12-00-00-01";
    expect(replay(scene, fromPage("index.html", credentials))).toMatchObject({ status: 200, body: "OK" });
    untilOnline(scene);
    const joined = replay(scene, fromPage("wifi.html", "/connectedwifi"));
    expect(joined).toMatchObject({ status: 200, body: "Café" });
  });

  test("index.html with a missing field is answered with 400 Incorrect data", () => {
    const target = `/setcredentials?mail=${OWNER.email}&hostname=${BROKER_NAME}&brokerPort=1883&productId=x&deviceId=x`;
    const answer = replay(booted(), fromPage("index.html", target));
    expect(answer).toMatchObject({ status: 400, body: "Incorrect data" });
  });

  test("wifi.html with a missing field is answered with 400", () => {
    expect(replay(booted(), fromPage("wifi.html", "/setwifi?ssid=x")).status).toBe(400);
  });

  test("system.html changes the password, restarts and resets the station, each with 200 OK", () => {
    const scene = booted();
    const page = (target: string) => fromPage("system.html", target);
    expect(replay(scene, page("/newauthpass?newpass=12345678"))).toMatchObject({ status: 200, body: "OK" });
    const withNewPassword = (target: string) =>
      page(target).replace(LOGIN.authorization, loginOf("12345678").authorization);
    expect(replay(scene, withNewPassword("/reboot"))).toMatchObject({ status: 200, body: "OK" });
    scene.until("it has started again", () => scene.under.ends.length === 1);
    scene.clock.advance(1000);
    expect(replay(scene, withNewPassword("/resetdefault"))).toMatchObject({ status: 200, body: "OK" });
    scene.until("it has started again", () => scene.under.ends.length === 2);
    scene.clock.advance(1000);
    expect(replay(scene, page("/connectedwifi")).status).toBe(200);
  });

  test.each<[string, Partial<Config>, number, RegExp]>([
    ["400 because it has no signature", KEYED, 400, /not signed/],
    [
      "403 when the station has no update key and its button was not pressed",
      {},
      403,
      /press the station's button/,
    ],
  ])("system.html uploads firmware as a form and is answered with %s", (_name, config, status, why) => {
    const scene = booted(config);
    const boundary = "----WebKitFormBoundaryAbCdEf0123456789";
    const image = makeImage({ version: 2 });
    const body = concatBytes(
      encodeUTF8(
        `--${boundary}\r\nContent-Disposition: form-data; name="inobinfile"; filename="firmware.bin"\r\n` +
          "Content-Type: application/octet-stream\r\n\r\n",
      ),
      image,
      encodeUTF8(`\r\n--${boundary}--\r\n`),
    );
    const head = [
      "POST /firmware/upload HTTP/1.1",
      ...BROWSER,
      `Content-Length: ${body.length}`,
      `Content-Type: multipart/form-data; boundary=${boundary}`,
      "Origin: http://192.168.4.1",
      "Referer: http://192.168.4.1/system.html",
    ];
    const answer = replay(scene, concatBytes(encodeUTF8(`${head.join("\r\n")}\r\n\r\n`), body));
    expect(answer).toMatchObject({ status, body: expect.stringMatching(why) });
    expect(scene.device.slots.next).toBe(scene.device.slots.running);
  });

  test("a path that does not exist is answered with 404", () => {
    expect(replay(booted(), fromPage("index.html", "/favicon.6fe5638d.png")).status).toBe(404);
  });
});
