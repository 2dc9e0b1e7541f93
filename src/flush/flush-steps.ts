/** The numbered steps of a flush, in order; step 4 ends with two: checked, then committed. Fault tests stop here. */

export const FLUSH_STEPS = [
  'sealed',
  'recorded',
  'copied',
  'checked',
  'committed',
  'discarded',
] as const;
export type FlushStep = (typeof FLUSH_STEPS)[number];
