import { Command, InvalidArgumentError } from "commander";
import { encodeUTF8 } from "../../modules/bytes/index.js";
import { accessPointName, DEFAULT_TITLE, MAX_TITLE_BYTES } from "../../modules/pairing/index.js";
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
  readonly title: string;
  readonly partitionSize: number;
}

const program = new Command("npm run provision --")
  .description(
    "Makes stations: for each an image to flash, a label and a line in the manifest. Repeat it with the same flags " +
      "after an interruption.",
  )
  .requiredOption("--product <id>", "product id: 1-55 letters, digits, - and _")
  .requiredOption("--count <number>", "how many stations of the product the directory is to hold", count)
  .requiredOption("--out <directory>", "where they are written, for your eyes only")
  .option("--platform <url>", `ask this platform for ids and keys; its token in ${TOKEN_VARIABLE}`)
  .option("--config <file>", "add the devices to this configuration of the platform stub")
  .option("--owner <e-mail>", "whose they are, where the configuration has several users")
  .option(
    "--title <text>",
    "the firmware's product title, which the access point's name begins with",
    title,
    DEFAULT_TITLE,
  )
  .option(
    "--partition-size <bytes>",
    "of the partition nvs, as the firmware's partition table has it",
    bytes,
    STATION_PARTITION_BYTES,
  )
  .showHelpAfterError();

async function run(options: Options): Promise<void> {
  const { product, count, out: directory } = options;
  const { made, total, halfMade } = await provision({
    product,
    count,
    directory,
    accessPointName: accessPointName(options.title),
    partitionBytes: options.partitionSize,
    source: sourceOf(options),
    onMade: (id, isCompleted) => print(`${isCompleted ? "completed" : "made"} ${id}`),
  });
  print(`${directory} holds ${total} of ${product}, ${made} of them new`);
  if (halfMade > 0) print(`${halfMade} more are half-made; a larger --count completes them`);
}

function sourceOf({ platform, config, owner }: Options): IdentitySource {
  if (platform !== undefined && config !== undefined) {
    throw new Error("it is --platform or --config: a platform keeps its own configuration");
  }
  if (config === undefined && owner !== undefined) throw new Error("--owner is for --config");
  if (platform !== undefined) return platformSource({ url: platform, token: tokenFrom(process.env) });
  return config === undefined ? offlineSource : configSource({ file: config, owner });
}

function count(text: string): number {
  if (!/^[1-9]\d{0,4}$/.test(text)) throw new InvalidArgumentError("it is a whole number from 1");
  return Number(text);
}

function bytes(text: string): number {
  if (!/^(0x[0-9a-f]+|\d+)$/i.test(text))
    throw new InvalidArgumentError("it is a number of bytes, 81920 or 0x14000");
  return Number(text);
}

function title(text: string): string {
  const { length } = encodeUTF8(text);
  if (length < 1 || length > MAX_TITLE_BYTES || /\p{Cc}/u.test(text)) {
    throw new InvalidArgumentError(`it must be 1-${MAX_TITLE_BYTES} bytes of UTF-8 on one line`);
  }
  return text;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

program
  .action(run)
  .parseAsync()
  .catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : "something failed"}\n`);
    process.exitCode = 1;
  });
