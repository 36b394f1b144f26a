import { type AuthorizationResult, readResult } from "../../../docs/station.js";
import { encodeUTF8 } from "../../../modules/bytes/index.js";
import { RESULT_UUID, TAG_UUID } from "../../../modules/tag-service/index.js";
import type { BluetoothPackages } from "../../virtual/bluetooth/packages.js";
import { VirtualRadio } from "../../virtual/bluetooth/virtual-radio.js";
import { Ether } from "../../virtual/radio/ether.js";
import { Scene } from "../../virtual/scene.js";
import type { AttOutcome, CentralConnection } from "../../virtual/world/air.js";
import { Phone } from "../../virtual/world/phone.js";
import { pass, untilOn } from "./harness.js";

export const STATION_ADDRESS = "a4:cf:12:00:00:01";
const LIMIT_MS = 60_000;

/** The café of the simulation, with its station on bleno and its phones on noble, over the virtual radio. */
export class RadioScene {
  readonly cafe: Scene;
  readonly radio: VirtualRadio;
  readonly phone: Phone;

  constructor(packages: BluetoothPackages) {
    this.cafe = new Scene({
      device: {
        mac: STATION_ADDRESS,
        replace: (firmware) => ({ io: { GATTServer: this.radio.gattServer(firmware, STATION_ADDRESS) } }),
      },
    });
    const { clock } = this.cafe;
    this.radio = new VirtualRadio({ packages, ether: new Ether({ clock }) });
    this.phone = new Phone({ air: this.radio.central, clock });
  }

  /** Builds a scene whose station is paired and online, with a vehicle plugged in. */
  static online(packages: BluetoothPackages): RadioScene {
    const scene = new RadioScene(packages);
    scene.cafe.bringOnline();
    scene.cafe.plug();
    return scene;
  }

  pass(durationMs: number): Promise<void> {
    return pass(this.cafe.clock, durationMs);
  }

  async until(what: string, condition: () => boolean): Promise<void> {
    if (await untilOn(this.cafe.clock, condition, LIMIT_MS)) return;
    throw new Error(`not in ${LIMIT_MS} ms: ${what}\n${this.cafe.device.logLines.join("\n")}`);
  }

  /** Presents a tag with a phone that disconnects afterwards. Resolves to the code of the result. */
  async present(tag: string): Promise<number> {
    let outcome: { readonly result: AuthorizationResult } | { readonly failure: string } | undefined;
    this.phone.present({
      address: STATION_ADDRESS,
      tag,
      onDone: (done) => {
        outcome = done;
      },
    });
    await this.until("the phone has a result", () => outcome !== undefined);
    const done = outcome as unknown as NonNullable<typeof outcome>;
    if ("failure" in done) throw new Error(done.failure);
    return done.result.code;
  }

  async connect(options: { mtu?: number; subscribes?: boolean } = {}): Promise<GuestPhone> {
    const phone = new GuestPhone(this);
    await phone.connect(options);
    return phone;
  }
}

/** A phone that is controlled by the test and records the results it receives. */
export class GuestPhone {
  readonly results: AuthorizationResult[] = [];
  readonly lost: string[] = [];
  readonly #scene: RadioScene;
  #connection: CentralConnection | undefined;

  constructor(scene: RadioScene) {
    this.#scene = scene;
  }

  get connection(): CentralConnection {
    if (!this.#connection) throw new Error("not connected");
    return this.#connection;
  }

  get codes(): number[] {
    return this.results.map(({ code }) => code);
  }

  async connect({ mtu, subscribes = true }: { mtu?: number; subscribes?: boolean }): Promise<void> {
    const failures: string[] = [];
    this.#scene.radio.central.connect(STATION_ADDRESS, {
      mtu,
      onConnected: (connection) => {
        this.#connection = connection;
      },
      onFailed: (reason) => failures.push(reason),
      onDisconnected: (reason) => this.lost.push(reason),
    });
    await this.#scene.until("connected", () => this.#connection !== undefined || failures.length > 0);
    if (failures[0] !== undefined) throw new Error(failures[0]);
    if (subscribes) await this.subscribe();
  }

  subscribe(): Promise<number | undefined> {
    const onNotified = (value: Uint8Array<ArrayBuffer>) => {
      const result = readResult(value);
      if (result) this.results.push(result);
    };
    return this.#ask((done) => this.connection.subscribe(RESULT_UUID, onNotified, done));
  }

  unsubscribe(): Promise<number | undefined> {
    return this.#ask((done) => this.connection.unsubscribe(RESULT_UUID, done));
  }

  /** Writes a tag. Resolves to the ATT error, or to `undefined` on success. */
  write(tag: string): Promise<number | undefined> {
    return this.#ask((done) => this.connection.write(TAG_UUID, encodeUTF8(tag), done));
  }

  async read(uuid: string): Promise<Uint8Array<ArrayBuffer>> {
    let value: Uint8Array<ArrayBuffer> | undefined;
    await this.#ask((done) =>
      this.connection.read(uuid, (outcome) => {
        value = outcome.value;
        done(outcome);
      }),
    );
    if (!value) throw new Error("the read was rejected");
    return value;
  }

  async #ask(start: (done: (outcome: AttOutcome) => void) => void): Promise<number | undefined> {
    let outcome: AttOutcome | undefined;
    start((done) => {
      outcome = done;
    });
    await this.#scene.until("it is answered", () => outcome !== undefined);
    return outcome?.error;
  }
}
