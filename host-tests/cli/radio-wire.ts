/** The radio over a local socket: JSON lines between a process with stations and a process with a phone. */

import { z } from "zod";

const hex = z.string().regex(/^(?:[0-9a-f]{2})*$/);
const uuid = z.string().max(36);
const link = z.number().int();
const id = z.number().int();

/** What a central asks of the air. */
export const commandSchema = z.discriminatedUnion("op", [
  z.strictObject({ op: z.literal("scan") }),
  z.strictObject({ op: z.literal("connect"), link, address: z.string(), mtu: z.number().int().optional() }),
  z.strictObject({ op: z.literal("read"), link, id, uuid }),
  z.strictObject({ op: z.literal("read-descriptor"), link, id, uuid, descriptor: uuid }),
  z.strictObject({ op: z.literal("write"), link, id, uuid, value: hex }),
  z.strictObject({ op: z.literal("subscribe"), link, id, uuid }),
  z.strictObject({ op: z.literal("unsubscribe"), link, id, uuid }),
  z.strictObject({ op: z.literal("disconnect"), link }),
  z.strictObject({ op: z.literal("lose"), link }),
]);

/** What the air tells a central. */
export const eventSchema = z.discriminatedUnion("event", [
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

export type RadioCommand = z.infer<typeof commandSchema>;
export type RadioEvent = z.infer<typeof eventSchema>;

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

export function fromHex(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(text, "hex"));
}
