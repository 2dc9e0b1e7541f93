/** The steps of a delivery, in order. endpoint-session.ts says what happens if the process dies after each. */
export const DELIVERY_STEPS = ['claimed', 'inserted', 'sent', 'recorded', 'released'] as const;
export type DeliveryStep = (typeof DELIVERY_STEPS)[number];
