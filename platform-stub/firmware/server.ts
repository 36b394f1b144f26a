import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { userTopicsOf } from "../accounts.js";
import { connectToBroker } from "../connect-to-broker.js";
import { ErrorBarrier } from "../error-barrier.js";
import type { Registry } from "../registry.js";
import { answer } from "./answer.js";
import { RepositoryDirectory, writeProgress } from "./directory.js";
import { ProgressWriter } from "./progress-writer.js";
import { Reports, reportFilters } from "./reports.js";
import { FirmwareRepository, type Progress, type Release, type RepositoryOptions } from "./repository.js";

export interface FirmwareServerOptions
  extends Pick<RepositoryOptions, "maxRolledBackShare" | "minRolledBack"> {
  /** Directory of the repository. */
  readonly directory: string;
  readonly host?: string;
  /** TCP port; 0: any free port. */
  readonly port: number;
  /** A broker, with an account that may read the stations' update states. */
  readonly broker?: { readonly url: string; readonly username?: string; readonly password?: string };
  /** The registered stations. Only their reports count. Default: every station counts. */
  readonly registry?: Pick<Registry, "device" | "user" | "users">;
  /** Called when a release is halted because of rollbacks. */
  readonly onHalted?: (release: Release, progress: Progress) => void;
  /** Called once for each invalid file in the directory. The other releases are served. */
  readonly onProblem?: (problem: string) => void;
}

export interface FirmwareService {
  readonly repository: FirmwareRepository;
  readonly url: string;
  close(): Promise<void>;
}

const REQUEST_TIMEOUT_MS = 10_000;

/** Serves the repository over HTTP and collects the stations' update states. It has no TLS; use a proxy. */
export async function serveFirmware(options: FirmwareServerOptions): Promise<FirmwareService> {
  const { registry } = options;
  const errorBarrier = new ErrorBarrier((why) =>
    options.onProblem?.(`the progress of a release cannot be stored: ${why}`),
  );
  const writer = new ProgressWriter({
    write: (release) =>
      errorBarrier.run(() => writeProgress(options.directory, release, repository.progress(release))),
  });
  const repository = new FirmwareRepository({
    ...options,
    ...(registry && { ownerOf: (deviceId) => registry.device(deviceId)?.owner }),
    onProgress: (release) => writer.request(release),
    onHalted: (release, progress) => {
      // At once: `refresh` reads the halt from the file again after an earlier write.
      writer.flush();
      options.onHalted?.(release, progress);
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
  const unsubscribe = await subscribe(repository, options).catch((error: unknown) => {
    server.close();
    throw error;
  });
  return {
    repository,
    url: `http://${host}:${(server.address() as AddressInfo).port}`,
    close: async () => {
      await unsubscribe();
      writer.flush();
      await new Promise<void>((done) => {
        server.close(() => done());
        server.closeAllConnections();
      });
    },
  };
}

/** Subscribes to the stations' update states. Returns a function that disconnects. */
async function subscribe(
  repository: FirmwareRepository,
  { broker, registry }: Pick<FirmwareServerOptions, "broker" | "registry">,
): Promise<() => Promise<void>> {
  if (!broker) return async () => {};
  const { url, username, password } = broker;
  const client = await connectToBroker(url, { username, password });
  const isOwn = (deviceId: string, userTopic: string) => {
    if (!registry) return true;
    const owner = registry.user(registry.device(deviceId)?.owner ?? "");
    return owner !== undefined && userTopicsOf(owner).includes(userTopic);
  };
  const reports = new Reports((report) => repository.report(report), isOwn);
  client.on("message", (topic, payload) => reports.receive(topic, payload.toString()));
  client.on("error", () => {});
  const deepRoots = registry?.users.flatMap(({ rootTopic }) => (rootTopic?.includes("/") ? [rootTopic] : []));
  await client.subscribeAsync(reportFilters(deepRoots), { qos: 1 });
  return () => client.endAsync();
}
