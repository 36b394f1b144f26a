/** What hangs on a device's pins beside the vehicle. */

/** A button: 1 while it is pressed. */
export class Button {
  #isPressed = false;
  #watchers = new Set<() => void>();

  get isPressed(): boolean {
    return this.#isPressed;
  }

  press(): void {
    this.#set(true);
  }

  release(): void {
    this.#set(false);
  }

  /** Calls back when it changes. Returns how to stop that. */
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

/** Something that is on or off: a lamp, a buzzer, the lock of a socket. */
export class Actuator {
  #isOn = false;
  #watchers = new Set<() => void>();

  get isOn(): boolean {
    return this.#isOn;
  }

  /** The station's side. */
  switch(isOn: boolean): void {
    if (isOn === this.#isOn) return;
    this.#isOn = isOn;
    for (const onChanged of [...this.#watchers]) onChanged();
  }

  /** Calls back when it changes. Returns how to stop that. */
  watch(onChanged: () => void): () => void {
    this.#watchers.add(onChanged);
    return () => this.#watchers.delete(onChanged);
  }
}

/** The contact of a meter's S0 output, and whole pulses where the contact is not of interest. */
export class Meter {
  readonly contact = new Actuator();
  #watchers = new Set<(count: number) => void>();

  /** Whole pulses with their pauses, in no time: each of as much energy as the meter's constant says. */
  pulse(count = 1): void {
    for (const onPulse of [...this.#watchers]) onPulse(count);
  }

  /** Calls back with the number of whole pulses. Returns a function that stops that. */
  watch(onPulse: (count: number) => void): () => void {
    this.#watchers.add(onPulse);
    return () => this.#watchers.delete(onPulse);
  }
}

/** A device that sends on a serial line, as a card reader does. */
export class SerialSender {
  readonly baud: number;
  #watchers = new Set<(bytes: Uint8Array<ArrayBuffer>) => void>();

  constructor({ baud }: { baud: number }) {
    this.baud = baud;
  }

  send(bytes: Uint8Array<ArrayBuffer>): void {
    for (const onSent of [...this.#watchers]) onSent(bytes);
  }

  /** Calls back with what is sent. Returns how to stop that. */
  watch(onSent: (bytes: Uint8Array<ArrayBuffer>) => void): () => void {
    this.#watchers.add(onSent);
    return () => this.#watchers.delete(onSent);
  }
}
