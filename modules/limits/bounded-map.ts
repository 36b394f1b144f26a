/** A Map with a maximum size. A further entry replaces the one that was set first; `set` makes an entry the latest. */
export class BoundedMap<Key, Value> extends Map<Key, Value> {
  private readonly _maxSize: number;

  constructor(maxSize: number) {
    super();
    this._maxSize = maxSize;
  }

  override set(key: Key, value: Value): this {
    this.delete(key);
    super.set(key, value);
    const [oldest] = this.keys();
    if (this.size > this._maxSize && oldest !== undefined) this.delete(oldest);
    return this;
  }
}
