import { describe, expect, test } from "@jest/globals";
import { withParts } from "./with-parts.js";

class Pin {
  readonly text: string;

  constructor({ name }: { readonly name: string }, { board }: { readonly board: string }) {
    this.text = `${name} of ${board}`;
  }

  read(): string {
    return this.text;
  }
}

describe("withParts", () => {
  const Bound = withParts(Pin, { board: "esp32" });

  test("passes the parts to the class, and makes its instances", () => {
    const pin = new Bound({ name: "lamp" });
    expect(pin instanceof Pin).toBe(true);
    expect(pin.read()).toBe("lamp of esp32");
  });

  test("leaves a class that extends it its own methods", () => {
    class Loud extends Bound {
      override read(): string {
        return super.read().toUpperCase();
      }
    }
    expect(new Loud({ name: "lamp" }).read()).toBe("LAMP OF ESP32");
  });
});
