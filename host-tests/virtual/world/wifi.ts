/**
 * A Wi-Fi network around a station. Its properties may change at any time; stations notice as real ones do.
 */
export interface WiFiNetworkState {
  ssid: string;
  /** Password; empty for an open network. */
  password: string;
  channel: number;
  /** Signal strength, dBm. */
  rssi: number;
  /** `false`: the network gives no addresses, and revokes those it gave. */
  dhcp: boolean;
  /** The network does not appear in scans. */
  hidden: boolean;
}

export interface AccessPointState {
  readonly ssid: string;
  readonly password: string | undefined;
  /**
   * Channel of the radio. The station's radio has only one: joining a network on another channel changes it.
   */
  channel: number;
}

/** Last byte of the first address that DHCP gives. Lower ones are static. */
const FIRST_LEASE = 10;
/** Leases per subnet: 192.168.1.10 to 192.168.1.249, and as many in each of the next subnets, for a fleet. */
const LEASES_OF_SUBNET = 240;
const LEASES = 8 * LEASES_OF_SUBNET;

/** The Wi-Fi environment of a place: networks to join, and the stations' access points. */
export class WiFiSurroundings {
  readonly #networks = new Map<string, WiFiNetworkState>();
  /** Access points by their owner. */
  readonly #accessPoints = new Map<object, AccessPointState>();
  readonly #stations = new Set<() => void>();
  #nextLease = 0;
  /** Stations get no events, as chips sometimes miss them. */
  isMute = false;
  /** Number of access points moved to another channel while they were up, which disconnects their phones. */
  draggedCount = 0;

  /** Adds a network or changes one. */
  put(network: Partial<WiFiNetworkState> & { ssid: string }): void {
    const before = this.#networks.get(network.ssid);
    const standard = { password: "", channel: 6, rssi: -60, dhcp: true, hidden: false };
    this.#networks.set(network.ssid, { ...standard, ...before, ...network });
    this.#notify();
  }

  /** Removes a network. */
  remove(ssid: string): void {
    this.#networks.delete(ssid);
    this.#notify();
  }

  find(ssid: string): WiFiNetworkState | undefined {
    return this.#networks.get(ssid);
  }

  get networks(): readonly WiFiNetworkState[] {
    return [...this.#networks.values()];
  }

  /** The stations' access points, as a phone nearby sees them. */
  get accessPoints(): readonly AccessPointState[] {
    return [...this.#accessPoints.values()];
  }

  /** Adds an access point. Returns a function that removes it. */
  raise(owner: object, accessPoint: AccessPointState): () => void {
    this.#accessPoints.set(owner, accessPoint);
    return () => this.#accessPoints.delete(owner);
  }

  /** Moves the access point of a station that has joined a network on this channel. */
  drag(owner: object, channel: number): void {
    const accessPoint = this.#accessPoints.get(owner);
    if (!accessPoint || accessPoint.channel === channel) return;
    accessPoint.channel = channel;
    this.draggedCount++;
  }

  /** Calls back when networks change. Returns a function that stops that. */
  watch(onChanged: () => void): () => void {
    this.#stations.add(onChanged);
    return () => this.#stations.delete(onChanged);
  }

  /** Returns the next free address of the DHCP range. */
  lease(isTaken: (address: string) => boolean): string {
    for (let tried = 0; tried < LEASES; tried++) {
      const index = this.#nextLease;
      this.#nextLease = (index + 1) % LEASES;
      const address = `192.168.${1 + Math.floor(index / LEASES_OF_SUBNET)}.${FIRST_LEASE + (index % LEASES_OF_SUBNET)}`;
      if (!isTaken(address)) return address;
    }
    throw new Error("every address is taken");
  }

  #notify(): void {
    for (const onChanged of [...this.#stations]) onChanged();
  }
}
