/** Secrets of commands. They come from the environment or a file: other users of a machine can read a command's flags. */

import { readFileSync } from "node:fs";
import { InvalidArgumentError, Option } from "commander";

const MAX_SECRET_CHARS = 128;

/** Reads a secret from an environment variable, or from a file with one line; `undefined` without both. */
export function readSecret(options: {
  readonly variable: string;
  /** Flag that names the file. */
  readonly flag: string;
  readonly file: string | undefined;
  readonly environment?: NodeJS.ProcessEnv;
}): string | undefined {
  const { variable, flag, file, environment = process.env } = options;
  const given = environment[variable] || undefined;
  if (given !== undefined && file !== undefined) throw new Error(`use either ${variable} or ${flag}`);
  const secret = file === undefined ? given : readLine(file);
  if (secret === undefined) return undefined;
  if (secret === "" || secret.length > MAX_SECRET_CHARS || /\p{Cc}/u.test(secret)) {
    throw new Error(`${file ?? variable} must have 1-${MAX_SECRET_CHARS} characters on one line`);
  }
  return secret;
}

function readLine(file: string): string {
  try {
    return readFileSync(file, "utf8").replace(/\r?\n$/, "");
  } catch (error) {
    throw new Error(`${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

/** A flag that would put a secret into the list of processes. It is refused with a sentence. */
export function refusedSecret(flags: string, instead: string): Option {
  return new Option(flags).hideHelp().argParser(() => {
    throw new InvalidArgumentError(`Other users of this machine can read it; ${instead}.`);
  });
}

/** Parses the URL of a broker, which must not contain a password. */
export function brokerOption(text: string): string {
  if (URL.canParse(text) && new URL(text).password !== "") {
    throw new InvalidArgumentError(
      `Other users of this machine can read its password; set ${BROKER_PASSWORD_VARIABLE} or use --broker-password-file.`,
    );
  }
  return text;
}

/** Environment variable with the password of an external broker's account. */
export const BROKER_PASSWORD_VARIABLE = "PLUGPASS_BROKER_PASSWORD";

/** A broker's URL with the password from the environment or a file. The user name is in the URL. */
export function brokerWithPassword(options: {
  readonly broker?: string;
  readonly brokerPasswordFile?: string;
}): string | undefined {
  const { broker, brokerPasswordFile: file } = options;
  if (broker === undefined || !URL.canParse(broker)) return broker;
  const flag = "--broker-password-file";
  const password = readSecret({ variable: BROKER_PASSWORD_VARIABLE, flag, file });
  const url = new URL(broker);
  if (password === undefined) return broker;
  if (url.username === "")
    throw new Error("--broker needs the user name of the password, as in mqtt://user@host:port");
  url.password = encodeURIComponent(password);
  return url.href;
}
