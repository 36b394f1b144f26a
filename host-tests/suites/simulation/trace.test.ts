import { describe, expect, test } from "@jest/globals";
import type { TraceReport } from "../../../modules/trace/index.js";
import { ADMIN_PASSWORD, LOGIN, loginOf, OWNER, PAIRING, Scene, WIFI } from "../../virtual/scene.js";

const DIAGNOSTICS = "$telemetry/diagnostics";
const CARD = "62E3086CED";

function online(): Scene {
  const scene = new Scene();
  scene.bringOnline();
  return scene;
}

function logOf(scene: Scene): TraceReport {
  const { status, body } = scene.manage("/log");
  expect(status).toBe(200);
  return JSON.parse(body);
}

/** Events without their times, as text. */
function eventsOf({ events }: Pick<TraceReport, "events">): string[] {
  return events.map(([, event, detail, count]) => `${event} ${detail} ${count}`);
}

function diagnosticsOf(scene: Scene) {
  return scene.platform.requests.filter(({ endpoint }) => endpoint === "diagnostics");
}

describe("GET /log", () => {
  test("requires the login", () => {
    const scene = online();
    expect(scene.ask("GET", "/log").status).toBe(401);
    expect(scene.ask("GET", "/log", { headers: LOGIN }).status).toBe(200);
  });

  test("has the way of a station to its platform and the statuses of a session", () => {
    const scene = online();
    scene.plug();
    scene.present("GUEST-0001");
    scene.until("current flows", () => scene.device.vehicle.isCharging);
    scene.device.vehicle.unplug();
    scene.clock.advance(4000);
    const log = logOf(scene);
    expect(eventsOf(log)).toEqual([
      "started power 1",
      "lifeCycle joining 1",
      expect.stringMatching(/^linkUp \d+ 1$/),
      "lifeCycle connecting 1",
      "connected null 1",
      "lifeCycle online 1",
      "status plugged 1",
      "status authorized 1",
      "status charging 1",
      "status suspended-by-vehicle 1",
      "status available 1",
    ]);
    expect(log.counters).toMatchObject({ connected: 1, linkUp: 1, status: 5 });
    expect(log.uptimeMs).toBeGreaterThan(1000);
  });

  test("has the reset reason after a restart, and why the station is not online", () => {
    const scene = online();
    scene.broker.stop();
    scene.manage("/reboot");
    scene.until("it has restarted", () => scene.under.ends.length === 1 && scene.device.isRunning);
    scene.clock.advance(10 * 60_000);
    const log = logOf(scene);
    expect(eventsOf(log)[0]).toBe("started restart 1");
    expect(log.counters.connectionFailed).toBeGreaterThan(5);
    // The failures of ten minutes take one row.
    expect(log.events.filter(([, event]) => event === "connectionFailed")).toHaveLength(1);
  });

  test("has a subscription that the broker refuses", () => {
    const scene = online();
    scene.broker.faults.refuses = (topic) => topic.endsWith("/set");
    scene.under.powerCycle();
    scene.until("it is online again", () => scene.station.lifeCycle === "online");
    scene.clock.advance(1000);
    expect(logOf(scene).counters.subscriptionRefused).toBe(1);
  });

  test("has refused cards, failed requests, and answers that are late or not JSON", () => {
    const scene = online();
    scene.plug();
    scene.present("STRANGER-0001");
    scene.platform.intercept = () => [];
    scene.present("GUEST-0001");
    const [request] = scene.platform.requests.filter(({ data }) => data.tag === "GUEST-0001");
    if (!request) throw new Error("nothing was requested");
    const { user, deviceId, endpoint } = request;
    const answer = JSON.stringify(scene.platform.respond(request, { authorized: true }));
    scene.broker.publish(`${user}/res/${deviceId}/${endpoint}`, answer);
    scene.broker.publish(`${user}/res/${deviceId}/${endpoint}`, "not JSON");
    scene.clock.advance(1000);
    expect(eventsOf(logOf(scene)).slice(-5)).toEqual([
      "cardRefused 403 1",
      "requestFailed timeout 1",
      "cardRefused 408 1",
      "lateAnswer null 1",
      "invalidAnswer null 1",
    ]);
  });
});

