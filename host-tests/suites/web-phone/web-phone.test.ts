import { afterEach, describe, expect, test } from "@jest/globals";
import { chooseStation, SERVICE_UUID, Station, WebBluetoothGatt } from "../../../docs/station.js";
import { VirtualDevice } from "../../tools/web-phone/device.js";
import { errorSentence, resultSentence } from "../../tools/web-phone/sentences.js";
import { serveWebPhone } from "../../tools/web-phone/server.js";
import { HOW_TO_GET_BLUETOOTH, loadBluetoothPackages } from "../../virtual/bluetooth/packages.js";
import { RadioScene, STATION_ADDRESS } from "../bluetooth/radio-scene.js";
import { skipFor } from "../optional.js";

const packages = loadBluetoothPackages();
if (!packages) skipFor(HOW_TO_GET_BLUETOOTH);

(packages ? describe : describe.skip)("the web phone over the virtual radio", () => {
  let scene: RadioScene;
  let device: VirtualDevice;

  /** Advances time until a promise is settled. */
  async function settled<T>(promise: Promise<T>): Promise<T> {
    let isOver = false;
    const over = () => {
      isOver = true;
    };
    promise.then(over, over);
    await scene.until("it is settled", () => isOver);
    return promise;
  }

  async function connect(): Promise<Station> {
    if (!packages) throw new Error(HOW_TO_GET_BLUETOOTH);
    scene = RadioScene.online(packages);
    device = new VirtualDevice({ central: scene.radio.central, address: STATION_ADDRESS, name: "PlugPass" });
    const asked: unknown[] = [];
    const chosen = await chooseStation({
      getAvailability: async () => true,
      requestDevice: async (options) => {
        asked.push(options);
        return device;
      },
    });
    expect(asked).toEqual([{ filters: [{ services: [SERVICE_UUID] }] }]);
    if (!chosen) throw new Error("no station was chosen");
    expect(chosen.name).toBe("PlugPass");
    return settled(Station.connect(chosen));
  }

  afterEach(() => scene.cafe.device.cutPower());

  test("starts a session with a card and shows it", async () => {
    const station = await connect();
    expect(await settled(station.read())).toMatchObject({ state: "idle", status: "plugged" });
    const pending: string[] = [];
    const result = await settled(station.authorize("GUEST-0001", () => pending.push("pending")));
    expect(pending).toEqual(["pending"]);
    expect(result).toMatchObject({ state: "authorized", code: 200 });
    expect(resultSentence(result)).toBe("You may charge.");
    await scene.until("the vehicle charges", () => scene.cafe.station.status === "charging");
    station.disconnect();
  });

  test("shows a rejected card and can try another one", async () => {
    const station = await connect();
    const pending: string[] = [];
    const first = station.authorize("GUEST-0009", () => pending.push("first"));
    expect(await settled(first)).toMatchObject({ code: 403 });
    const second = station.authorize("GUEST-0001", () => pending.push("second"));
    expect(await settled(second)).toMatchObject({ code: 200, attempt: 2 });
    expect(pending).toEqual(["first", "second"]);
  });

  test("reports a connection that is lost during the check", async () => {
    const station = await connect();
    scene.cafe.platform.intercept = () => [];
    const result = station.authorize("GUEST-0001", () => device.lose());
    await expect(settled(result)).rejects.toThrow("The connection was lost");
  });
});

describe("the web phone's error messages", () => {
  const notFound = () => Promise.reject(new DOMException("nothing", "NotFoundError"));

  test("report a missing or disabled adapter", async () => {
    const bluetooth = { getAvailability: async () => false, requestDevice: notFound };
    await expect(chooseStation(bluetooth)).rejects.toThrow("switched off");
  });

  test("are absent when the driver chooses no station", async () => {
    const bluetooth = { getAvailability: async () => true, requestDevice: notFound };
    expect(await chooseStation(bluetooth)).toBeUndefined();
  });

  test("report a device without the service, which is disconnected", async () => {
    let disconnections = 0;
    const gatt = new WebBluetoothGatt({
      gatt: {
        connect: async () => ({ getPrimaryService: notFound }),
        disconnect: () => disconnections++,
      },
      addEventListener: () => {},
    });
    await expect(Station.connect(gatt)).rejects.toThrow("no PlugPass station");
    expect(disconnections).toBe(1);
  });

  test.each([
    [new DOMException("GATT Server is disconnected.", "NetworkError"), "Come closer"],
    [new DOMException("no", "SecurityError"), "Allow it"],
    [new DOMException("GATT operation already in progress.", "InvalidStateError"), "Connect again."],
    [new Error("Connect to a station first."), "Connect to a station first."],
  ])("explain %s", (error, sentence) => {
    expect(errorSentence(error)).toContain(sentence);
  });
});

test("the web phone's server serves the page and its script only", async () => {
  const phone = await serveWebPhone(0);
  try {
    const page = await (await fetch(phone.url)).text();
    expect(page).toContain('src="page.js"');
    const script = await fetch(`${phone.url}page.js`);
    expect(script.headers.get("content-type")).toContain("javascript");
    expect(await script.text()).toContain(SERVICE_UUID);
    expect((await fetch(`${phone.url}../package.json`)).status).toBe(404);
    expect((await fetch(phone.url, { method: "POST" })).status).toBe(405);
  } finally {
    phone.close();
  }
});

test("the web phone's server reports a port that is in use", async () => {
  const phone = await serveWebPhone(0);
  try {
    await expect(serveWebPhone(Number(new URL(phone.url).port))).rejects.toThrow(
      "choose another with --port",
    );
  } finally {
    phone.close();
  }
});
