/**
 * CloudEvents in binary mode: the attributes are headers `ce-…`, and the body is only the data.
 *
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
 */
import type { IncomingHttpHeaders } from 'node:http';

/** The attributes that are used; extensions are ignored. */
const ATTRIBUTES = ['specversion', 'id', 'source', 'type', 'subject', 'time'] as const;

export type EventAttribute = (typeof ATTRIBUTES)[number];

export type EventHeaders =
  | { readonly ok: true; readonly attributes: Readonly<Partial<Record<EventAttribute, string>>> }
  /** The attribute whose header cannot be decoded, and what is wrong with it. */
  | { readonly ok: false; readonly name: EventAttribute; readonly reason: string };

/** Whether the headers carry an event. */
export function hasEventHeaders(headers: IncomingHttpHeaders): boolean {
  return ATTRIBUTES.some((name) => headers[`ce-${name}`] !== undefined);
}

export function readEventHeaders(headers: IncomingHttpHeaders): EventHeaders {
  const attributes: Partial<Record<EventAttribute, string>> = {};
  for (const name of ATTRIBUTES) {
    const header = headers[`ce-${name}`];
    if (typeof header !== 'string') continue;
    const text = headerText(header);
    if (text === undefined) {
      return { ok: false, name, reason: `The header ce-${name} must be percent-encoded UTF-8.` };
    }
    attributes[name] = text;
  }
  return { ok: true, attributes };
}

/** HTTP binding, section 3.1.3.2: removes the quotes of a quoted string, then decodes percent-encoding. */
function headerText(header: string): string | undefined {
  if (!/^[\x20-\x7e]*$/.test(header)) return undefined;
  const quoted = /^"(.*)"$/.exec(header)?.[1];
  try {
    return decodeURIComponent(quoted === undefined ? header : quoted.replace(/\\(.)/g, '$1'));
  } catch {
    return undefined;
  }
}
