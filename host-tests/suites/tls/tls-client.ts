import { type ChildProcessWithoutNullStreams, execFile, spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { MBEDTLS_INCLUDES, MBEDTLS_LIBRARIES, SANITIZED } from "../../tools/native-compiler.js";

const SOURCES = fileURLToPath(new URL("../../../firmware/boards/esp32/tls/", import.meta.url));
const COMPILER = process.env.CC ?? "cc";
const FLAGS = ["-std=gnu11", ...SANITIZED, "-Wl,--wrap=mbedtls_ssl_conf_max_frag_len,--wrap=malloc"];

/** Whether the compiler, the library and OpenSSL's command line are installed. */
export function canBuildClient(): boolean {
  const program = "#include <mbedtls/ssl.h>\nint main(void) { return 0; }\n";
  const { status } = spawnSync(COMPILER, [...MBEDTLS_INCLUDES, "-fsyntax-only", "-x", "c", "-"], {
    input: program,
  });
  return status === 0 && spawnSync("openssl", ["version"]).status === 0;
}

export interface ClientOptions {
  readonly port: number;
  readonly host: string;
  readonly authorities: string;
  /** Time that the client checks certificates by, s since 1970; default: now. */
  readonly nowS?: number;
}

/** The chip's TLS client, compiled for this machine under sanitizers. */
export class TLSClient {
  readonly #program: string;

  /** Compiles the client into a folder. */
  constructor(folder: string) {
    this.#program = join(folder, "tls-client");
    const sources = ["tls-session.c", "tls-session.test.c"].map((name) => join(SOURCES, name));
    const { status, stderr } = spawnSync(
      COMPILER,
      [...FLAGS, ...MBEDTLS_INCLUDES, ...sources, "-o", this.#program, ...MBEDTLS_LIBRARIES],
      { encoding: "utf8" },
    );
    if (status !== 0) throw new Error(stderr);
  }

  /** Major version of the library. */
  version(): Promise<number> {
    return this.#run(["version"]).then(([text]) => Number(text?.split(" ")[0]));
  }

  /** Connects and transfers data twice. Returns what happened; the second time is left out after a failure. */
  connect(
    options: ClientOptions,
    own?: { readonly der: string; readonly keyDer: string },
  ): Promise<string[]> {
    return this.#run(["connect", ...argumentsOf(options), ...(own ? [own.der, own.keyDer] : [])]);
  }

  /** As `connect`, the second time to another host name, some time later. */
  resume(
    options: ClientOptions,
    second: { readonly host: string; readonly afterS: number },
  ): Promise<string[]> {
    return this.#run(["resume", ...argumentsOf(options), second.host, String(second.afterS)]);
  }

  /** Connects and transfers data, then has no memory for more. */
  starve(options: ClientOptions): Promise<string[]> {
    return this.#run(["starve", ...argumentsOf(options)]);
  }

  /** Connects standard input and output with the server, without a request for short records. */
  pipe(options: ClientOptions): ChildProcessWithoutNullStreams {
    return spawn(this.#program, ["pipe", ...argumentsOf(options)]);
  }

  /** Replays a recorded handshake unchanged, then `count` times with changes. */
  fuzz(options: ClientOptions, count: number, seed: number): Promise<string[]> {
    return this.#run(["fuzz", ...argumentsOf(options), String(count), String(seed)]);
  }

  #run(options: readonly string[]): Promise<string[]> {
    return new Promise((done, fail) => {
      execFile(this.#program, options, { encoding: "utf8" }, (error, stdout, stderr) => {
        if (error || stderr !== "") fail(new Error(`${stdout}${stderr}`));
        else done(stdout.trim().split("\n"));
      });
    });
  }
}

function argumentsOf({
  port,
  host,
  authorities,
  nowS = Math.floor(Date.now() / 1000),
}: ClientOptions): string[] {
  return [String(port), host, String(nowS), authorities];
}
