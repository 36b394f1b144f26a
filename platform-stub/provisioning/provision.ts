import type { Cipher } from "../registry.js";
import { type Identity, isProduct, randomId, randomKey, randomPassword } from "./identity.js";
import { makeNVSImage } from "./nvs-image.js";
import { StationDirectory } from "./station-directory.js";

/** Where a device id and its response key come from. */
export interface IdentitySource {
  /** `isTaken`: ids that cannot be used. Fails with what is wrong, in words for whoever provisions. */
  draw(
    product: string,
    isTaken: (id: string) => boolean,
  ): Promise<{ readonly id: string; readonly key: string }>;
  /**
   * Makes a station known to its platform before it exists; again, if a run was interrupted, for one that may be
   * known already.
   */
  register?(identity: Identity): void;
}

export interface ProvisionOptions {
  /** 1-55 letters, digits, - and _; the first of them a letter or digit. */
  readonly product: string;
  /** How many stations of the product the directory is to hold. */
  readonly count: number;
  readonly directory: string;
  /** The name of the stations' own network, for the labels. */
  readonly accessPointName: string;
  /** The size of the stations' partition `nvs`; what manifests/partitions.csv says unless given. */
  readonly partitionBytes?: number;
  readonly source: IdentitySource;
  /** A station exists now; `isCompleted` when an interrupted run had begun it. */
  readonly onMade?: (id: string, isCompleted: boolean) => void;
  readonly now?: () => Date;
}

export interface ProvisionResult {
  readonly made: number;
  /** Stations of the product in the directory, these included. */
  readonly total: number;
  /** Begun by an interrupted run, and not needed for the count. */
  readonly halfMade: number;
}

const CIPHER: Cipher = "aes-256-gcm";
const MAX_COUNT = 10_000;

/** Makes its own ids and keys. */
export const offlineSource: IdentitySource = {
  async draw(product, isTaken) {
    let id = randomId(product);
    while (isTaken(id)) id = randomId(product);
    return { id, key: randomKey() };
  },
};

/**
 * Makes stations until the directory holds `count` of the product: first those that an interrupted run has begun.
 * Repeating it after any interruption completes what is missing. Throws an Error that says what is wrong, without
 * secrets; the stations made until then stay.
 */
export async function provision(options: ProvisionOptions): Promise<ProvisionResult> {
  const { product, count, source, accessPointName, partitionBytes, now = () => new Date() } = options;
  if (!isProduct(product)) {
    throw new Error(
      `"${product}" is no product: 1-55 letters, digits, - and _, the first a letter or a digit`,
    );
  }
  if (!Number.isInteger(count) || count < 1 || count > MAX_COUNT) {
    throw new Error(`a count is 1-${MAX_COUNT}`);
  }
  // A size that is none is told before anything is made.
  makeNVSImage(new Map(), { sizeBytes: partitionBytes });
  const directory = new StationDirectory(options.directory);
  directory.sweep(product);
  const halfMade = directory.halfMade(product);
  let made = 0;
  while (directory.idsOf(product).length < count) {
    const begun = halfMade.shift();
    const identity = begun ?? (await draw(product, source, directory));
    if (!begun) directory.addImage(identity, { partitionBytes });
    directory.addLabels({ identity, accessPointName });
    source.register?.(identity);
    directory.finish(identity, now());
    made++;
    options.onMade?.(identity.id, begun !== undefined);
  }
  return { made, total: directory.idsOf(product).length, halfMade: halfMade.length };
}

async function draw(product: string, source: IdentitySource, directory: StationDirectory): Promise<Identity> {
  const { id, key } = await source.draw(product, (one) => directory.has(one));
  return {
    id,
    product,
    key,
    cipher: CIPHER,
    accessPointPassword: randomPassword(),
    adminPassword: randomPassword(),
  };
}
