/**
 * What this project uses of the Moddable SDK 8.2.3, as its sources have it: its own typings miss `close()` on
 * several classes, misspell `maximumWrite`, and know no GHASH, BlockCipher, Mode or RNG. With the SDK
 * installed, manifests turn the type check off (the project's own has been), so that the two do not meet.
 */

type SDKBytes = ArrayBuffer | Uint8Array<ArrayBuffer>;

/** Prints to the serial log (XS). */
declare function trace(...items: unknown[]): void;

declare module "timer" {
  const Timer: {
    set(callback: () => void, delayMs?: number, periodMs?: number): object;
    repeat(callback: () => void, periodMs: number): object;
    clear(timer: object | undefined): void;
  };
  export default Timer;
}

declare module "time" {
  const Time: {
    /** Milliseconds, 32 bits: wraps. */
    readonly ticks: number;
    /** Milliseconds from `start` to now, right also across a wrap. */
    delta(start: number): number;
    /** Seconds since 1970-01-01 UTC. */
    set(seconds: number): void;
  };
  export default Time;
}

declare module "debug" {
  const Debug: {
    /** Collects garbage; with an argument: whether it is collected from now on. */
    gc(isCollected?: boolean): void;
  };
  export default Debug;
}

declare module "net" {
  const Net: {
    get(what: "IP" | "MAC", mode?: "station" | "ap"): string | undefined;
    get(what: "RSSI"): number | undefined;
    /** Throws when there is no memory for it. */
    resolve(host: string, callback: (host: string, address?: string) => void): void;
  };
  export default Net;
}

declare module "sntp" {
  export default class SNTP {
    /** `value`: with `time`, seconds since 1970-01-01 UTC; with `error`, a sentence. */
    constructor(options: { host: string }, callback: (message: number, value: unknown) => unknown);
    close(): void;
    static readonly time: number;
    static readonly retry: number;
    static readonly error: number;
  }
}

declare module "socket" {
  export class Socket {
    static readonly readable: number;
    constructor(options: { kind: "UDP"; port: number });
    /** With `readable`: so many bytes came from there. What is not read keeps what comes after it from being told. */
    callback(message: number, byteLength: number, address: string, port: number): void;
    /** Throws when nothing waits. */
    read(type: typeof ArrayBuffer, byteLength: number): ArrayBuffer;
    /** Throws when it cannot be sent. */
    write(address: string, port: number, data: ArrayBuffer): void;
    close(): void;
  }
}

declare module "wifi" {
  interface ScanItem {
    readonly ssid: string;
    readonly channel: number;
    readonly rssi: number;
    readonly authentication?: string;
  }
  export default class WiFi {
    constructor(options: undefined, callback: (message: string, value?: number) => void);
    close(): void;
    static mode: number;
    static readonly gotIP: string;
    static readonly lostIP: string;
    static readonly connected: string;
    static readonly disconnected: string;
    /** `null` ends the scan. */
    static scan(options: object, callback: (item: ScanItem | null) => void): void;
    static connect(options: { ssid: string; password?: string; channel?: number }): void;
    static disconnect(): void;
    static accessPoint(options: {
      ssid: string;
      password?: string;
      channel?: number;
      max?: number;
      /** Keeps the station side as well. */
      station?: boolean;
    }): void;
  }
}

declare module "crypt" {
  export class Digest {
    constructor(type: "SHA256" | "SHA512");
    write(data: SDKBytes): void;
    close(): ArrayBuffer;
  }
  export class GHASH {
    constructor(h: ArrayBuffer, additionalData: ArrayBuffer);
    write(data: SDKBytes): void;
    close(): ArrayBuffer;
  }
  export class BlockCipher {
    constructor(cipher: "AES", key: ArrayBuffer);
    encrypt(block: ArrayBuffer): ArrayBuffer;
  }
  export class Mode {
    constructor(mode: "CTR" | "CBC", cipher: BlockCipher, iv: ArrayBuffer, padding?: boolean);
    decrypt(data: SDKBytes): ArrayBuffer;
  }
}

declare module "Resource" {
  /** Bytes in flash: a host buffer, which is no ArrayBuffer, but may be what a Uint8Array looks at. */
  export default class Resource {
    constructor(name: string);
    static exists(name: string): boolean;
  }
}

declare module "rng" {
  const RNG: { init(seed: ArrayBuffer): void; get(byteLength: number): ArrayBuffer };
  export default RNG;
}

declare module "ssl/session" {
  import type Resource from "Resource";

  export interface SSLSocket {
    readable: number;
    writable: number;
    read(into: Uint8Array<ArrayBuffer>): void;
    write(data: SDKBytes): number;
  }
  export default class Session {
    constructor(options: { serverName: string; protocolVersion: number; certificate?: Resource });
    /** Set when the peer, or this side, has given up. */
    readonly alert: object | undefined;
    initiateHandshake(): void;
    /** `true` when it is done, or has failed with `alert`. Throws. */
    handshake(socket: SSLSocket): boolean;
    /** `null`: the peer has closed; `undefined`: nothing whole yet. Throws. */
    read(socket: SSLSocket): Uint8Array<ArrayBuffer> | null | undefined;
    write(socket: SSLSocket, data: SDKBytes): number;
  }
}

