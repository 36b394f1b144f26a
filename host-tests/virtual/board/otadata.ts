/**
 * The bootloader's otadata partition: `esp_ota_select_entry_t` in each of two sectors (ESP-IDF, "OTA
 * Updates").
 */

export type SlotIndex = 0 | 1;

/** Image states (`esp_ota_img_states_t`). */
export type ImageState = "new" | "pending" | "valid" | "aborted";

export interface OTAEntry {
  /** `ota_seq`: the entry with the higher value is active, and selects slot (seq - 1) mod 2. */
  readonly seq: number;
  readonly state: ImageState;
}

export interface OTAData {
  /** Entries of the two sectors; `undefined` if erased or partly written. */
  readonly entries: [OTAEntry | undefined, OTAEntry | undefined];
}

/** Index of the active entry; `undefined` if there is no valid one, so that the first slot starts. */
export function activeEntry({ entries }: OTAData): SlotIndex | undefined {
  const seqOf = (index: SlotIndex) => {
    const entry = entries[index];
    return entry && entry.state !== "aborted" ? entry.seq : 0;
  };
  if (seqOf(0) === 0 && seqOf(1) === 0) return undefined;
  return seqOf(1) > seqOf(0) ? 1 : 0;
}

export function slotOf({ seq }: OTAEntry): SlotIndex {
  return (seq - 1) % 2 === 0 ? 0 : 1;
}

/** Entry to write, and its index, to start `slot` next (`esp_rewrite_ota_data`). */
export function selecting(data: OTAData, slot: SlotIndex): { index: SlotIndex; entry: OTAEntry } {
  const active = activeEntry(data);
  if (active === undefined) return { index: 0, entry: { seq: slot + 1, state: "new" } };
  let seq = (data.entries[active]?.seq ?? 0) + 1;
  while ((seq - 1) % 2 !== slot) seq++;
  return { index: active === 0 ? 1 : 0, entry: { seq, state: "new" } };
}
