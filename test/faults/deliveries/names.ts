/** Names that only the senders of a round know, and the addresses of receivers. */
export const TRAP_NAME = 'trap.test';
export const MIXED_NAME = 'mixed.test';
export const REBINDING_NAME = 'rebinding.test';
export const ALLOWED_ADDRESS = '127.0.0.1';
/** No webhook may be sent there. */
export const TRAP_ADDRESS = '127.0.0.2';
