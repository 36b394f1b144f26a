import type { Cipher } from "../entries.js";
import type { StoredWiring } from "./board-file.js";
import type { ClientAuthority } from "./client-authority.js";
import { type Identity, isProduct, randomId, randomKey, randomPassword } from "./identity.js";
import { makeNVSImage } from "./nvs-image.js";
import { StationDirectory } from "./station-directory.js";

/** Registration of a station at a platform. */
export type Drawn = Pick<Identity, "id" | "key" | "password">;

/** Source of device ids and response keys. */
export interface IdentitySource {
  /**
   * Returns an unused id with its key, and with the MQTT password of the station's own account if the platform has
   * accounts for stations. `isTaken` says which ids are in use. Rejects with a message for the user.
   */
  draw(product: string, isTaken: (id: string) => boolean): Promise<Drawn>;
  /**
   * Registers a station at its platform before the station is complete. After an interrupted run it is called again for
   * the same station.
   */
  register?(identity: Identity): void;
}

export interface ProvisionOptions {
  /** Product id: 1-55 letters, digits, - and _; the first is a letter or digit. */
  readonly product: string;
  /** Number of stations of the product that the directory holds afterwards. */
  readonly count: number;
  readonly directory: string;
  /** Name of the stations' own Wi-Fi network, for the labels. */
  readonly accessPointName: string;
  /** Size of the stations' partition `nvs`, bytes. Default: the size in manifests/partitions.csv. */
  readonly partitionBytes?: number;
  /** Wiring of the stations. Default: the wiring that is built into the firmware. */
  readonly wiring?: StoredWiring;
  /** Time server of the stations, a host name or an IPv4 address. Default: that of their network. */
  readonly timeServer?: string;
  /** Whether the stations connect over TLS only. */
  readonly requiresTLS?: boolean;
  /** Highest current of the installation, A. Default: that of the wiring. */
  readonly installationLimitA?: number;
  /** Issues each station a client certificate. */
  readonly clientAuthority?: ClientAuthority;
  readonly source: IdentitySource;
  /** Called when a station is complete. `isCompleted`: an interrupted run had started it. */
  readonly onMade?: (id: string, isCompleted: boolean) => void;
  readonly now?: () => Date;
}

export interface ProvisionResult {
  /** Number of stations that this run made or completed. */
  readonly made: number;
  /** Number of stations of the product in the directory. */
  readonly total: number;
  /** Number of stations that an interrupted run started and the count does not need. */
  readonly halfMade: number;
}

const CIPHER: Cipher = "aes-256-gcm";
const MAX_COUNT = 10_000;

/** A source that generates random ids and keys without a platform. The stations have no account of their own. */
export const offlineSource: IdentitySource = {
  async draw(product, isTaken) {
    let id = randomId(product);
    while (isTaken(id)) id = randomId(product);
    return { id, key: randomKey() };
  },
};

/**
 * Makes stations until the directory holds `count` of the product. Stations that an interrupted run started are
 * completed first, so that a repeated run continues it. Rejects with a message without secrets; finished stations stay.
 */
export async function provision(options: ProvisionOptions): Promise<ProvisionResult> {
  const { product, count, source, accessPointName, partitionBytes, wiring, now = () => new Date() } = options;
  if (!isProduct(product)) {
    throw new Error(
      `"${product}" is not a product id: it must have 1-55 letters, digits, - and _, the first a letter or digit`,
    );
  }
  if (!Number.isInteger(count) || count < 1 || count > MAX_COUNT) {
    throw new Error(`the count must be 1-${MAX_COUNT}`);
  }
  // Throws for an invalid partition size before any file is written.
  makeNVSImage(new Map(), { sizeBytes: partitionBytes });
  const directory = new StationDirectory(options.directory);
  directory.sweep(product);
  const halfMade = directory.halfMade(product);
  let made = 0;
  while (directory.idsOf(product).length < count) {
    const begun = halfMade.shift();
    const identity = begun ?? (await draw(product, source, directory));
    const clientCertificate = options.clientAuthority?.issue(identity.id, now());
    const image = {
      partitionBytes,
      wiring,
      clientCertificate,
      timeServer: options.timeServer,
      requiresTLS: options.requiresTLS,
      installationLimitA: options.installationLimitA,
    };
    if (begun) directory.replaceImage(identity, image);
    else directory.addImage(identity, image);
    directory.addLabels({ identity, accessPointName });
    source.register?.(identity);
    directory.finish(identity, now());
    made++;
    options.onMade?.(identity.id, begun !== undefined);
  }
  return { made, total: directory.idsOf(product).length, halfMade: halfMade.length };
}

async function draw(product: string, source: IdentitySource, directory: StationDirectory): Promise<Identity> {
  const drawn = await source.draw(product, (one) => directory.has(one));
  return {
    ...drawn,
    product,
    cipher: CIPHER,
    accessPointPassword: randomPassword(),
    adminPassword: randomPassword(),
  };
}
