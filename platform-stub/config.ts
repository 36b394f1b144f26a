import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import type { RegistryData } from "./entries.js";
import { cardSecret, deviceId, email, proofProblemOf, tagEntry } from "./fields.js";
import { writePrivateFile } from "./private-file.js";
import { Registry } from "./registry.js";

/** A mistake in a configuration file. The message is for the file's author. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

const text = z.string().min(1);
const rootTopic = z
  .string()
  .regex(/^[^+#/$\p{Cc}][^+#\p{Cc}]*$/u, "must be a topic without + and #")
  .refine((topic) => topic.split("/").every((level) => level !== ""), "must have no empty level");

/** A card. Without its secret here, each reading of the file would need a new one, which no phone has. */
const card = tagEntry.extend({ secret: cardSecret.optional() }).superRefine((entry, context) => {
  const isMissing = (entry.accepts ?? "static") !== "static" && entry.secret === undefined;
  const problem = isMissing
    ? "secret: is missing; npm run platform -- add-tag makes a card with a secret"
    : proofProblemOf(entry);
  if (problem === undefined) return;
  const [field = "", message = ""] = problem.split(/: (.*)/);
  context.addIssue({ code: "custom", path: [field], message });
});

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
        password: text.max(128).optional(),
      }),
    )
    .default([]),
  tags: z.array(card).default([]),
});

/** Validates the content of a configuration file. Throws a ConfigError that names every mistake by its path. */
export function checkConfig(value: unknown, name: string): RegistryData {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const mistakes = result.error.issues.map((issue) => `  ${nameOf(issue.path)}: ${issue.message}`);
  throw new ConfigError(`${name} is not a configuration:\n${mistakes.join("\n")}`);
}

/** Reads a configuration file. Errors never contain its secrets. */
export function readConfig(file: string): RegistryData {
  if (!existsSync(file))
    throw new ConfigError(
      `${file} does not exist; create it, or run npm run platform without --config for a demo`,
    );
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch {
    throw new ConfigError(`${file} is not JSON`);
  }
  return checkConfig(value, file);
}

/** Writes a configuration file atomically, readable only by its owner. */
export function writeConfig(file: string, data: RegistryData): void {
  const temporary = `${file}.new`;
  mkdirSync(dirname(file), { recursive: true });
  writePrivateFile(temporary, `${JSON.stringify(data, null, 2)}\n`);
  renameSync(temporary, file);
}

/** Applies an edit to a configuration file, and returns the result. Creates the file when it does not exist. */
export function changeConfig(file: string, edit: (registry: Registry) => void): Registry {
  const registry = new Registry(existsSync(file) ? readConfig(file) : undefined);
  edit(registry);
  // Values from command-line flags need the same validation as a file.
  writeConfig(file, checkConfig(registry.data, file));
  return registry;
}

/** A path such as `users[0].email`. */
function nameOf(path: readonly PropertyKey[]): string {
  return path.length === 0
    ? "the file"
    : path
        .map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`))
        .join("")
        .replace(/^\./, "");
}
