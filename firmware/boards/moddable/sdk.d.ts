/**
 * Declarations of the used parts of the Moddable SDK 8.2.3, as its sources define them. The SDK's own typings miss
 * `close()` on several classes, misspell `maximumWrite`, and lack GHASH, BlockCipher, Mode and RNG. The manifests turn
 * the SDK's type check off, so that the two sets of declarations do not collide.
 */

type SDKBytes = ArrayBuffer | Uint8Array<ArrayBuffer>;

/** Prints to the serial log (XS). */
declare function trace(...items: unknown[]): void;

/** Returns a function in C (XS). Types of arguments and result are those of the function that calls it. */
// biome-ignore lint/suspicious/noExplicitAny: as above
declare function native(name: string): (...items: any[]) => any;

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
    /** Time since the start, ms, 32 bits: it wraps around. */
    readonly ticks: number;
    /** Returns the time from `start` to now, ms, also across a wrap. */
    delta(start: number): number;
    /** Sets the wall clock, in seconds since 1970-01-01 UTC. */
    set(seconds: number): void;
  };
  export default Time;
}

declare module "net" {
  const Net: {
    get(what: "IP" | "MAC", mode?: "station" | "ap"): string | undefined;
    get(what: "RSSI"): number | undefined;
    /** Resolves a name. Throws without enough memory. */
    resolve(host: string, callback: (host: string, address?: string) => void): void;
  };
  export default Net;
}

declare module "sntp" {
  export default class SNTP {
    /** Requests the time. `value` is seconds since 1970-01-01 UTC with `time`, a sentence with `error`. */
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
    /** With `readable`, reports a datagram and its sender. Further datagrams are not reported before it is read. */
    callback(message: number, byteLength: number, address: string, port: number): void;
    /** Reads a datagram. Throws if none waits. */
    read(type: typeof ArrayBuffer, byteLength: number): ArrayBuffer;
    /** Sends a datagram. Throws if it cannot be sent. */
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
    /** Scans for access points. The item `null` reports the end of the scan. */
    static scan(options: object, callback: (item: ScanItem | null) => void): void;
    static connect(options: { ssid: string; password?: string; channel?: number }): void;
    static disconnect(): void;
    static accessPoint(options: {
      ssid: string;
      password?: string;
      channel?: number;
      max?: number;
      /** Leaves the Wi-Fi client on. */
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
  /** Bytes in flash: a host buffer, which is not an ArrayBuffer, but may be the buffer of a Uint8Array. */
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
    /** Alert with which either side has aborted; `undefined` without an alert. */
    readonly alert: object | undefined;
    initiateHandshake(): void;
    /** Performs a step. Returns `true` when the handshake is done or has failed with `alert`. May throw. */
    handshake(socket: SSLSocket): boolean;
    /** Reads a record. Returns `null` after the peer has closed, `undefined` for an incomplete record. May throw. */
    read(socket: SSLSocket): Uint8Array<ArrayBuffer> | null | undefined;
    write(socket: SSLSocket, data: SDKBytes): number;
  }
}

declare module "mc/ffi" {
  /** C functions that the manifests list under `ffi`. */
  export default class FFI {
    esp_restart(): void;
    esp_reset_reason(): number;
    esp_ota_mark_app_valid_cancel_rollback(): number;
    bootloader_random_enable(): void;
    bootloader_random_disable(): void;
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
    /** Fills a given buffer, or returns a new one of at most `count` bytes; `undefined` if no bytes wait. */
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

declare module "embedded:io/serial" {
  export default class Serial {
    constructor(options: {
      receive: number;
      transmit?: number;
      baud: number;
      port: number;
      format: "buffer";
      onReadable?: (count: number) => void;
    });
    /** Reads all waiting bytes. */
    read(): ArrayBuffer | undefined;
    /** Throws when the bytes do not fit in the buffer. */
    write(bytes: ArrayBuffer | Uint8Array): void;
    close(): void;
  }
}

declare module "embedded:storage/flash" {
  export interface Partition {
    /** Returns the size of the partition, bytes. */
    status(): { readonly size: number };
    read(byteLength: number, byteOffset: number): ArrayBuffer;
    close(): void;
  }
  const FlashStorage: {
    /** Opens a partition. `running` is the slot that runs, `nextota` the other one. */
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
    /** Opens an update. Mode "a" writes in order and erases each sector before. */
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

declare module "mc/config" {
  /** Values of `config` in manifests/lin, which mcconfig's command line may override. */
  const config: {
    readonly deviceId: string;
    /** Response key, 64 hex digits; empty for a station that is not provisioned. */
    readonly responseKey: string;
    readonly mqttPassword: string;
    readonly ssid: string;
    readonly httpPort: number;
    readonly radioPort: number;
    readonly vehiclePort: number;
  };
  export default config;
}
