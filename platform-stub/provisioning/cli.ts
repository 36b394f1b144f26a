import { Command, InvalidArgumentError } from "commander";
import { encodeUTF8 } from "../../modules/bytes/index.js";
import { MAX_CURRENT_A, MIN_CURRENT_A } from "../../modules/charging/index.js";
import { accessPointName, DEFAULT_TITLE, MAX_TITLE_BYTES } from "../../modules/pairing/index.js";
import { isTimeServer } from "../../modules/settings/index.js";
import { fail, print } from "../command-line.js";
import { readBoardFile } from "./board-file.js";
import { ClientAuthority } from "./client-authority.js";
import { configSource } from "./config-source.js";
import { STATION_PARTITION_BYTES } from "./identity.js";
import { platformSource } from "./platform-source.js";
import { type IdentitySource, offlineSource, provision } from "./provision.js";
import { TOKEN_VARIABLE, tokenFrom } from "./token.js";

interface Options {
  readonly product: string;
  readonly count: number;
  readonly out: string;
  readonly platform?: string;
  readonly config?: string;
  readonly owner?: string;
  readonly board?: string;
  readonly clientAuthority?: string;
  readonly timeServer?: string;
  readonly requireTls?: boolean;
  readonly installationLimit?: number;
  readonly title: string;
  readonly partitionSize: number;
}

const program = new Command("npm run provision --")
  .description(
    "Provisions stations: makes an image to flash, a label and a manifest line for each. After an interruption, run it " +
      "again with the same options.",
  )
  .requiredOption("--product <id>", "product id: 1-55 letters, digits, - and _")
  .requiredOption("--count <number>", "number of stations of the product in the directory afterwards", count)
  .requiredOption("--out <directory>", "directory for the stations, readable only by you")
  .option("--platform <url>", `platform that provides ids and keys; requires a token in ${TOKEN_VARIABLE}`)
  .option("--config <file>", "configuration of the platform stub to which the devices are added")
  .option("--owner <e-mail>", "owner of the stations; required when the configuration has several users")
  .option("--board <file>", "wiring of the board, JSON; default: the wiring that is built into the firmware")
  .option(
    "--client-authority <file>",
    "certificate and private key, PEM, of an authority that issues each station a client certificate (mTLS)",
  )
  .option(
    "--time-server <host>",
    "time server (SNTP) of the stations; default: that of their network",
    timeServer,
  )
  .option("--require-tls", "the stations connect over TLS only: pairing requires mqtts_port")
  .option(
    "--installation-limit <amperes>",
    "highest current of the installation, which the owner cannot raise; default: that of the wiring",
    amperes,
  )
  .option(
    "--title <text>",
    "product title of the firmware, the beginning of the access point's name",
    title,
    DEFAULT_TITLE,
  )
  .option(
    "--partition-size <bytes>",
    "size of the partition nvs in the firmware's partition table",
    bytes,
    STATION_PARTITION_BYTES,
  )
  .showHelpAfterError();

async function run(options: Options): Promise<void> {
  const { product, count, out: directory } = options;
  const board = options.board === undefined ? undefined : readBoardFile(options.board);
  for (const warning of board?.warnings ?? []) print(`warning: ${warning}`);
  const { made, total, halfMade } = await provision({
    product,
    count,
    directory,
    accessPointName: accessPointName(options.title),
    partitionBytes: options.partitionSize,
    wiring: board?.wiring,
    timeServer: options.timeServer,
    requiresTLS: options.requireTls,
    installationLimitA: options.installationLimit,
    ...(options.clientAuthority !== undefined && {
      clientAuthority: new ClientAuthority(options.clientAuthority),
    }),
    source: sourceOf(options),
    onMade: (id, isCompleted) => print(`${isCompleted ? "completed" : "made"} ${id}`),
  });
  print(
    `${directory} has ${total} ${total === 1 ? "station" : "stations"} of ${product}, ${made} of them new`,
  );
  if (made > 0) print(`the new ones have ${wiringOf(options)}`);
  if (halfMade > 0) print(`${halfMade} more are unfinished; use a larger --count to complete them`);
}

function wiringOf({ board, installationLimit }: Options): string {
  const wiring =
    board === undefined ? "the wiring that is built into the firmware" : `the wiring of ${board}`;
  return installationLimit === undefined
    ? wiring
    : `${wiring}, and an installation limit of ${installationLimit} A`;
}

function sourceOf({ platform, config, owner }: Options): IdentitySource {
  if (platform !== undefined && config !== undefined) {
    throw new Error("--platform and --config exclude each other: a platform has its own configuration");
  }
  if (config === undefined && owner !== undefined) throw new Error("--owner requires --config");
  if (platform !== undefined) return platformSource({ url: platform, token: tokenFrom(process.env) });
  return config === undefined ? offlineSource : configSource({ file: config, owner });
}

function count(text: string): number {
  if (!/^[1-9]\d{0,4}$/.test(text)) throw new InvalidArgumentError("must be a whole number from 1");
  return Number(text);
}

function amperes(text: string): number {
  const limitA = /^\d{1,2}$/.test(text) ? Number(text) : 0;
  if (limitA < MIN_CURRENT_A || limitA > MAX_CURRENT_A)
    throw new InvalidArgumentError(`must be a whole number from ${MIN_CURRENT_A} to ${MAX_CURRENT_A}`);
  return limitA;
}

function bytes(text: string): number {
  if (!/^(0x[0-9a-f]+|\d+)$/i.test(text))
    throw new InvalidArgumentError("must be a number of bytes, such as 81920 or 0x14000");
  return Number(text);
}

function timeServer(text: string): string {
  if (!isTimeServer(text)) throw new InvalidArgumentError("must be a host name or an IPv4 address");
  return text;
}

function title(text: string): string {
  const { length } = encodeUTF8(text);
  if (length < 1 || length > MAX_TITLE_BYTES || /\p{Cc}/u.test(text)) {
    throw new InvalidArgumentError(`must be 1-${MAX_TITLE_BYTES} bytes of UTF-8 on one line`);
  }
  return text;
}

program.action(run).parseAsync().catch(fail);
