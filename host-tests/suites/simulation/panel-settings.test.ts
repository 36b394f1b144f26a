import { describe, expect, test } from "@jest/globals";
import { usernameOf } from "../../../platform-stub/accounts.js";
import { LOGIN, OWNER, Scene } from "../../virtual/scene.js";

const NEXT = "next@owner.example";
const CARD = "62E3086CED";

function online(): Scene {
  const scene = new Scene();
  scene.platform.accounts.set(NEXT, { user: usernameOf(NEXT), token: OWNER.token });
  scene.bringOnline();
  scene.until("ready", () => scene.retained("$state") === "ready");
  return scene;
}

describe.each(["/setname?name=x", "/setlearning?on=true", "/changeowner?mail=a@b"])("GET %s", (path) => {
  test("requires the login and rejects pages of other sites", () => {
    const scene = online();
    expect(scene.ask("GET", path).status).toBe(401);
    expect(scene.ask("GET", path, { headers: { ...LOGIN, origin: "http://evil.example" } }).status).toBe(403);
    expect(scene.status()).toMatchObject({ name: "PlugPass", tagLearning: false });
  });
});

describe("the station's name", () => {
  test("is set from the panel, advertised over Bluetooth, published as $name, and kept after a power cut", () => {
    const scene = online();
    expect(scene.manage("/setname?name=%20Caf%C3%A9%20dvorek%20").status).toBe(200);
    scene.clock.advance(1000);
    const isKnown = () => {
      expect(scene.status()).toMatchObject({ name: "Café dvorek" });
      expect(scene.seen().name).toBe("Café dvorek");
      expect(scene.retained("$name")).toBe("Café dvorek");
    };
    isKnown();
    scene.broker.retained.clear();
    scene.under.powerCycle();
    scene.until("ready", () => scene.retained("$state") === "ready");
    isKnown();
  });

  test.each(["", "?name=", "?name=%20", `?name=${"x".repeat(65)}`])(
    "is not changed by the query %j, which answers 400",
    (query) => {
      const scene = online();
      expect(scene.manage(`/setname${query}`).status).toBe(400);
      expect(scene.seen().name).toBe("PlugPass");
    },
  );

  test("is not changed when the storage is full, which answers 500", () => {
    const scene = online();
    scene.device.flash.set("plugpass", "full", new Uint8Array(76_608));
    expect(scene.manage("/setname?name=x").status).toBe(500);
    expect(scene.status()).toMatchObject({ name: "PlugPass" });
  });

  test("is the default again after a factory reset", () => {
    const scene = online();
    scene.manage("/setname?name=x");
    scene.manage("/resetdefault");
    scene.until("it has started again", () => scene.under.ends.length === 1);
    scene.clock.advance(1000);
    expect(scene.status()).toMatchObject({ name: "PlugPass" });
  });

  test("is published after reconnecting when it was set offline", () => {
    const scene = online();
    scene.broker.stop();
    scene.until("offline", () => scene.station.lifeCycle === "offline");
    scene.manage("/setname?name=x");
    scene.broker.start();
    scene.until("the name is published", () => scene.retained("$name") === "x");
  });
});

describe("tag learning", () => {
  test("is turned on and off from the panel, and /status reports it", () => {
    const scene = online();
    expect(scene.manage("/setlearning?on=true").status).toBe(200);
    expect(scene.status()).toMatchObject({ tagLearning: true });
    scene.swipe(CARD);
    scene.until("it is a tag", () =>
      scene.platform.requests.some(({ endpoint }) => endpoint === "create-tag"),
    );
    expect(scene.manage("/setlearning?on=false").status).toBe(200);
    expect(scene.status()).toMatchObject({ tagLearning: false });
  });

  test.each(["", "?on=", "?on=1"])("with the query %j answers 400", (query) => {
    expect(online().manage(`/setlearning${query}`).status).toBe(400);
  });
});

describe("an ownership transfer", () => {
  test("can be started from the panel", () => {
    const scene = online();
    expect(scene.manage(`/changeowner?mail=${NEXT}`).status).toBe(200);
    expect(scene.status()).toMatchObject({ ownerChange: { isUnderWay: true, failure: null } });
    scene.until("it is the new owner's", () =>
      [...scene.broker.retained.keys()].some((topic) => topic.startsWith(usernameOf(NEXT))),
    );
    scene.clock.advance(1000);
    expect(scene.status()).toMatchObject({ ownerChange: { isUnderWay: false, failure: null } });
  });

  test("that fails is reported in /status, and the previous owner keeps the station", () => {
    const scene = online();
    scene.platform.accounts.clear();
    scene.manage(`/changeowner?mail=${NEXT}`);
    scene.clock.advance(15_000);
    const failure = { code: "transfer-refused", message: expect.stringContaining("has not changed") };
    expect(scene.status()).toMatchObject({ state: "online", ownerChange: { isUnderWay: false, failure } });
  });

  test("is rejected with the reason: 400 for an invalid address, 409 during a session", () => {
    const scene = online();
    expect(scene.manage("/changeowner?mail=nobody").status).toBe(400);
    scene.plug();
    scene.present("GUEST-0001");
    const answer = scene.manage(`/changeowner?mail=${NEXT}`);
    expect(answer).toMatchObject({ status: 409, body: expect.stringContaining("session") });
  });
});

test("/status has the energy of the session and of the meter, and not the driver's tag", () => {
  const scene = online();
  expect(scene.status()).toMatchObject({ energyWh: { session: 0, total: 0 } });
  scene.device.meter.pulse(20);
  scene.plug();
  scene.present("GUEST-0001");
  scene.until("current flows", () => scene.device.vehicle.isCharging);
  scene.device.meter.pulse(1500);
  scene.clock.advance(1000);
  expect(scene.status()).toMatchObject({ energyWh: { session: 1500, total: 1520 } });
  expect(JSON.stringify(scene.status())).not.toContain("GUEST");
});
