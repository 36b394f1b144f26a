import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import mqtt, { type IClientOptions, type MqttClient } from "mqtt";
import { usernameOf } from "../../../platform-stub/index.js";
import { waitFor } from "../../tools/cli/wait.js";
import { BAR, CAFE } from "../owners.js";
import { type BrokerUnderTest, brokersUnderTest } from "./brokers.js";

const CAFE_NAME = usernameOf(CAFE.email);
const BAR_NAME = usernameOf(BAR.email);
/** Time within which a delivered message has arrived, ms. A message that has not is taken as blocked. */
const A_WHILE_MS = 300;

describe.each(brokersUnderTest())("access control on %s", (_name, start) => {
  let broker: BrokerUnderTest;
  let clients: MqttClient[];
  let platformReceived: { topic: string; payload: string }[];

  beforeEach(async () => {
    broker = await start();
    clients = [];
    platformReceived = [];
    const watcher = await connect({ ...broker.platform.account, clientId: "watcher" });
    watcher.on("message", (topic, payload) => platformReceived.push({ topic, payload: payload.toString() }));
    await watcher.subscribeAsync("#", { qos: 1 });
  });

  afterEach(async () => {
    for (const client of clients) await client.endAsync(true);
    await broker.close();
  });

  async function connect(options: IClientOptions): Promise<MqttClient> {
    const { host, port } = broker.platform;
    const client = await mqtt.connectAsync(
      `mqtt://${host}:${port}`,
      { reconnectPeriod: 0, ...options },
      false,
    );
    client.on("error", () => {});
    clients.push(client);
    return client;
  }

  function station(clientId: string, owner: { email: string; token: string } = CAFE): Promise<MqttClient> {
    return connect({ clientId, username: usernameOf(owner.email), password: owner.token });
  }

  /** Returns whether a message is delivered. A broker drops a forbidden message, or the connection. */
  async function publishes(client: MqttClient, topic: string): Promise<boolean> {
    client.publish(topic, "x", { qos: 0 });
    const arrives = waitFor(
      "",
      () => platformReceived.some((seen) => seen.topic === topic && seen.payload === "x"),
      A_WHILE_MS,
    );
    return arrives.catch(() => false);
  }

  /** Returns whether a client that subscribes to `filter` receives a message on `topic`. */
  async function receives(client: MqttClient, filter: string, topic: string): Promise<boolean> {
    let hasReceived = false;
    client.on("message", (received) => {
      hasReceived ||= received === topic;
    });
    await client.subscribeAsync(filter, { qos: 1 }).catch(() => {});
    clients[0]?.publish(topic, "y", { qos: 1 });
    return waitFor("", () => hasReceived, A_WHILE_MS).catch(() => false);
  }

  test.each([
    ["a wrong token", { username: CAFE_NAME, password: "wrong" }],
    ["another owner's token", { username: CAFE_NAME, password: BAR.token }],
    ["an unknown user", { username: "nobody", password: CAFE.token }],
    ["no user", {}],
    ["a wrong password of the platform's account", { username: "platform", password: "wrong" }],
  ])("rejects a connection with %s", async (_why, account) => {
    await expect(connect({ clientId: "cafe-1", ...account })).rejects.toThrow();
  });

  test.each([
    `${CAFE_NAME}/req/cafe-1/authorize`,
    `${CAFE_NAME}/sweet-home/cafe-1/$state`,
    `${CAFE_NAME}/sweet-home/cafe-1/charger/status`,
    `${CAFE_NAME}/errors/sweet-home/cafe-1/charger/start`,
    `${CAFE_NAME}/notifications/create`,
  ])("allows a station to publish to its own %s", async (topic) => {
    expect(await publishes(await station("cafe-1"), topic)).toBe(true);
  });

  test.each([
    `${CAFE_NAME}/req/cafe-2/authorize`,
    `${BAR_NAME}/req/bar-1/authorize`,
    `${BAR_NAME}/req/cafe-1/authorize`,
    `${CAFE_NAME}/res/cafe-1/authorize`,
    `${CAFE_NAME}/sweet-home/cafe-2/$state`,
    `${BAR_NAME}/sweet-home/bar-1/$state`,
    `${BAR_NAME}/notifications/create`,
    `${CAFE_NAME}/req/cafe-1/a/b`,
    "elsewhere",
  ])("does not allow a station to publish to %s", async (topic) => {
    expect(await publishes(await station("cafe-1"), topic)).toBe(false);
  });

  test.each([
    [`${CAFE_NAME}/res/cafe-1/+`, `${CAFE_NAME}/res/cafe-1/authorize`],
    [`${CAFE_NAME}/res/cafe-1/authorize`, `${CAFE_NAME}/res/cafe-1/authorize`],
    [`${CAFE_NAME}/sweet-home/cafe-1/+/+/set`, `${CAFE_NAME}/sweet-home/cafe-1/charger/start/set`],
  ])("allows a station to subscribe to %s and delivers %s", async (filter, topic) => {
    expect(await receives(await station("cafe-1"), filter, topic)).toBe(true);
  });

  test.each([
    ["#", `${BAR_NAME}/res/bar-1/authorize`],
    [`${CAFE_NAME}/#`, `${CAFE_NAME}/res/cafe-2/authorize`],
    [`${CAFE_NAME}/res/+/+`, `${CAFE_NAME}/res/cafe-2/authorize`],
    [`${CAFE_NAME}/res/cafe-2/authorize`, `${CAFE_NAME}/res/cafe-2/authorize`],
    [`${BAR_NAME}/res/bar-1/authorize`, `${BAR_NAME}/res/bar-1/authorize`],
    [`${CAFE_NAME}/req/cafe-1/authorize`, `${CAFE_NAME}/req/cafe-1/authorize`],
    ["+/res/+/authorize", `${BAR_NAME}/res/bar-1/authorize`],
  ])("does not deliver to a station that subscribes to %s the topic %s", async (filter, topic) => {
    expect(await receives(await station("cafe-1"), filter, topic)).toBe(false);
  });
});
