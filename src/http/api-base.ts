/** Where the versioned routes live. */

export const API_BASE = '/api/v1';
