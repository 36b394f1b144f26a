import { expect, test } from "@jest/globals";
import { VirtualClock } from "../../host-tests/virtual/world/clock.js";
import { type Property, Telemetry, type TelemetryMessage } from "./index.js";

const IDENTITY = {
  deviceId: "cafe-1",
  mac: "a4:cf:12:00:00:01",
  implementation: "virtual",
  productId: "plugpass",
  firmwareVersion: 1,
};

function property(id: string, value: () => number): Property<undefined, undefined> {
  return { id, name: id, datatype: "integer", value };
}

test("Telemetry: a constantly changing value delays neither other values nor notifications", () => {
  const clock = new VirtualClock();
  let moving = 0;
  let also = 0;
  let other = 0;
  const sent: TelemetryMessage[] = [];
  const restless = property("restless", () => moving++);
  const telemetry = new Telemetry({
    clock,
    user: "owner",
    name: "Café",
    identity: IDENTITY,
    device: {
      nodes: [
        {
          id: "node",
          name: "Node",
          type: "node",
          properties: [restless, property("also", () => also++), property("calm", () => other)],
        },
      ],
      options: [],
      telemetry: [],
      stats: [],
    },
    source: { snapshot: undefined, commands: undefined },
    outlet: { publishTelemetry: (message) => sent.push(message) > 0 },
  });
  telemetry.goOnline("192.168.1.10");
  clock.advance(5000);
  sent.length = 0;
  other = 7;
  for (let i = 0; i < 3; i++) telemetry.notify(`note ${i}`, "info");
  clock.advance(5000);
  const payloads = sent.map(({ topic, payload }) => `${topic.split("/").at(-1)} ${payload}`);
  expect(payloads).toContain("calm 7");
  expect(payloads.filter((line) => line.includes("note "))).toHaveLength(3);
  // Notifications do not delay values either.
  expect(payloads.filter((line) => line.startsWith("restless")).length).toBeGreaterThan(2);
  expect(payloads.filter((line) => line.startsWith("also")).length).toBeGreaterThan(0);
  telemetry.close();
});
