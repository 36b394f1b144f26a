/** A row of ESP-IDF's partition table. `offset` and `size` are in bytes. */
export interface Partition {
  readonly name: string;
  readonly type: string;
  readonly subtype: string;
  readonly offset: number;
  readonly size: number;
}

/** First offset for partitions; bootloader and partition table come before it. */
const FIRST_OFFSET = 0x9000;
const SECTOR_BYTES = 0x1000;
/** Alignment of firmware slots: the page size of the MMU. */
const APP_ALIGNMENT_BYTES = 0x10000;

/** Parses `partitions.csv` (ESP-IDF, "Partition Tables"). Throws an error with the row if a row is invalid. */
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
  if (!/^(0x[0-9a-f]+|\d+)$/i.test(text)) throw new Error(`partition "${line}": "${text}" is not a number`);
  return Number(text);
}

/** Validates a partition table for a flash of `flashBytes`. Returns one sentence for each error. */
export function partitionErrors(partitions: readonly Partition[], flashBytes: number): string[] {
  const errors: string[] = [];
  const inOrder = [...partitions].sort((a, b) => a.offset - b.offset);
  let end = FIRST_OFFSET;
  let before = "the partition table";
  for (const { name, type, offset, size } of inOrder) {
    if (offset < end) errors.push(`${name} overlaps ${before}`);
    if (offset % (type === "app" ? APP_ALIGNMENT_BYTES : SECTOR_BYTES) !== 0)
      errors.push(`${name} is not aligned`);
    if (size <= 0 || size % SECTOR_BYTES !== 0) errors.push(`${name} does not consist of whole sectors`);
    end = offset + size;
    before = name;
    if (end > flashBytes) errors.push(`${name} ends beyond the flash`);
  }
  const of = (type: string, subtype: string) =>
    partitions.filter((one) => one.type === type && one.subtype === subtype);
  const slots = [...of("app", "ota_0"), ...of("app", "ota_1")];
  if (slots.length !== 2) errors.push("the table needs two firmware slots, ota_0 and ota_1");
  if (new Set(slots.map(({ size }) => size)).size > 1) errors.push("the two slots differ in size");
  if (of("data", "ota").length !== 1) errors.push("the table needs one otadata partition (data, ota)");
  if (of("data", "nvs").length !== 1) errors.push("the table needs one key-value partition (data, nvs)");
  return errors;
}
