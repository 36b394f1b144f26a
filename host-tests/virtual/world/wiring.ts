import { encodeUTF8 } from "../../../modules/bytes/index.js";

/** Devices on a station's pins, except the vehicle. */

/** A button: 1 while it is pressed. */
export class Button {
  #isPressed = false;
  readonly #watchers = new Set<() => void>();

  get isPressed(): boolean {
    return this.#isPressed;
  }

  press(): void {
    this.#set(true);
  }

  release(): void {
    this.#set(false);
  }

  /** Calls back at each change. Returns a function that stops that. */
  watch(onChanged: () => void): () => void {
    this.#watchers.add(onChanged);
    return () => this.#watchers.delete(onChanged);
  }

  #set(isPressed: boolean): void {
    if (isPressed === this.#isPressed) return;
    this.#isPressed = isPressed;
    for (const onChanged of [...this.#watchers]) onChanged();
  }
}

/** An output that is on or off: a lamp, a buzzer, the lock of a socket. */
export class Actuator {
  #isOn = false;
  readonly #watchers = new Set<() => void>();

  get isOn(): boolean {
    return this.#isOn;
  }

  /** Switches the output, as the station does. */
  switch(isOn: boolean): void {
    if (isOn === this.#isOn) return;
    this.#isOn = isOn;
    for (const onChanged of [...this.#watchers]) onChanged();
  }

  /** Calls back at each change. Returns a function that stops that. */
  watch(onChanged: () => void): () => void {
    this.#watchers.add(onChanged);
    return () => this.#watchers.delete(onChanged);
  }
}

/** S0 output of a meter: its contact, and whole pulses for tests without contact timing. */
export class Meter {
  readonly contact = new Actuator();
  readonly #watchers = new Set<(count: number) => void>();

  /** Sends whole pulses in no time, with the energy of the meter's constant each. */
  pulse(count = 1): void {
    for (const onPulse of [...this.#watchers]) onPulse(count);
  }

  /** Calls back with the number of whole pulses. Returns a function that stops that. */
  watch(onPulse: (count: number) => void): () => void {
    this.#watchers.add(onPulse);
    return () => this.#watchers.delete(onPulse);
  }
}

/** A device on a serial line, for example a card reader. */
export class SerialDevice {
  /** Baud rate of the device. */
  baud: number;
  readonly #watchers = new Set<(bytes: Uint8Array<ArrayBuffer>) => void>();
  readonly #receivers = new Set<(bytes: Uint8Array<ArrayBuffer>) => void>();

  constructor({ baud }: { baud: number }) {
    this.baud = baud;
  }

  send(bytes: Uint8Array<ArrayBuffer>): void {
    for (const onSent of [...this.#watchers]) onSent(bytes);
  }

  /** Calls back for sent bytes. Returns a function that stops that. */
  watch(onSent: (bytes: Uint8Array<ArrayBuffer>) => void): () => void {
    this.#watchers.add(onSent);
    return () => this.#watchers.delete(onSent);
  }

  /** Receives bytes of the station. */
  receive(bytes: Uint8Array<ArrayBuffer>): void {
    for (const onReceived of [...this.#receivers]) onReceived(bytes);
  }

  /** Calls back for received bytes. Returns a function that stops that. */
  watchReceived(onReceived: (bytes: Uint8Array<ArrayBuffer>) => void): () => void {
    this.#receivers.add(onReceived);
    return () => this.#receivers.delete(onReceived);
  }
}

/** Frame of an RDM6300 reader for a card with ten hex digits. */
export function cardFrame(tag: string): Uint8Array<ArrayBuffer> {
  let sum = 0;
  for (let i = 0; i < tag.length; i += 2) sum ^= Number.parseInt(tag.slice(i, i + 2), 16);
  const checksum = sum.toString(16).toUpperCase().padStart(2, "0");
  return encodeUTF8(`\x02${tag}${checksum}\x03`);
}
