/**
 * Nobody connects while the engine is busy for long: the SDK's BLE server answers a phone's first access on the
 * Bluetooth task, and calls into nothing where the engine has not yet taken the connection (`accessCharacteristic` in
 * modules/io/ble/server/esp32/bleserver.c).
 */
export class AdvertisingPause {
  /** Called when it begins and when it is over. */
  onChanged: () => void = () => {};
  private _holders = 0;

  get isOn(): boolean {
    return this._holders > 0;
  }

  /** Returns how to end it. It is over when all who have begun it have ended it. */
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
