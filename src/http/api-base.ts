/** Where the API answers. */

/** The path prefix of the versioned routes. */
export const API_BASE = '/api/v1';
/** The path of the reference page. */
export const DOCS_PATH = '/docs';
/** The path of the operator console. */
export const CONSOLE_PATH = '/console';
