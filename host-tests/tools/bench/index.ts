import { Command } from "commander";
import { fail, print } from "../../../platform-stub/command-line.js";
import type { Percentiles } from "./percentiles.js";

const program = new Command("npm run bench --")
  .description("Benchmarks, reported as ratios of times measured in the same run")
  .showHelpAfterError();

program
  .command("authorize")
  .description("time from tag write to final notification, compared with a plain MQTT client's request")
  .option("--runs <number>", "pairs of measurements", "2000")
  .option("--json", "one JSON object", false)
  .action(async ({ runs, json }: { runs: string; json: boolean }) => {
    const { benchAuthorize } = await import("./authorize.js");
    const bench = await benchAuthorize({ runs: numberOfRuns(runs) });
    if (json) print(JSON.stringify(bench));
    else {
      print(`${bench.runs} pairs, milliseconds            median      p99`);
      print(row("station: tag write → final result", bench.stationMs));
      print(row("bare MQTT.js: request → response", bench.bareMs));
      print(row("ratio", bench.ratio));
    }
  });

program
  .command("ble")
  .description(
    "the station's share of tag write to final notification over Bluetooth stacks and a virtual radio",
  )
  .option("--runs <number>", "measurements", "300")
  .option("--json", "one JSON object", false)
  .action(async ({ runs, json }: { runs: string; json: boolean }) => {
    const { benchBLE } = await import("./ble.js");
    const bench = await benchBLE({ runs: numberOfRuns(runs) });
    if (json) print(JSON.stringify(bench));
    else {
      print(`${bench.runs} runs, milliseconds             median      p99`);
      print(row("phone: tag write → final result", bench.totalMs));
      print(row("station's part of it", bench.stationMs));
      print(row("radio: a read's round trip", bench.roundTripMs));
      print(row("share: station / phone", bench.share));
    }
  });

program
  .command("update")
  .description("time and memory to download a firmware image into the slot, compared with curl")
  .option("--runs <number>", "pairs of measurements", "50")
  .option("--json", "one JSON object", false)
  .action(async ({ runs, json }: { runs: string; json: boolean }) => {
    const { benchUpdate } = await import("./update.js");
    const bench = await benchUpdate({ runs: numberOfRuns(runs) });
    if (json) print(JSON.stringify(bench));
    else {
      print(`${bench.runs} pairs of ${bench.imageBytes} bytes, ms  median      p99`);
      print(row("station: download, check, verify", bench.stationMs));
      print(row("curl: the same file", bench.curlMs));
      print(row("ratio", bench.ratio));
      print(`peak heap ${bench.peakHeapBytes} bytes beyond what was there before`);
    }
  });

program.parseAsync().catch(fail);

function numberOfRuns(text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new Error("--runs must be a whole number from 1");
  return Number(text);
}

function row(name: string, { median, p99 }: Percentiles): string {
  return `${name.padEnd(34)}${median.toFixed(3).padStart(8)} ${p99.toFixed(3).padStart(8)}`;
}
