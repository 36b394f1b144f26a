/** Functions of engine.c. XS replaces each of these functions by the native one if it has exactly this form. */

/** Keeps how this run ends (`enum kept_type` of kept-end.h) for the next one. It allocates nothing. */
export function keepEnd(this: unknown, type: number, reason: string): void {
  native("xs_engine_keepEnd").call(this, type, reason);
}

/** Returns how the previous run ended, and deletes it; 0 without a known end. */
export function takeEnd(this: unknown): number {
  return native("xs_engine_takeEnd").call(this);
}

/** Returns the reason of the end that `takeEnd` has returned. */
export function endReason(this: unknown): string {
  return native("xs_engine_endReason").call(this);
}

/** Returns one measurement of the memory, bytes (`enum` in engine.c). */
export function memory(this: unknown, kind: number): number {
  return native("xs_engine_memory").call(this, kind);
}

/** Collects the garbage. */
export function collect(this: unknown): void {
  native("xs_engine_collect").call(this);
}
