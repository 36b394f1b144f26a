import { AttError } from "../board/gatt-rules.js";
import type { AttOutcome, AttributeInfo, CentralConnection } from "../world/air.js";
import { AttOpcode } from "./guard.js";
import type { NobleGATT } from "./packages.js";

type Value = Uint8Array<ArrayBuffer>;

interface Operation {
  readonly start: () => void;
  /** noble's event at the end of the operation. */
  readonly event: string;
  /** Request opcodes after whose error response noble emits no event. */
  readonly silentAfter: readonly number[];
  readonly done: (outcome: AttOutcome & { readonly results: readonly unknown[] }) => void;
  error?: number;
}

interface AttributeLocation {
  readonly service: string;
  readonly characteristic: string;
}

/** The services of GAP and GATT themselves. */
const GENERIC_SERVICES = ["1800", "1801"];
const ATT_CHANNEL = 0x0004;

const EVENTS = [
  "servicesDiscover",
  "characteristicsDiscover",
  "descriptorsDiscover",
  "read",
  "write",
  "notify",
  "valueRead",
];

/**
 * A central's connection over noble. noble reports only successes; errors are read from the ATT responses
 * here.
 */
export class NobleConnection implements CentralConnection {
  readonly #gatt: NobleGATT;
  readonly #end: () => void;
  readonly #lose: () => void;
  readonly #operations: Operation[] = [];
  readonly #attributes: AttributeInfo[] = [];
  readonly #locations = new Map<string, AttributeLocation>();
  readonly #listeners = new Map<string, (value: Value) => void>();

