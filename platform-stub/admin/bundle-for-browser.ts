/** Bundles a page's script or style sheet with all its imports into one file. Rejects when it does not compile. */
export async function bundleForBrowser(options: {
  /** The entry point. */
  readonly file: string;
  /** The oldest supported browser or language version, in esbuild's notation. */
  readonly target: string;
}): Promise<Uint8Array> {
  const { build } = await import("esbuild");
  const { outputFiles } = await build({
    entryPoints: [options.file],
    bundle: true,
    format: "esm",
    charset: "utf8",
    target: options.target,
    write: false,
  });
  const [bundle] = outputFiles;
  if (!bundle) throw new Error(`esbuild returned nothing for ${options.file}`);
  return bundle.contents;
}
