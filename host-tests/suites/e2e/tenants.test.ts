/** Two owners on one broker, whose stations have accounts of their own: no station affects one of the other owner. */

import { connect as connectTCP, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import mqtt, { type IClientOptions, type MqttClient } from "mqtt";
import { generate } from "mqtt-packet";
import { usernameOf } from "../../../platform-stub/index.js";
import { Registry } from "../../../platform-stub/registry.js";
import { waitFor } from "../../tools/cli/wait.js";
import { BAR, CAFE } from "../owners.js";
import { type BrokerUnderTest, brokersUnderTest } from "./brokers.js";

const A = usernameOf(CAFE.email);
const B = usernameOf(BAR.email);
const A_PASSWORD = "password-of-cafe-1";
const B_PASSWORD = "password-of-bar-1";
/** Time within which a delivered message has arrived, ms. A message that has not is taken as blocked. */
const A_WHILE_MS = 300;

/** Builds a registry with a station of each owner, which has an account of its own. */
function tenants(): Registry {
  const registry = new Registry({ users: [CAFE, BAR], devices: [], tags: [] });
  registry.addDevice({ id: "cafe-1", owner: CAFE.email, password: A_PASSWORD });
  registry.addDevice({ id: "bar-1", owner: BAR.email, password: B_PASSWORD });
  return registry;
}

describe.each(brokersUnderTest())("two owners on %s", (name, start) => {
  let broker: BrokerUnderTest;
  let clients: MqttClient[];
  let watcher: MqttClient;
  let seen: { topic: string; payload: string }[];
  let refusals: string[];

  beforeEach(async () => {
    refusals = [];
    broker = await start({ registry: tenants(), onRefused: (what) => refusals.push(what) });
    clients = [];
    seen = [];
    const { host, port, account } = broker.platform;
    watcher = await connect({ host, port, clientId: "watcher", ...account });
    watcher.on("message", (topic, payload) => seen.push({ topic, payload: payload.toString() }));
    await watcher.subscribeAsync("#", { qos: 1 });
  });

  afterEach(async () => {
    for (const client of clients) await client.endAsync(true);
    await broker.close();
  });

  async function connect(options: IClientOptions): Promise<MqttClient> {
    const given = { host: "127.0.0.1", port: broker.stationPort, reconnectPeriod: 0, ...options };
    const client = await mqtt.connectAsync("", { protocol: "mqtt", ...given }, false);
    client.on("error", () => {});
    clients.push(client);
    return client;
  }

  const stationOfA = (options: IClientOptions = {}) =>
    connect({ clientId: "cafe-1", username: "cafe-1", password: A_PASSWORD, ...options });
  const stationOfB = (options: IClientOptions = {}) =>
    connect({ clientId: "bar-1", username: "bar-1", password: B_PASSWORD, ...options });

  /** Connects to a station's session, and collects the topics from before the first message. */
  async function connectAndListen(clientId: string, password: string): Promise<string[]> {
    const topics: string[] = [];
    const client = mqtt.connect({
      host: "127.0.0.1",
      port: broker.stationPort,
      reconnectPeriod: 0,
      clientId,
      username: clientId,
      password,
      clean: false,
    });
    client.on("error", () => {});
    client.on("message", (topic) => topics.push(topic));
    clients.push(client);
    await waitFor("it is connected", () => client.connected);
    return topics;
  }

  /** Collects the topics that a client receives. */
  function listen(client: MqttClient): string[] {
    const topics: string[] = [];
    client.on("message", (topic) => topics.push(topic));
    return topics;
  }

  /** Whether a payload arrives at the platform. */
  function arrives(payload: string): Promise<boolean> {
    const isSeen = () => seen.some((one) => one.payload === payload);
    return waitFor("", isSeen, A_WHILE_MS).catch(() => false);
  }

  test("a station uses its owner's topics with its own account", async () => {
    const station = await stationOfA();
    const topics = listen(station);
    await station.subscribeAsync(`${A}/res/cafe-1/+`, { qos: 1 });
    station.publish(`${A}/sweet-home/cafe-1/$state`, "own", { qos: 1 });
    expect(await arrives("own")).toBe(true);
    watcher.publish(`${A}/res/cafe-1/authorize`, "x", { qos: 1 });
    await waitFor("the answer", () => topics.length > 0);
  });

  test.each([
    ["another station's user name", { username: "cafe-1", password: B_PASSWORD }],
    ["its owner's account", { username: B, password: BAR.token }],
    ["no account", { username: undefined, password: undefined }],
  ])("a station cannot log in with %s", async (_name, account) => {
    await expect(stationOfB(account)).rejects.toThrow();
  });

  test("a client id of another owner's station disconnects no station", async () => {
    const station = await stationOfA({ clean: false });
    let isClosed = false;
    station.on("close", () => {
      isClosed = true;
    });
    for (const clean of [true, false]) await stationOfB({ clientId: "cafe-1", clean }).catch(() => {});
    station.publish(`${A}/sweet-home/cafe-1/$state`, "still here", { qos: 1 });
    expect(await arrives("still here")).toBe(true);
    expect(isClosed).toBe(false);
  });

  test("a client id of another owner's station takes over no session", async () => {
    const station = await stationOfA({ clean: false });
    await station.subscribeAsync(`${A}/res/cafe-1/+`, { qos: 1 });
    await station.endAsync();
    watcher.publish(`${A}/res/cafe-1/authorize`, "waiting", { qos: 1 });
    await arrives("waiting");
    const foreign = await stationOfB({ clientId: "cafe-1", clean: false }).catch(() => undefined);
    const topics = foreign ? listen(foreign) : [];
    const own = await connectAndListen("cafe-1", A_PASSWORD);
    await waitFor("the waiting answer", () => own.length > 0);
    expect(topics).toEqual([]);
  });

  const FOREIGN = [
    "#",
    "+/#",
    "+/+/+/+",
    `${A}/#`,
    `${A}/res/cafe-1/+`,
    `${A}/res/bar-1/+`,
    "+/res/bar-1/+",
    `${B}/res/../${A}/res/cafe-1/+`,
    `/${A}/#`,
    "$share/group/#",
    `$share/group/${A}/res/cafe-1/+`,
    `$share/${B}/res/bar-1/+/${A}/#`,
    "$SYS/#",
    "$SYS/broker/clients/total",
  ];

  test("a station receives nothing of another owner, whatever it subscribes to, also in one packet with its own topic", async () => {
    const other = await stationOfB();
    const topics = listen(other);
    const station = await stationOfA();
    station.publish(`${A}/sweet-home/cafe-1/$state`, "retained", { qos: 1, retain: true });
    expect(await arrives("retained")).toBe(true);
    for (const filter of FOREIGN) await other.subscribeAsync(filter, { qos: 1 }).catch(() => {});
    await other.subscribeAsync([`${B}/res/bar-1/+`, ...FOREIGN], { qos: 1 }).catch(() => {});
    station.publish(`${A}/sweet-home/cafe-1/charger/status`, "now", { qos: 1 });
    watcher.publish(`${A}/res/cafe-1/authorize`, "now", { qos: 1 });
    watcher.publish(`${B}/res/bar-1/authorize`, "own", { qos: 1 });
    await waitFor("its own message", () => topics.length > 0);
    expect(new Set(topics)).toEqual(new Set([`${B}/res/bar-1/authorize`]));
  });

  test("a station receives nothing of another owner from the time when it was away", async () => {
    const other = await stationOfB({ clean: false });
    await other.subscribeAsync([`${B}/res/bar-1/+`, ...FOREIGN], { qos: 1 }).catch(() => {});
    for (const filter of FOREIGN) await other.subscribeAsync(filter, { qos: 1 }).catch(() => {});
    await other.endAsync();
    watcher.publish(`${A}/res/cafe-1/authorize`, "foreign", { qos: 1 });
    watcher.publish(`${B}/res/bar-1/authorize`, "own", { qos: 1 });
    await arrives("own");
    const again = await connectAndListen("bar-1", B_PASSWORD);
    await waitFor("its own message", () => again.length > 0);
    expect(new Set(again)).toEqual(new Set([`${B}/res/bar-1/authorize`]));
  });

  test.each([
    `${A}/req/cafe-1/authorize`,
    `${A}/req/bar-1/authorize`,
    `${A}/res/cafe-1/authorize`,
    `${A}/sweet-home/cafe-1/charger/start/set`,
    `${A}/sweet-home/bar-1/$state`,
    `${A}/notifications/create`,
    `${B}/req/../../${A}/req/cafe-1/authorize`,
    `${B}/req/bar-1/../authorize`,
    `${B}//bar-1/authorize`,
    `/${A}/notifications/create`,
    "$SYS/broker/clients/total",
    "$share/group/topic",
  ])("a publication of a station to %s is not delivered, retained or not", async (topic) => {
    for (const retain of [false, true]) {
      const other = await stationOfB();
      other.publish(topic, `retain ${retain}`, { qos: 1, retain });
      expect(await arrives(`retain ${retain}`)).toBe(false);
      await other.endAsync(true);
    }
    const late = await connect({ ...broker.platform, clientId: "late", ...broker.platform.account });
    const topics = listen(late);
    await late.subscribeAsync("#", { qos: 1 });
    watcher.publish("end", "x", { qos: 1 });
    await waitFor("the end", () => topics.includes("end"));
    expect(topics).toEqual(["end"]);
  });

  test("a last will to another owner's topic is not delivered", async () => {
    const will = {
      topic: `${A}/sweet-home/cafe-1/$state`,
      payload: Buffer.from("lost"),
      qos: 1,
      retain: true,
    } as const;
    const other = await stationOfB({ will }).catch(() => undefined);
    other?.stream.destroy();
    expect(await arrives("lost")).toBe(false);
  });

  test("a broker stores little for a station that is away", async () => {
    const topic = `${B}/sweet-home/bar-1/x/set`;
    const station = await stationOfB({ clean: false });
    await station.subscribeAsync(topic, { qos: 1 });
    await station.endAsync();
    const payload = Buffer.alloc(60_000);
    for (let i = 0; i < 40; i++) await watcher.publishAsync(topic, payload, { qos: 1 });
    const again = await connectAndListen("bar-1", B_PASSWORD);
    await waitFor("a stored message", () => again.length > 0);
    watcher.publish(topic, "end", { qos: 1 });
    await arrives("end");
    expect(again.length).toBeLessThan(25);
  });

  test("a station that joins a shared subscription of the platform takes no request of another owner", async () => {
    const other = await stationOfB(name === "aedes" ? {} : { protocolVersion: 5 });
    for (const share of ["plugpass", "platform"]) {
      await other.subscribeAsync(`$share/${share}/+/req/+/+`, { qos: 1 }).catch(() => {});
    }
    const station = await stationOfA();
    const topics = listen(station);
    await station.subscribeAsync(`${A}/res/cafe-1/+`, { qos: 1 });
    for (let id = 1; id <= 8; id++) {
      const request = { data: { tag: "GUEST-0001", method: "ble" }, id: String(id) };
      station.publish(`${A}/req/cafe-1/authorize`, JSON.stringify(request), { qos: 1 });
    }
    await waitFor("all answers", () => topics.length === 8);
  });

  if (name === "aedes") {
    test("a transferred station uses the new owner's topics with the same account, and no longer the previous owner's", async () => {
      const { registry } = broker;
      const station = await stationOfA({ clean: false });
      const topics = listen(station);
      await station.subscribeAsync(`${A}/res/cafe-1/+`, { qos: 1 });
      const publish = (user: string, payload: string) =>
        station.publish(`${user}/sweet-home/cafe-1/$name`, payload, { qos: 1 });
      registry.offerDevice("cafe-1", { owner: BAR.email, token: "unused" });
      publish(A, "present owner");
      publish(B, "next owner");
      expect([await arrives("present owner"), await arrives("next owner")]).toEqual([true, true]);
      registry.completeTransfer("cafe-1", B);
      publish(B, "new owner");
      expect(await arrives("new owner")).toBe(true);
      await station.subscribeAsync(`${B}/res/cafe-1/+`, { qos: 1 });
      watcher.publish(`${A}/res/cafe-1/authorize`, "x", { qos: 1 });
      watcher.publish(`${B}/res/cafe-1/authorize`, "x", { qos: 1 });
      await waitFor("the answer", () => topics.length > 0);
      expect(topics).toEqual([`${B}/res/cafe-1/authorize`]);
      publish(A, "previous owner");
      expect(await arrives("previous owner")).toBe(false);
    });

    test("a CONNECT of 60 MB is not read beyond its beginning", async () => {
      const header = Buffer.from([0x10, 0x80, 0x80, 0xd0, 0x1c]); // remaining length 60 MiB minus some
      const sent = await Promise.all(
        Array.from({ length: 4 }, async () => {
          const socket = connectTCP({ host: "127.0.0.1", port: broker.stationPort });
          let isClosed = false;
          socket.on("error", () => {});
          socket.on("close", () => {
            isClosed = true;
          });
          socket.write(header);
          const part = Buffer.alloc(64 * 1024);
          let bytes = 0;
          const send = () => {
            while (!isClosed && bytes < 60 * 1024 * 1024) {
              bytes += part.length;
              if (!socket.write(part)) return;
            }
          };
          socket.on("drain", send);
          send();
          await waitFor("it is closed", () => isClosed);
          return bytes;
        }),
      );
      for (const bytes of sent) expect(bytes).toBeLessThan(16 * 1024 * 1024);
    });

    test("a 17th subscription of a station is refused", async () => {
      const station = await stationOfA();
      const granted: number[] = [];
      for (let i = 0; i < 18; i++) {
        const grants = await station.subscribeAsync(`${A}/res/cafe-1/${i}`, { qos: 1 }).catch(() => []);
        granted.push(...grants.map(({ qos }) => qos));
      }
      expect(granted.filter((qos) => qos === 1)).toHaveLength(16);
    });

    /** Sends as a station whose program does not follow MQTT: it neither reads nor acknowledges. */
    function rawStationOfB({ clean }: { clean: boolean }): Socket {
      const socket = connectTCP({ host: "127.0.0.1", port: broker.stationPort });
      socket.on("error", () => {});
      const account = { clientId: "bar-1", username: "bar-1", password: Buffer.from(B_PASSWORD) };
      const connect = { protocolId: "MQTT", protocolVersion: 4, keepalive: 0 } as const;
      socket.write(generate({ cmd: "connect", clean, ...connect, ...account }));
      const subscriptions = [`${B}/res/bar-1/+`, `${B}/sweet-home/bar-1/x/set`].map((topic) => ({
        topic,
        qos: 1 as const,
      }));
      socket.write(generate({ cmd: "subscribe", messageId: 1, subscriptions }));
      return socket;
    }

    test("a station that tries forbidden topics adds one line of each kind to the log, and a count", async () => {
      const other = await stationOfB();
      for (let i = 0; i < 30; i++) await other.subscribeAsync(`${A}/res/cafe-1/${i}`).catch(() => {});
      await other.subscribeAsync(`${A}/sweet-home/cafe-1/x/set`).catch(() => {});
      expect(refusals).toEqual([
        `bar-1: may not subscribe to ${A}/res/cafe-1/0`,
        `bar-1: may not subscribe to ${A}/sweet-home/cafe-1/x/set`,
      ]);
      await broker.close();
      expect(refusals.slice(2)).toEqual(["bar-1: may not subscribe to res: 29 more in a minute"]);
    });

    test("a station that does not read delays no answer for another owner, and is disconnected", async () => {
      const station = await stationOfA();
      const topics = listen(station);
      await station.subscribeAsync(`${A}/res/cafe-1/+`, { qos: 1 });
      const other = rawStationOfB({ clean: true });
      let isClosed = false;
      other.on("close", () => {
        isClosed = true;
      });
      const publication = { cmd: "publish", qos: 0, dup: false, retain: false } as const;
      await new Promise((done) => other.once("data", done));
      other.pause();
      // More than the buffers of a connection hold.
      const payload = Buffer.alloc(60_000);
      for (let i = 0; i < 300; i++)
        other.write(generate({ ...publication, topic: `${B}/sweet-home/bar-1/x/set`, payload }));
      const refused = await waitFor("the station is refused", () =>
        refusals.includes("127.0.0.1: does not read its messages"),
      );
      expect(refused).toBe(true);
      station.publish(`${A}/req/cafe-1/authorize`, JSON.stringify({ data: {}, id: "1" }), { qos: 1 });
      await waitFor("the answer", () => topics.length > 0);
      other.resume();
      await waitFor("it is disconnected", () => isClosed);
    });

    test("a station that acknowledges nothing is disconnected before much is stored for it", async () => {
      const other = rawStationOfB({ clean: false });
      other.resume();
      let isClosed = false;
      let received = 0;
      other.on("data", (bytes) => {
        received += bytes.length;
      });
      other.on("close", () => {
        isClosed = true;
      });
      const publication = { cmd: "publish", qos: 1, dup: false, retain: false } as const;
      const payload = Buffer.alloc(60_000);
      for (let messageId = 2; messageId < 32; messageId++)
        other.write(generate({ ...publication, messageId, topic: `${B}/sweet-home/bar-1/x/set`, payload }));
      await waitFor("it is disconnected", () => isClosed);
      expect(received).toBeLessThan(300_000);
    });

    test("a station with more than 512 retained topics is disconnected", async () => {
      const station = await stationOfA();
      let isClosed = false;
      station.on("close", () => {
        isClosed = true;
      });
      for (let i = 0; i < 513; i++) station.publish(`${A}/sweet-home/cafe-1/n/${i}`, "x", { retain: true });
      await waitFor("it is disconnected", () => isClosed);
    });
  }
});
