/**
 * The steps of a message, in order. outbox.ts and handle-message.ts say what happens if the process dies
 * after each.
 */
export const MESSAGE_STEPS = [
  'written',
  'committed',
  'relayed',
  'confirmed',
  'delivered',
  'handled',
  'replied',
  'acknowledged',
] as const;
export type MessageStep = (typeof MESSAGE_STEPS)[number];
