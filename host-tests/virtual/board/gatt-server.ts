import { encodePDU } from "../../../firmware/boards/advertising.js";
import { checkServices, offeredMTU } from "../../../firmware/boards/gatt-rules.js";
import type {
  AdvertisingRecords,
  GATTServer,
  GATTServerConstructor,
  GATTServerOptions,
} from "../../../modules/board/index.js";
import type { Air, CentralConnection, CentralOptions, Peripheral } from "../world/air.js";
import type { FirmwareRun } from "./firmware-run.js";
import { GATTLink } from "./gatt-link.js";
import { MAX_CONNECTIONS } from "./gatt-rules.js";

export interface RadioOptions {
  readonly air: Air;
  /** Bluetooth address. */
  readonly address: string;
  readonly rssi?: number;
  /** Maximum number of connections (CONFIG_BT_NIMBLE_MAX_CONNECTIONS). */
  readonly maxConnections?: number;
}

const RSSI = -55;

/** Makes a BLE peripheral on the virtual air. */
export function makeGATTServer(radio: RadioOptions, firmware: FirmwareRun): GATTServerConstructor {
  const maxConnections = radio.maxConnections ?? MAX_CONNECTIONS;
  let isInUse = false;

  return class VirtualGATTServer implements GATTServer, Peripheral {
    readonly address = radio.address;
    readonly rssi = radio.rssi ?? RSSI;
    readonly #options: GATTServerOptions;
    readonly #mtu: number;
    readonly #links = new Set<GATTLink>();
    readonly #release: () => void;
    #isReady = false;
    #isClosed = false;
    #advertised: NonNullable<Peripheral["pdus"]> | undefined;

    constructor(options: GATTServerOptions) {
      if (isInUse) throw new Error("only one GATT server at a time");
      checkServices(options.services);
      isInUse = true;
      this.#options = options;
      this.#mtu = offeredMTU(options.mtu);
      const leave = radio.air.add(this);
      this.#release = firmware.hold(() => {
        this.#isClosed = true;
        isInUse = false;
        leave();
        for (const link of [...this.#links]) {
          if (firmware.isOver) link.lose();
          else link.connection.close();
        }
      });
      firmware.soon(() => {
        if (this.#isClosed) return;
        this.#isReady = true;
        options.onReady?.();
      });
    }

    get pdus(): Peripheral["pdus"] {
      return this.#isClosed || this.#links.size >= maxConnections ? undefined : this.#advertised;
    }

    startAdvertising(advertisement: AdvertisingRecords, scanResponse: AdvertisingRecords = {}): void {
      if (!this.#isReady || this.#isClosed) throw new Error("not ready to advertise");
      this.#advertised = { advertisement: encodePDU(advertisement), scanResponse: encodePDU(scanResponse) };
      radio.air.changed(this);
    }

    stopAdvertising(): void {
      this.#advertised = undefined;
    }

    close(): void {
      this.#release();
    }

    accept(options: CentralOptions): CentralConnection | undefined {
      if (!this.pdus) return undefined;
      const link = new GATTLink({
        firmware,
        clock: radio.air.clock,
        services: this.#options.services,
        address: options.address,
        intervalMs: radio.air.intervalMs,
        maxMTU: this.#mtu,
        onCentralDisconnected: (reason) => options.onDisconnected(reason),
        onOver: () => this.#forget(link),
      });
      this.#links.add(link);
      firmware.run(() => this.#options.onConnect?.(link.connection));
      link.begin(options.mtu, () => options.onConnected(link));
      return link;
    }

    #forget(link: GATTLink): void {
      if (!this.#links.delete(link) || this.#isClosed) return;
      link.endSubscriptions();
      firmware.run(() => this.#options.onDisconnect?.(link.connection));
      radio.air.changed(this);
    }
  };
}
