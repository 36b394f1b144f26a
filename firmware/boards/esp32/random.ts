import type { Bytes } from "../../../modules/board/index.js";

/** The chip's random number generator (esp_random.h and bootloader_random.h of ESP-IDF). */
export interface RandomHardware {
  bootloader_random_enable(): void;
  bootloader_random_disable(): void;
  esp_fill_random(buffer: ArrayBuffer, byteLength: number): void;
}

const HASH_BYTES = 32;
const NOISE_BYTES = 32;
/** Domains of a hash: a block for the caller, and the next state. */
const OUTPUT = 1;
const NEXT_STATE = 2;

/**
 * Random numbers of the chip. Its hardware generator is only random while a radio is on, or while its ADC is an entropy
 * source, which excludes radio and ADC. So the source is on from the start of the firmware, for the seed, until ADC or radio
 * are used. All numbers come from a generator with that seed, as Hash_DRBG (NIST SP 800-90A 10.1.1), which mixes fresh
 * noise into each block.
 */
export class ChipRandom {
  private readonly _hardware: RandomHardware;
  private readonly _sha256: (data: Bytes) => ArrayBuffer;
  /** Domain, state, noise. */
  private readonly _input = new Uint8Array(1 + HASH_BYTES + NOISE_BYTES);
  private _isSourceOn = true;

  constructor(hardware: RandomHardware, sha256: (data: Bytes) => ArrayBuffer) {
    this._hardware = hardware;
    this._sha256 = sha256;
    hardware.bootloader_random_enable();
    this._advance();
  }

  /** Turns the entropy source off. It must be called before ADC or radio are used. */
  releaseSource(): void {
    if (!this._isSourceOn) return;
    this._isSourceOn = false;
    this._hardware.bootloader_random_disable();
  }

  /** Returns random bytes. */
  fill(byteLength: number): ArrayBuffer {
    const bytes = new Uint8Array(byteLength);
    for (let at = 0; at < byteLength; at += HASH_BYTES) {
      bytes.set(this._hash(OUTPUT).subarray(0, byteLength - at), at);
      this._advance();
    }
    return bytes.buffer;
  }

  /** Replaces the state, so that a later one does not reveal earlier numbers. */
  private _advance(): void {
    this._input.set(this._hash(NEXT_STATE), 1);
  }

  private _hash(domain: number): Uint8Array {
    const noise = new ArrayBuffer(NOISE_BYTES);
    this._hardware.esp_fill_random(noise, NOISE_BYTES);
    this._input[0] = domain;
    this._input.set(new Uint8Array(noise), 1 + HASH_BYTES);
    return new Uint8Array(this._sha256(this._input));
  }
}