  constructor({ gatt, disconnect, lose }: { gatt: NobleGATT; disconnect: () => void; lose: () => void }) {
    this.#gatt = gatt;
    this.#end = disconnect;
    this.#lose = lose;
    for (const event of EVENTS) gatt.on(event, (...results: unknown[]) => this.#onEvent(event, results));
    gatt.on("notification", (_address: string, _service: string, uuid: string, value: Buffer) => {
      this.#listeners.get(dashed(uuid))?.(new Uint8Array(value));
    });
    // Registered before noble's listener, because noble's events depend on the same PDU.
    gatt._aclStream.prependListener("data", (channel: number, pdu: Buffer) => {
      if (channel === ATT_CHANNEL && pdu[0] === AttOpcode.error && pdu.length === 5)
        this.#onError(pdu[1] ?? 0, pdu[4] ?? 0);
    });
  }

  get mtu(): number {
    return this.#gatt._mtu;
  }

  /** Discovers all services except those of GAP and GATT themselves. */
  discover(done: () => void): void {
    const discoverDescriptors = (locations: readonly AttributeLocation[]) => {
      const [location, ...rest] = locations;
      if (!location) {
        done();
        return;
      }
      const { service, characteristic } = location;
      this.#ask(
        "descriptorsDiscover",
        () => this.#gatt.discoverDescriptors(service, characteristic),
        ({ results }) => {
          const uuid = dashed(characteristic);
          const properties = this.#gatt._characteristics[service]?.[characteristic]?.rawProps ?? 0;
          this.#locations.set(uuid, location);
          this.#attributes.push({ uuid, properties, descriptors: results[3] as string[] });
          discoverDescriptors(rest);
        },
      );
    };
    const discoverCharacteristics = (services: readonly string[], found: readonly AttributeLocation[]) => {
      const [service, ...rest] = services;
      if (service === undefined) {
        discoverDescriptors(found);
        return;
      }
      this.#ask(
        "characteristicsDiscover",
        () => this.#gatt.discoverCharacteristics(service, []),
        ({ results }) => {
          const characteristics = results[2] as { readonly uuid: string }[];
          const locations = characteristics.map(({ uuid }) => ({ service, characteristic: uuid }));
          discoverCharacteristics(rest, [...found, ...locations]);
        },
      );
    };
    this.#ask(
      "servicesDiscover",
      () => this.#gatt.discoverServices([]),
      ({ results }) => {
        const services = results[1] as string[];
        discoverCharacteristics(
          services.filter((uuid) => !GENERIC_SERVICES.includes(uuid)),
          [],
        );
      },
    );
  }

  characteristics(): readonly AttributeInfo[] {
    return this.#attributes;
  }

  read(uuid: string, done: (outcome: AttOutcome & { value?: Value }) => void): void {
    this.#at(uuid, done, ({ service, characteristic }) => {
      this.#ask(
        "read",
        () => this.#gatt.read(service, characteristic),
        ({ error, results }) => {
          done(error === undefined ? { value: new Uint8Array(results[3] as Buffer) } : { error });
        },
      );
    });
  }

  readDescriptor(
    uuid: string,
    descriptor: string,
    done: (outcome: AttOutcome & { value?: Value }) => void,
  ): void {
    this.#at(uuid, done, ({ service, characteristic }) => {
      const { descriptors = [] } = this.#attributes.find((one) => one.uuid === uuid) ?? {};
      if (!descriptors.includes(descriptor)) {
        done({ error: AttError.notFound });
        return;
      }
      this.#ask(
        "valueRead",
        () => this.#gatt.readValue(service, characteristic, descriptor),
        ({ error, results }) => {
          done(error === undefined ? { value: new Uint8Array(results[4] as Buffer) } : { error });
        },
      );
    });
  }

  write(uuid: string, value: Value, done: (outcome: AttOutcome) => void): void {
    const data = Buffer.from(value);
    this.#at(uuid, done, ({ service, characteristic }) => {
      const start = () => this.#gatt.write(service, characteristic, data, false);
      this.#ask("write", start, ({ error }) => done(outcomeOf(error)), [
        AttOpcode.write,
        AttOpcode.executeWrite,
      ]);
    });
  }

  subscribe(uuid: string, onNotification: (value: Value) => void, done: (outcome: AttOutcome) => void): void {
    this.#listeners.set(uuid, onNotification);
    this.#configure(uuid, true, done);
  }

  unsubscribe(uuid: string, done: (outcome: AttOutcome) => void): void {
    this.#configure(uuid, false, done);
  }

  disconnect(): void {
    this.#end();
  }

  lose(): void {
    this.#lose();
  }

  #configure(uuid: string, isOn: boolean, done: (outcome: AttOutcome) => void): void {
    this.#at(uuid, done, ({ service, characteristic }) => {
      const start = () => this.#gatt.notify(service, characteristic, isOn);
      this.#ask("notify", start, ({ error }) => done(outcomeOf(error)), [
        AttOpcode.readByType,
        AttOpcode.write,
      ]);
    });
  }

  #at(uuid: string, done: (outcome: AttOutcome) => void, use: (location: AttributeLocation) => void): void {
    const location = this.#locations.get(uuid);
    if (location) use(location);
    else done({ error: AttError.notFound });
  }

  #ask(event: string, start: () => void, done: Operation["done"], silentAfter: readonly number[] = []): void {
    this.#operations.push({ event, start, done, silentAfter });
    if (this.#operations.length === 1) start();
  }

  #onEvent(event: string, results: readonly unknown[]): void {
    if (this.#operations[0]?.event === event) this.#finish(results);
  }

  #onError(request: number, error: number): void {
    const operation = this.#operations[0];
    if (!operation) return;
    operation.error ??= error;
    if (operation.silentAfter.includes(request)) this.#finish([]);
  }

  #finish(results: readonly unknown[]): void {
    const operation = this.#operations[0];
    if (!operation) return;
    operation.done({ error: operation.error, results });
    this.#operations.shift();
    this.#operations[0]?.start();
  }
}

function outcomeOf(error: number | undefined): AttOutcome {
  return error === undefined ? {} : { error };
}

/** Converts noble's 32 digits to the standard format of a UUID. 16-bit UUIDs stay unchanged. */
function dashed(uuid: string): string {
  if (uuid.length !== 32) return uuid;
  return [0, 8, 12, 16, 20].map((from, i, all) => uuid.slice(from, all[i + 1])).join("-");
}
