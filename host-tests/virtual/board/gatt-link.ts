import { MIN_MTU, NOTIFICATION_HEADER_BYTES } from "../../../firmware/boards/gatt-rules.js";
import {
  type Bytes,
  type Clock,
  type GATTCharacteristic,
  type GATTConnection,
  GATTProperties,
  type GATTService,
} from "../../../modules/board/index.js";
import { asUint8Array } from "../../../modules/bytes/index.js";
import type { AttOutcome, AttributeInfo, CentralConnection } from "../world/air.js";
import type { FirmwareRun } from "./firmware-run.js";
import { AttError, MAX_VALUE_BYTES } from "./gatt-rules.js";

/** Time until a loss of contact is noticed, ms. */
const SUPERVISION_MS = 2000;
const CLIENT_CONFIGURATION_UUID = "2902";

export interface GATTLinkOptions {
  readonly firmware: FirmwareRun;
  readonly clock: Clock;
  readonly services: readonly GATTService[];
  /** Device address of the central. */
  readonly address: string | undefined;
  /** Largest MTU that the server accepts. */
  readonly maxMTU: number;
  /** Time of one direction of an exchange, ms. */
  readonly intervalMs: number;
  readonly onCentralDisconnected: (reason: string) => void;
  /** The peripheral has noticed the end of the connection. */
  readonly onOver: () => void;
}

interface Exchange {
  /** Number of requests in the exchange; more than one for a long write. */
  readonly requests: number;
  readonly perform: () => () => void;
}

/**
 * Connection between a central and the board's server. The class is the central's end, `connection` the
 * board's.
 */
export class GATTLink implements CentralConnection {
  readonly connection: GATTConnection;
  #mtu = MIN_MTU;
  readonly #options: GATTLinkOptions;
  readonly #characteristics: Map<string, GATTCharacteristic>;
  readonly #listeners = new Map<string, (value: Uint8Array<ArrayBuffer>) => void>();
  readonly #subscribed = new Set<string>();
  readonly #exchanges: Exchange[] = [];
  #isOpen = true;
  #hasContact = true;

  constructor(options: GATTLinkOptions) {
    this.#options = options;
    const all = options.services.flatMap((service) => service.characteristics);
    this.#characteristics = new Map(all.map((characteristic) => [characteristic.uuid, characteristic]));
    const maximumWrite = () => this.#mtu - NOTIFICATION_HEADER_BYTES;
    this.connection = {
      get maximumWrite() {
        return maximumWrite();
      },
      address: options.address,
      notify: (characteristic, value, done) => this.#notify(characteristic, value, done),
      close: () => this.#end("the peripheral disconnected"),
    };
  }

  get mtu(): number {
    return this.#mtu;
  }

