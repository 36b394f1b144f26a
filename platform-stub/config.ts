import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { deviceId, email, tagEntry } from "./fields.js";
import { Registry, type RegistryData } from "./registry.js";

/** What is wrong with a configuration, in words for whoever wrote it. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

const text = z.string().min(1);
const rootTopic = z
  .string()
  .regex(/^[^+#/$\p{Cc}][^+#\p{Cc}]*$/u, "must be a topic without + and #")
  .refine((topic) => topic.split("/").every((level) => level !== ""), "must have no empty level");

const schema = z.strictObject({
  users: z
    .array(z.strictObject({ email, token: text.max(128), rootTopic: rootTopic.optional() }))
    .default([]),
  devices: z
    .array(
      z.strictObject({
        id: deviceId,
        owner: email,
        key: z.string().regex(/^[0-9a-f]{64}$/, "must be 64 lower-case hex digits"),
        cipher: z.enum(["aes-256-gcm", "aes-256-cbc"]).default("aes-256-gcm"),
      }),
    )
    .default([]),
  tags: z.array(tagEntry).default([]),
});

/** Checks what a configuration file holds. Throws a ConfigError that names every mistake by its place. */
export function checkConfig(value: unknown, name: string): RegistryData {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const mistakes = result.error.issues.map((issue) => `  ${placeOf(issue.path)}: ${issue.message}`);
  throw new ConfigError(`${name} is not a configuration:\n${mistakes.join("\n")}`);
}

/** Reads a configuration file. Its secrets are never part of an error. */
export function readConfig(file: string): RegistryData {
  if (!existsSync(file))
    throw new ConfigError(`there is no file ${file}; make one, or leave --config out for a demo`);
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch {
    throw new ConfigError(`${file} is not JSON`);
  }
  return checkConfig(value, file);
}

/** Writes a configuration file in one step, for its owner's eyes only. */
export function writeConfig(file: string, data: RegistryData): void {
  const temporary = `${file}.new`;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(temporary, `${JSON.stringify(data, null, 2)}\n`, { mode: 0o600 });
  chmodSync(temporary, 0o600);
  renameSync(temporary, file);
}

/** Reads a configuration file, or begins one, and writes it back changed. */
export function changeConfig(file: string, edit: (registry: Registry) => void): void {
  const registry = new Registry(existsSync(file) ? readConfig(file) : undefined);
  edit(registry);
  // What a flag said has to be as good as what a file says.
  writeConfig(file, checkConfig(registry.data, file));
}

function placeOf(path: readonly PropertyKey[]): string {
  return path.length === 0
    ? "the whole"
    : path
        .map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`))
        .join("")
        .replace(/^\./, "");
}
