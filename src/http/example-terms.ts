/** Parts of the commands that operations show as their examples. */

/** The header that says who calls. */
export const WITH_TOKEN = '-H "authorization: Bearer $TOKEN"';

/** The header of every JSON body. */
export const WITH_JSON = "-H 'content-type: application/json'";