describe("the request diagnostics", () => {
  test("is sent when the platform asks, and has what /log has", () => {
    const scene = online();
    scene.set(DIAGNOSTICS, "true");
    scene.clock.advance(1000);
    const [request] = diagnosticsOf(scene);
    expect(eventsOf(request?.data as TraceReport)).toEqual(eventsOf(logOf(scene)));
  });

  test("is sent once at a time, so that a card is still authorized while the platform asks without end", () => {
    const scene = online();
    const answers = { isOn: false };
    scene.platform.intercept = (response, { endpoint }) =>
      endpoint === "diagnostics" && !answers.isOn ? [] : [response];
    for (let i = 0; i < 50; i++) scene.set(DIAGNOSTICS, "true");
    scene.plug();
    scene.present("GUEST-0001");
    scene.until("it charges", () => scene.station.status === "charging");
    expect(diagnosticsOf(scene)).toHaveLength(1);
    scene.clock.advance(10_000);
    answers.isOn = true;
    scene.set(DIAGNOSTICS, "true");
    scene.clock.advance(1000);
    expect(diagnosticsOf(scene)).toHaveLength(2);
  });

  test("is not sent for a retained command, which is traced as ignored", () => {
    const scene = online();
    const [topic = ""] = [...scene.broker.retained.keys()].filter((one) => one.endsWith("$state"));
    scene.broker.publish(topic.replace("$state", `${DIAGNOSTICS}/set`), "true", true);
    scene.clock.advance(1000);
    const before = diagnosticsOf(scene).length;
    scene.under.powerCycle();
    scene.until("it is online again", () => scene.station.lifeCycle === "online");
    scene.clock.advance(10_000);
    expect(diagnosticsOf(scene)).toHaveLength(before);
    expect(logOf(scene).counters.commandIgnored).toBe(1);
  });
});

test("/log and diagnostics have no tag, password, token, key, network name or e-mail, whatever the station does", () => {
  const scene = new Scene();
  scene.platform.tags.set(CARD, { authorized: true });
  scene.bringOnline();
  scene.manage("/setwifi?ssid=SECRET-SSID&pass=wrong-password");
  scene.clock.advance(1000);
  scene.until("it is online again", () => scene.station.lifeCycle === "online", 120_000);
  scene.plug();
  for (const tag of ["STRANGER-0001", "SECRET-TAG", "GUEST-0001"]) scene.present(tag);
  scene.swipe(CARD);
  for (const path of ["charger/start", "access/owner", "SECRET-PATH/x"]) scene.set(path, "SECRET-VALUE");
  scene.broker.publish(`${scene.platform.requests[0]?.user}/res/${scene.under.deviceId}/SECRET`, "SECRET");
  scene.manage("/newauthpass?newpass=SECRET-ADMIN");
  scene.broker.stop();
  scene.clock.advance(60_000);
  scene.broker.start();
  scene.until("it is online again", () => scene.station.lifeCycle === "online");
  scene.set(DIAGNOSTICS, "true");
  scene.clock.advance(20_000);
  const texts = [
    scene.ask("GET", "/log", { headers: loginOf("SECRET-ADMIN") }).body,
    JSON.stringify(diagnosticsOf(scene).at(-1)?.data),
  ];
  const secrets = [
    ...["STRANGER", "0001", "GUEST", CARD, CARD.slice(-4), "SECRET", "wrong-password", ADMIN_PASSWORD],
    ...[WIFI.ssid, WIFI.password, OWNER.email, OWNER.token, ...Object.values(PAIRING).slice(0, 5)],
    ...scene.platform.keys.values(),
  ];
  for (const text of texts) {
    expect(text).toContain("lifeCycle");
    for (const secret of secrets) expect(text).not.toContain(secret);
  }
});
