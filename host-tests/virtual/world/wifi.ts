/** The Wi-Fi networks around a station. Anything here may change at any time; stations notice as real ones do. */
export interface WiFiNetworkState {
  ssid: string;
  /** Empty: an open network. */
  password: string;
  channel: number;
  /** dBm */
  rssi: number;
  /** `false`: it gives no addresses, and takes back those it gave. */
  dhcp: boolean;
  /** Not named in a scan. */
  hidden: boolean;
}

export interface AccessPointState {
  readonly ssid: string;
  readonly password: string | undefined;
  /** The radio's one channel: a network that its station joins elsewhere takes it along. */
  channel: number;
}

/** Last bytes of the addresses that DHCP gives; the others are for hosts that have theirs from elsewhere. */
const FIRST_LEASE = 10;
/** 192.168.1.10 to 192.168.1.249, and as many in each of the next subnets: enough for a fleet. */
const LEASES_OF_SUBNET = 240;
const LEASES = 8 * LEASES_OF_SUBNET;

/** The airwaves of a place: networks to join, and the access points that stations open. */
export class WiFiSurroundings {
  #networks = new Map<string, WiFiNetworkState>();
  /** By whatever raised them. */
  #accessPoints = new Map<object, AccessPointState>();
  #stations = new Set<() => void>();
  #nextLease = 0;
  /** Stations miss what happens, as chips do now and then. */
  isMute = false;
  /** Access points that were taken to another channel while they were up: their phones are lost. */
  draggedCount = 0;

  /** Adds a network or changes one. */
  put(network: Partial<WiFiNetworkState> & { ssid: string }): void {
    const before = this.#networks.get(network.ssid);
    const standard = { password: "", channel: 6, rssi: -60, dhcp: true, hidden: false };
    this.#networks.set(network.ssid, { ...standard, ...before, ...network });
    this.#tell();
  }

  /** Switches a network off. */
  remove(ssid: string): void {
    this.#networks.delete(ssid);
    this.#tell();
  }

  find(ssid: string): WiFiNetworkState | undefined {
    return this.#networks.get(ssid);
  }

  get networks(): readonly WiFiNetworkState[] {
    return [...this.#networks.values()];
  }

  /** What a phone nearby sees of the stations' own networks. */
  get accessPoints(): readonly AccessPointState[] {
    return [...this.#accessPoints.values()];
  }

  /** An access point comes up. Returns how it goes. */
  raise(owner: object, accessPoint: AccessPointState): () => void {
    this.#accessPoints.set(owner, accessPoint);
    return () => this.#accessPoints.delete(owner);
  }

  /** A station has joined on this channel, and its access point, if there is one, goes along. */
  drag(owner: object, channel: number): void {
    const accessPoint = this.#accessPoints.get(owner);
    if (!accessPoint || accessPoint.channel === channel) return;
    accessPoint.channel = channel;
    this.draggedCount++;
  }

  /** Calls back when networks change. Returns how to stop that. */
  watch(onChanged: () => void): () => void {
    this.#stations.add(onChanged);
    return () => this.#stations.delete(onChanged);
  }

  /** The next address that DHCP gives, of those that nobody has. */
  lease(isTaken: (address: string) => boolean): string {
    for (let tried = 0; tried < LEASES; tried++) {
      const index = this.#nextLease;
      this.#nextLease = (index + 1) % LEASES;
      const address = `192.168.${1 + Math.floor(index / LEASES_OF_SUBNET)}.${FIRST_LEASE + (index % LEASES_OF_SUBNET)}`;
      if (!isTaken(address)) return address;
    }
    throw new Error("every address is taken");
  }

  #tell(): void {
    for (const onChanged of [...this.#stations]) onChanged();
  }
}
