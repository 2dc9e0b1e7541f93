/** The path prefix of the versioned routes. */

export const API_BASE = '/api/v1';
