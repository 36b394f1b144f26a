/** A page's script: one file with all that it imports. Rejects when it does not compile. */
export async function bundleForBrowser(options: {
  /** The file to begin with. */
  readonly file: string;
  /** The oldest browser or language that is to run it, as esbuild calls it. */
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
  const [script] = outputFiles;
  if (!script) throw new Error(`${options.file} gave no script`);
  return script.contents;
}
