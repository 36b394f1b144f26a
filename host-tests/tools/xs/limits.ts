/** Slots by which 1,000 authorizations may differ: tables grow by blocks. One slot kept by each would be 1,000. */
export const GROWTH_NOISE_SLOTS = 100;
