/**
 * Returns a constructor that takes the options alone, and passes `parts` of the board to another constructor. The
 * classes themselves stand at the top level, so that their methods are preloaded into flash.
 */
export function withParts<Options, Parts, Instance>(
  Class: new (options: Options, parts: Parts) => Instance,
  parts: Parts,
): new (
  options: Options,
) => Instance {
  function Bound(options: Options): Instance {
    // With `new.target`, a class that extends this one keeps its own methods, as the simulation's canaries do.
    return Reflect.construct(Class, [options, parts], new.target);
  }
  Bound.prototype = Class.prototype;
  return Bound as unknown as new (
    options: Options,
  ) => Instance;
}
