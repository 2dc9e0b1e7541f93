/** Parts of the example commands in the OpenAPI document. */

export const WITH_TOKEN = '-H "authorization: Bearer $TOKEN"';

export const WITH_JSON = "-H 'content-type: application/json'";
