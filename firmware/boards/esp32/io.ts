import type { BoardIO, Clock } from "../../../modules/board/index.js";
import type { Guard } from "../guard.js";
import type { ChipGuard } from "./contactor.js";
import type { Hardware } from "./hardware.js";

/** IO classes that differ between the boards of a chip. The optional ones replace those of the guard. */
export type VariantIO = Pick<BoardIO, "network" | "GATTServer"> &
  Partial<Pick<BoardIO, "Contactor" | "ControlPilot">>;

/** Parts of the chip for `VariantIO`. */
export interface VariantParts {
  readonly hardware: Hardware;
  readonly clock: Clock;
  readonly guard: Guard;
  /** The contactor's guard. */
  readonly contactorGuard: ChipGuard;
  /** To be called when the station gets an address. */
  readonly onAddress: () => void;
  /** To be called before ADC or radio are used (random.ts). */
  readonly onAnalog: () => void;
  readonly log: (line: string) => void;
}

export type MakeVariantIO = (parts: VariantParts) => VariantIO;
