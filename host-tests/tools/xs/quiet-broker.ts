const CONNECT = 1;
const PUBLISH = 3;
const SUBSCRIBE = 8;
const PINGREQ = 12;
const QOS_1 = 0x02;
/** Minimum length of a request to the platform, bytes. Every property's message is shorter. */
const LEAST_REQUEST_BYTES = 150;

/** Broker that parses only as much of a packet as it needs to answer it. */
export class QuietBroker {
  /** Complete packet that answers the next request to the platform. */
  response: ArrayBuffer | undefined;
  readonly #soon: (callback: () => void) => void;

  constructor(soon: (callback: () => void) => void) {
    this.#soon = soon;
  }

  /** Handles one packet. The firmware writes each packet as a whole. */
  take(bytes: Uint8Array<ArrayBuffer>, answer: (bytes: ArrayBuffer) => void): void {
    const reply = this.#replyTo(bytes);
    if (reply) this.#soon(() => answer(reply));
    if (bytes.length > LEAST_REQUEST_BYTES && (bytes[0] ?? 0) >> 4 === PUBLISH) {
      const { response } = this;
      if (response) this.#soon(() => answer(response));
    }
  }

  #replyTo(bytes: Uint8Array<ArrayBuffer>): ArrayBuffer | undefined {
    const first = bytes[0] ?? 0;
    switch (first >> 4) {
      case CONNECT:
        return Uint8Array.of(0x20, 2, 0, 0).buffer;
      case PUBLISH: {
        if ((first & QOS_1) === 0) return undefined;
        const topicAt = (bytes[1] ?? 0) < 128 ? 2 : 3;
        const idAt = topicAt + 2 + ((bytes[topicAt] ?? 0) << 8) + (bytes[topicAt + 1] ?? 0);
        return Uint8Array.of(0x40, 2, bytes[idAt] ?? 0, bytes[idAt + 1] ?? 0).buffer;
      }
      case SUBSCRIBE:
        return Uint8Array.of(0x90, 3, bytes[2] ?? 0, bytes[3] ?? 0, 1).buffer;
      case PINGREQ:
        return Uint8Array.of(0xd0, 0).buffer;
      default:
        return undefined;
    }
  }
}
