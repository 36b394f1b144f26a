import { MIN_MTU } from "../../../firmware/boards/gatt-rules.js";
import type { Clock, IO, Timer } from "../../../modules/board/index.js";
import { ReportType } from "../radio/hci.js";
import type { AirReport, Central, CentralOptions } from "../world/air.js";
import { NobleConnection } from "./noble-connection.js";
import type { BluetoothPackages, NobleBindings } from "./packages.js";
import type { HCITransport } from "./transport.js";

export interface NobleCentralOptions {
  readonly packages: BluetoothPackages;
  readonly clock: Clock;
  /** Creates the transport of a scan or a connection. On the virtual radio, each has its own address. */
  readonly makeTransport: () => HCITransport;
}

type PDU = Uint8Array<ArrayBuffer>;

const CONNECT_TIMEOUT_MS = 3000;
/** Time after which an advertiser that was not received is reported again, ms. */
const ABSENT_MS = 500;

/** Central on the real Bluetooth stack noble. */
export class NobleCentral implements Central {
  readonly #options: NobleCentralOptions;
  /** Address types of received advertisers: `public` or `random`. */
  readonly #addressTypes = new Map<string, string>();

  constructor(options: NobleCentralOptions) {
    this.#options = options;
  }

  scan(onReport: (report: AirReport) => void): IO {
    const { clock } = this.#options;
    const stack = this.#start(() => stack.bindings.startScanning([], true));
    const received = new Map<string, { text: string; atMs: number; advertisement: PDU; scanResponse: PDU }>();
    stack.bindings._hci.on(
      "leAdvertisingReport",
      (_status: number, type: number, address: string, addressType: string, data: Buffer, rssi: number) => {
        this.#addressTypes.set(address, addressType);
        const before = received.get(address);
        const empty = { advertisement: new Uint8Array(0), scanResponse: new Uint8Array(0) };
        const { advertisement, scanResponse } = before ?? empty;
        const isResponse = type === ReportType.scanResponse;
        const now = isResponse
          ? { advertisement, scanResponse: new Uint8Array(data) }
          : { advertisement: new Uint8Array(data), scanResponse };
        const text = `${now.advertisement} ${now.scanResponse}`;
        const atMs = clock.monotonicMs();
        const isNews = before?.text !== text || atMs - before.atMs > ABSENT_MS;
        // Data before the scan response is incomplete: the report waits for the response.
        received.set(address, { ...now, text: isResponse || !isNews ? text : "", atMs });
        if (!isNews || !isResponse) return;
        onReport({ address, rssi, advertisingData: now.advertisement, scanResponse: now.scanResponse });
      },
    );
    return { close: () => stack.close() };
  }

  connect(address: string, options: CentralOptions): IO {
    const id = address.replaceAll(":", "");
    const addressType = this.#addressTypes.get(address) ?? "public";
    const { clock } = this.#options;
    let timer: Timer | undefined;
    let connection: NobleConnection | undefined;
    let isRequested = false;
    const stack = this.#start(() => {
      isRequested = true;
      stack.bindings.connect(id, { addressType, mtu: options.mtu ?? MIN_MTU });
    });
    const end = () => {
      clock.clear(timer);
      // A controller continues to connect after its host has stopped.
      if (isRequested) stack.bindings.cancelConnect(id);
      isRequested = false;
      stack.close();
    };
    const fail = (reason: string) => {
      end();
      options.onFailed(reason);
    };
    timer = clock.set(() => fail("no station accepts a connection at that address"), CONNECT_TIMEOUT_MS);
    stack.bindings.on("connect", (_id: string, error: Error | null) => {
      isRequested = false;
      const gatt = stack.bindings._gatts[id];
      if (error || !gatt) {
        fail(error?.message ?? "the stack has no connection");
        return;
      }
      const opened = new NobleConnection({ gatt, disconnect: end, lose: () => stack.transport.lose() });
      opened.discover(() => {
        clock.clear(timer);
        connection = opened;
        options.onConnected(opened);
      });
    });
    stack.bindings.on("disconnect", (_id: string, reason: number) => {
      const text = `reason 0x${reason.toString(16).padStart(2, "0")}`;
      if (!connection) {
        fail(`disconnected while its services were discovered, ${text}`);
        return;
      }
      end();
      options.onDisconnected(text);
    });
    return { close: end };
  }

  #start(onReady: () => void): { bindings: NobleBindings; transport: HCITransport; close: () => void } {
    const transport = this.#options.makeTransport();
    const bindings = new this.#options.packages.NobleBindings(transport.stackOptions);
    let isReady = false;
    let isClosed = false;
    bindings.on("stateChange", (state: string) => {
      if (state !== "poweredOn" || isReady) return;
      isReady = true;
      onReady();
    });
    bindings.start();
    // Removes the stack's signal handlers, because the commands shut down by themselves.
    process.removeListener("SIGINT", bindings._sigIntHandler);
    process.removeListener("exit", bindings._exitHandler);
    const close = () => {
      if (isClosed) return;
      isClosed = true;
      bindings.removeAllListeners();
      bindings.stop();
    };
    return { bindings, transport, close };
  }
}
