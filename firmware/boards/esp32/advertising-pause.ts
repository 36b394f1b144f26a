/**
 * Pauses advertising while the engine is busy for long: a phone that connects would wait for its result, and its reads
 * would get an error until the engine has taken the connection.
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
