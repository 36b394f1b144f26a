import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import mqtt from "mqtt";
import { answer } from "./answer.js";
import { RepositoryDirectory, writeProgress } from "./directory.js";
import { REPORT_FILTERS, Reports } from "./reports.js";
import { FirmwareRepository, type Progress, type Release, type RepositoryOptions } from "./repository.js";

export interface FirmwareServerOptions
  extends Pick<RepositoryOptions, "maxRolledBackShare" | "minRolledBack"> {
  /** Of the repository. */
  readonly directory: string;
  readonly host?: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** A broker, and an account that may read what stations say of their updates. */
  readonly broker?: { readonly url: string; readonly username?: string; readonly password?: string };
  /** A release was halted by itself. */
  readonly onHalted?: (release: Release, progress: Progress) => void;
  /** The directory holds something that it should not: told once. It is served without that. */
  readonly onProblem?: (problem: string) => void;
}

export interface FirmwareService {
  readonly repository: FirmwareRepository;
  readonly url: string;
  close(): Promise<void>;
}

const REQUEST_TIMEOUT_MS = 10_000;

/** Serves the repository over HTTP, and listens to what becomes of its releases. TLS is a proxy's. */
export async function serveFirmware(options: FirmwareServerOptions): Promise<FirmwareService> {
  const halted = new Set<string>();
  const repository = new FirmwareRepository({
    ...options,
    onProgress: (release, progress) => {
      try {
        writeProgress(options.directory, release, progress);
      } catch (error) {
        const why = error instanceof Error ? error.message : "unknown";
        options.onProblem?.(`what became of version ${release.version} cannot be kept: ${why}`);
      }
      const name = `${release.productId}/${release.channel}/${release.version}`;
      if (progress.isHalted && !halted.has(name)) options.onHalted?.(release, progress);
      if (progress.isHalted) halted.add(name);
      else halted.delete(name);
    },
  });
  const directory = new RepositoryDirectory(options.directory, repository);
  let problems = new Set<string>();
  const refresh = () => {
    const found = new Set(directory.refresh());
    for (const problem of found) if (!problems.has(problem)) options.onProblem?.(problem);
    problems = found;
  };
  refresh();
  const server = createServer((request, response) => {
    refresh();
    const headers = new Map(
      Object.entries(request.headers).flatMap(([name, value]) =>
        typeof value === "string" ? [[name, value] as const] : [],
      ),
    );
    const {
      status,
      headers: own,
      body,
    } = answer(repository, {
      method: request.method ?? "",
      path: request.url ?? "",
      headers,
    });
    response.writeHead(status, { ...own }).end(body);
  });
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  const host = options.host ?? "127.0.0.1";
  await new Promise<void>((done, fail) => {
    server.once("error", fail);
    server.listen(options.port, host, done);
  });
  const stopListening = await listen(repository, options.broker).catch((error: unknown) => {
    server.close();
    throw error;
  });
  return {
    repository,
    url: `http://${host}:${(server.address() as AddressInfo).port}`,
    close: async () => {
      await stopListening();
      await new Promise<void>((done) => {
        server.close(() => done());
        server.closeAllConnections();
      });
    },
  };
}

async function listen(
  repository: FirmwareRepository,
  broker: FirmwareServerOptions["broker"],
): Promise<() => Promise<void>> {
  if (!broker) return async () => {};
  const { url, username, password } = broker;
  const client = await mqtt.connectAsync(url, { username, password }, false);
  const reports = new Reports((report) => repository.report(report));
  client.on("message", (topic, payload) => reports.follow(topic, payload.toString()));
  client.on("error", () => {});
  await client.subscribeAsync([...REPORT_FILTERS], { qos: 1 });
  return () => client.endAsync();
}
