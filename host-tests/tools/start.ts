import { Command, Option } from "commander";
import { BROKER_PASSWORD_VARIABLE, brokerOption, brokerWithPassword } from "../../platform-stub/secrets.js";
import { RADIO_KINDS, type RadioKind } from "../virtual/bluetooth/radio.js";
import { onInterrupt, onReaderGone } from "./cli/ending.js";
import { runDemo } from "./demo/demo.js";
import { Timeline } from "./demo/timeline.js";

const program = new Command("npm start --")
  .description("Runs the demo: two stations are paired, a tag starts a session, bad answers do not")
  .option(
    "--json",
    "one JSON object per line: {at (ms since the start), event, …}; the last is {event: done, ok}",
    false,
  )
  .addOption(
    new Option(
      "--radio <kind>",
      "hci: real Bluetooth stacks over virtual controllers; calls: function calls; default: hci if installed",
    ).choices(RADIO_KINDS),
  )
  .option("--btsnoop <file>", "log the radio's packets, for Wireshark")
  .option("--broker <url>", "a running broker, mqtt://[user@]host:port", brokerOption)
  .option(
    "--broker-password-file <file>",
    `file with the password for that broker; or set ${BROKER_PASSWORD_VARIABLE}`,
  )
  .showHelpAfterError()
  .parse();

const { json, radio, btsnoop, ...broker } = program.opts<{
  json: boolean;
  broker?: string;
  brokerPasswordFile?: string;
  radio?: RadioKind;
  btsnoop?: string;
}>();
const timeline = new Timeline({ isJSON: json, print: (line) => process.stdout.write(`${line}\n`) });
const ending = new AbortController();
onInterrupt(() => ending.abort(new Error("interrupted")));
onReaderGone(() => ending.abort(new Error("the reader of the output is gone")));
try {
  await runDemo({
    timeline,
    brokerURL: brokerWithPassword(broker),
    radio,
    btsnoopFile: btsnoop,
    signal: ending.signal,
  });
  timeline.done({
    ok: true,
    message: `every step was observed from outside the stations, in ${timeline.elapsedMs / 1000} s`,
  });
} catch (error) {
  timeline.done({ ok: false, message: error instanceof Error ? error.message : "something failed" });
  process.exitCode = 1;
}
