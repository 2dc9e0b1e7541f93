/** The numbered steps of an aggregator, in order. Fault tests stop here. */
export const AGGREGATE_STEPS = ['read', 'folded', 'committed'] as const;
export type AggregateStep = (typeof AGGREGATE_STEPS)[number];
