import type { StationStatus } from "../../modules/charging/index.js";

export interface ChargerListener {
  /** `status` has changed. */
  handleChargerStatus(status: StationStatus): void;
  /** Fields of telemetry or of the advertisement may have changed. */
  handleChargerChanged(): void;
  /** `isBusy` may have changed. */
  handleBusyChanged(): void;
}
