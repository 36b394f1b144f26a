/**
 * Pauses advertising while the engine is busy for long, so that no phone connects. The SDK's BLE server serves a phone's
 * first access on the Bluetooth task, and crashes if the engine has not received the connection before
 * (`accessCharacteristic` in modules/io/ble/server/esp32/bleserver.c).
 */
export class AdvertisingPause {
  /** Called when a pause begins and when it ends. */
  onChanged: () => void = () => {};
  private _holders = 0;

  get isOn(): boolean {
    return this._holders > 0;
  }

  /** Begins a pause. Returns a function that ends it. The pause lasts until each caller has ended its own. */
  begin(): () => void {
    let isEnded = false;
    this._add(1);
    return () => {
      if (isEnded) return;
      isEnded = true;
      this._add(-1);
    };
  }

  private _add(count: 1 | -1): void {
    const wasOn = this.isOn;
    this._holders += count;
    if (wasOn !== this.isOn) this.onChanged();
  }
}
