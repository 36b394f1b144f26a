import { z } from "zod";

const hex = z.string().regex(/^(?:[0-9a-f]{2})*$/);
const uuid = z.string().max(36);
const link = z.number().int();
const id = z.number().int();

/** Events from the air to a central. */
const eventSchema = z.discriminatedUnion("event", [
  z.strictObject({
    event: z.literal("report"),
    address: z.string(),
    rssi: z.number(),
    advertisingData: hex,
    scanResponse: hex,
  }),
  z.strictObject({
    event: z.literal("connected"),
    link,
    mtu: z.number(),
    characteristics: z.array(z.strictObject({ uuid, properties: z.number(), descriptors: z.array(uuid) })),
  }),
  z.strictObject({ event: z.literal("failed"), link, reason: z.string() }),
  z.strictObject({ event: z.literal("disconnected"), link, reason: z.string() }),
  z.strictObject({ event: z.literal("done"), id, value: hex.optional(), error: z.number().optional() }),
  z.strictObject({ event: z.literal("notification"), link, uuid, value: hex }),
]);

export type RadioEvent = z.infer<typeof eventSchema>;

/** Parses a line as an event; `undefined` if it is not an event. */
export function parseEvent(line: string): RadioEvent | undefined {
  try {
    return eventSchema.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}
