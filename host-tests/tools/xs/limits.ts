/**
 * Slots by which 1,000 authorizations may differ, because tables grow by blocks. One leaked slot each would
 * be 1,000.
 */
export const GROWTH_NOISE_SLOTS = 100;
