/** A virtual card, as it is written to the tag characteristic: 4-64 characters (protocol, section 3). */
const TAG = /^[A-Za-z0-9_.:-]{4,64}$/;

export function isTag(text: string): boolean {
  return TAG.test(text);
}

/** What may be shown of a tag: its last 4 characters. */
export function tagEnd(tag: string): string {
  return tag.slice(-4);
}
