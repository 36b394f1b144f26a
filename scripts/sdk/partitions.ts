/** A row of ESP-IDF's partition table, in bytes. */
export interface Partition {
  readonly name: string;
  readonly type: string;
  readonly subtype: string;
  readonly offset: number;
  readonly size: number;
}

/** The bootloader and the table itself lie before this. */
const FIRST_OFFSET = 0x9000;
const SECTOR_BYTES = 0x1000;
/** The MMU maps the flash in pages of this. */
const APP_ALIGNMENT_BYTES = 0x10000;

/** Reads `partitions.csv` (ESP-IDF, "Partition Tables"). Throws for a row that is none, naming it. */
export function parsePartitions(csv: string): Partition[] {
  return csv
    .split("\n")
    .map((line) => line.replace(/#.*/, "").trim())
    .filter((line) => line !== "")
    .map((line) => {
      const [name = "", type = "", subtype = "", offset = "", size = ""] = line
        .split(",")
        .map((part) => part.trim());
      if (name === "" || name.length > 15) throw new Error(`partition "${line}": a name has 1-15 characters`);
      return { name, type, subtype, offset: numberOf(offset, line), size: numberOf(size, line) };
    });
}

function numberOf(text: string, line: string): number {
  if (!/^(0x[0-9a-f]+|\d+)$/i.test(text)) throw new Error(`partition "${line}": "${text}" is no number`);
  return Number(text);
}

/** What is wrong with a table on a flash of `flashBytes`: one sentence each. */
export function partitionErrors(partitions: readonly Partition[], flashBytes: number): string[] {
  const errors: string[] = [];
  const inOrder = [...partitions].sort((a, b) => a.offset - b.offset);
  let end = FIRST_OFFSET;
  let before = "the partition table";
  for (const { name, type, offset, size } of inOrder) {
    if (offset < end) errors.push(`${name} overlaps ${before}`);
    if (offset % (type === "app" ? APP_ALIGNMENT_BYTES : SECTOR_BYTES) !== 0)
      errors.push(`${name} is not aligned`);
    if (size <= 0 || size % SECTOR_BYTES !== 0) errors.push(`${name} is not made of sectors`);
    end = offset + size;
    before = name;
    if (end > flashBytes) errors.push(`${name} ends behind the flash`);
  }
  const of = (type: string, subtype: string) =>
    partitions.filter((one) => one.type === type && one.subtype === subtype);
  const slots = [...of("app", "ota_0"), ...of("app", "ota_1")];
  if (slots.length !== 2) errors.push("there are no two slots for the firmware");
  if (new Set(slots.map(({ size }) => size)).size > 1) errors.push("the two slots differ in size");
  if (of("data", "ota").length !== 1) errors.push("nothing says which slot to start");
  if (of("data", "nvs").length !== 1) errors.push("there is no key-value storage");
  return errors;
}
