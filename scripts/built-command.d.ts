export function builtCommand(entry: string, root?: string): Promise<string>;