  /** Begins the connection: exchanges the MTU if the central requests one (Core 5.4 Vol 3 Part F 3.4.2). */
  begin(askedMTU: number | undefined, done: () => void): void {
    if (askedMTU === undefined) {
      this.#afterIntervals(0, done);
      return;
    }
    this.#ask(1, () => {
      this.#mtu = Math.max(MIN_MTU, Math.min(askedMTU, this.#options.maxMTU));
      return done;
    });
  }

  /** Ends the subscriptions. NimBLE reports that before it reports the disconnection. */
  endSubscriptions(): void {
    for (const uuid of this.#subscribed) {
      this.#options.firmware.run(() => this.#characteristics.get(uuid)?.onUnsubscribe?.(this.connection));
    }
    this.#subscribed.clear();
  }

  characteristics(): AttributeInfo[] {
    return [...this.#characteristics.values()].map(({ uuid, properties, descriptors = [] }) => {
      const described = descriptors.map((descriptor) => descriptor.uuid);
      const isNotified = (properties & GATTProperties.notify) !== 0;
      return {
        uuid,
        properties,
        descriptors: isNotified ? [...described, CLIENT_CONFIGURATION_UUID] : described,
      };
    });
  }

  read(uuid: string, done: (outcome: AttOutcome & { value?: Uint8Array<ArrayBuffer> }) => void): void {
    const characteristic = this.#characteristics.get(uuid);
    this.#ask(1, () => {
      if (!characteristic) return () => done({ error: AttError.notFound });
      if (!characteristic.onRead) return () => done({ error: AttError.readNotPermitted });
      let value: Uint8Array<ArrayBuffer> | undefined;
      let isAwaited = false;
      this.#options.firmware.run(() => {
        const read = characteristic.onRead?.(this.connection) ?? new Uint8Array(0);
        value = asUint8Array(read).slice(0, MAX_VALUE_BYTES);
        if (isAwaited) done({ value });
      });
      // A busy firmware answers later.
      return () => {
        if (value) done({ value });
        else isAwaited = true;
      };
    });
  }

  readDescriptor(
    uuid: string,
    descriptor: string,
    done: (outcome: AttOutcome & { value?: Uint8Array<ArrayBuffer> }) => void,
  ): void {
    const found = this.#characteristics.get(uuid)?.descriptors?.find((one) => one.uuid === descriptor);
    this.#ask(
      1,
      () => () => done(found ? { value: asUint8Array(found.value).slice() } : { error: AttError.notFound }),
    );
  }

  write(uuid: string, value: Uint8Array<ArrayBuffer>, done: (outcome: AttOutcome) => void): void {
    const characteristic = this.#characteristics.get(uuid);
    const whole = value.slice();
    // A long write has prepares of MTU-5 bytes each, and an execute (Core 5.4 Vol 3 Part G 4.9.4).
    const requests = whole.length <= this.mtu - 3 ? 1 : Math.ceil(whole.length / (this.mtu - 5)) + 1;
    this.#ask(requests, () => {
      if (!characteristic) return () => done({ error: AttError.notFound });
      if (!characteristic.onWrite) return () => done({ error: AttError.writeNotPermitted });
      if (whole.length > MAX_VALUE_BYTES) return () => done({ error: AttError.invalidLength });
      this.#options.firmware.run(() => characteristic.onWrite?.(whole.buffer, this.connection));
      return () => done({});
    });
  }

  subscribe(
    uuid: string,
    onNotification: (value: Uint8Array<ArrayBuffer>) => void,
    done: (outcome: AttOutcome) => void,
  ): void {
    const characteristic = this.#characteristics.get(uuid);
    this.#ask(1, () => {
      if (!characteristic?.onSubscribe) return () => done({ error: AttError.notFound });
      this.#listeners.set(uuid, onNotification);
      // NimBLE reports only changes.
      const isNew = !this.#subscribed.has(uuid);
      this.#subscribed.add(uuid);
      if (isNew) this.#options.firmware.run(() => characteristic.onSubscribe?.(this.connection));
      return () => done({});
    });
  }

  unsubscribe(uuid: string, done: (outcome: AttOutcome) => void): void {
    const characteristic = this.#characteristics.get(uuid);
    this.#ask(1, () => {
      if (!characteristic?.onUnsubscribe) return () => done({ error: AttError.notFound });
      if (this.#subscribed.delete(uuid))
        this.#options.firmware.run(() => characteristic.onUnsubscribe?.(this.connection));
      return () => done({});
    });
  }

  disconnect(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#options.clock.set(() => this.#options.onOver(), this.#options.intervalMs);
  }

  lose(): void {
    this.#hasContact = false;
    this.#options.clock.set(() => this.#end("contact was lost"), SUPERVISION_MS);
  }

  #end(reason: string): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#options.clock.set(() => {
      this.#options.onOver();
      this.#options.onCentralDisconnected(reason);
    }, this.#options.intervalMs);
  }

  /** Queues an exchange: ATT allows one request at a time (Core 5.4 Vol 3 Part F 3.3.2). */
  #ask(requests: number, perform: () => () => void): void {
    this.#exchanges.push({ requests, perform });
    if (this.#exchanges.length === 1) this.#next();
  }

  #next(): void {
    const exchange = this.#exchanges[0];
    if (!exchange) return;
    this.#afterIntervals(2 * exchange.requests - 1, () => {
      const answer = exchange.perform();
      this.#afterIntervals(1, () => {
        // Exchanges that the answer causes run after those already queued.
        answer();
        this.#exchanges.shift();
        this.#next();
      });
    });
  }

  #notify(characteristic: GATTCharacteristic, value: Bytes, done?: (error?: Error) => void): void {
    const bytes = asUint8Array(value).slice();
    if (bytes.length > this.connection.maximumWrite) {
      throw new RangeError(`a notification of ${bytes.length} bytes is over the MTU of ${this.mtu} less 3`);
    }
    const { uuid } = characteristic;
    if (!this.#isOpen || !this.#subscribed.has(uuid)) {
      this.#options.firmware.soon(() => done?.(new Error("the central is not subscribed")));
      return;
    }
    this.#afterIntervals(1, () => {
      if (this.#subscribed.has(uuid)) this.#listeners.get(uuid)?.(bytes);
    });
    this.#options.firmware.soon(() => done?.());
  }

  /** Calls back after a number of intervals, unless the connection has ended. */
  #afterIntervals(count: number, arrive: () => void): void {
    this.#options.clock.set(() => {
      if (this.#isOpen && this.#hasContact) arrive();
    }, count * this.#options.intervalMs);
  }
}