declare module "mc/ffi" {
  /** The functions that the manifests name under `ffi`. */
  export default class FFI {
    esp_restart(): void;
    esp_reset_reason(): number;
    esp_ota_mark_app_valid_cancel_rollback(): number;
    esp_fill_random(buffer: ArrayBuffer, byteLength: number): void;
    esp_read_mac(mac: ArrayBuffer, type: number): number;
  }
}

declare module "embedded:io/socket/tcp" {
  interface Handlers {
    onReadable?: (count: number) => void;
    onWritable?: (count: number) => void;
    onError?: () => void;
  }
  export default class TCP {
    constructor(
      options: Handlers & ({ address: string; port: number } | { from: TCP }) & { nodelay?: boolean },
    );
    readonly remoteAddress: string | undefined;
    readonly remotePort: number | undefined;
    /** Into a buffer, of whole length, or as a new buffer; `undefined` when nothing waits. */
    read(count?: number | Uint8Array<ArrayBuffer>): ArrayBuffer | undefined;
    write(data: SDKBytes): number | undefined;
    close(): void;
  }
}

declare module "embedded:io/socket/listener" {
  import type TCP from "embedded:io/socket/tcp";
  export default class Listener {
    constructor(options: { port: number; onReadable?: (count: number) => void });
    readonly port: number;
    read(): TCP | undefined;
    close(): void;
  }
}

declare module "embedded:io/digital" {
  export default class Digital {
    static readonly InputPullUp: number;
    static readonly Output: number;
    static readonly Rising: number;
    static readonly Falling: number;
    constructor(options: {
      pin: number;
      mode: number;
      initialValue?: 0 | 1;
      edge?: number;
      onReadable?: () => void;
    });
    read(): 0 | 1;
    write(value: 0 | 1): void;
    close(): void;
  }
}

declare module "embedded:io/analog" {
  export default class Analog {
    constructor(options: { pin: number; esp32?: { attenuation?: 0 | 2.5 | 6 | 12; calibrated?: boolean } });
    /** In bits. */
    readonly resolution: number;
    read(): number;
    close(): void;
  }
}

declare module "embedded:io/pwm" {
  export default class PWM {
    constructor(options: { pin: number; hz?: number; resolution?: number });
    readonly resolution: number;
    /** 0 to 2^resolution - 1. */
    write(value: number): void;
    close(): void;
  }
}

declare module "embedded:io/serial" {
  export default class Serial {
    constructor(options: {
      receive: number;
      baud: number;
      port: number;
      format: "buffer";
      onReadable?: (count: number) => void;
    });
    /** Everything that waits. */
    read(): ArrayBuffer | undefined;
    close(): void;
  }
}

declare module "embedded:storage/flash" {
  export interface Partition {
    /** `size`: in bytes. */
    status(): { readonly size: number };
    close(): void;
  }
  const FlashStorage: {
    /** `nextota`: the slot that does not run. */
    open(options: { path: string }): Partition;
  };
  export default FlashStorage;
}

declare module "embedded:update" {
  import type { Partition } from "embedded:storage/flash";

  interface Updater {
    write(data: SDKBytes): void;
    complete(): void;
    close(): void;
  }
  const Update: {
    /** "a": in order, erasing as it goes. */
    open(options: { partition: Partition; mode: "a" }): Updater;
  };
  export default Update;
}

declare module "embedded:storage/key-value" {
  interface Store {
    read(key: string): ArrayBuffer | undefined;
    write(key: string, value: SDKBytes): void;
    delete(key: string): void;
    close(): void;
    [Symbol.iterator](): IterableIterator<string>;
  }
  const KeyValue: { open(options: { path: string; format?: "buffer" }): Store };
  export default KeyValue;
}

declare module "embedded:io/bluetoothle/peripheral" {
  interface Characteristic {
    uuid: string;
    properties: number;
    descriptors?: { uuid: string; value: SDKBytes }[];
    onRead?: (this: object, connection: Connection) => SDKBytes;
    onWrite?: (this: object, value: ArrayBuffer, connection: Connection) => void;
    onSubscribe?: (this: object, connection: Connection) => void;
    onUnsubscribe?: (this: object, connection: Connection) => void;
  }
  export interface Connection {
    readonly maximumWrite: number;
    /** `characteristic` is what its callbacks have as `this`. The callback gets 0, or an error of NimBLE. */
    notify(characteristic: object, value: SDKBytes, callback: (error: number) => void): void;
  }
  interface Options {
    mtu?: number;
    services: { uuid: string; characteristics: Characteristic[] }[];
    onReady?: () => void;
    onConnect?: (connection: Connection) => void;
    onDisconnect?: (connection: Connection) => void;
  }
  export class GATTServer {
    constructor(options: Options);
    startAdvertising(advertisement: object, scanResponse?: object): void;
    stopAdvertising(): void;
  }
}

declare module "mc/config" {
  /** What manifests/lin has under `config`, and mcconfig's command line in its place. */
  const config: {
    readonly deviceId: string;
    /** 64 hex digits, or empty: not provisioned. */
    readonly responseKey: string;
    readonly ssid: string;
    readonly httpPort: number;
    readonly radioPort: number;
    readonly vehiclePort: number;
  };
  export default config;
}
