/** What the tabs of events share. */
import { queries } from '../../api/queries.ts';
import type { components } from '../../api/schema.d.ts';

export type EventType = components['schemas']['EventType'];
export type Producer = components['schemas']['Producer'];
export type Endpoint = components['schemas']['Endpoint'];
export type Message = components['schemas']['Message'];
export type Delivery = components['schemas']['Delivery'];

export const LIMIT = 100;

export const KEYS = {
  types: 'event-types',
  producers: 'producers',
  endpoints: 'endpoints',
  messages: 'messages',
  deliveries: 'deliveries',
} as const;

export function refresh(...kinds: (keyof typeof KEYS)[]): void {
  for (const kind of kinds) void queries.invalidateQueries({ queryKey: [KEYS[kind]] });
}

export function afterIf(after: string | undefined) {
  return after === undefined ? {} : { after };
}

/** The filters that the address has. */
export function given<Name extends string>(
  parameters: URLSearchParams,
  names: readonly Name[],
): Partial<Record<Name, string>> {
  const all = names.map((name) => [name, parameters.get(name)] as const);
  return Object.fromEntries(all.filter(([, value]) => value !== null)) as Partial<
    Record<Name, string>
  >;
}

export function endpointPath(id: string): string {
  return `/events/endpoints/${encodeURIComponent(id)}`;
}

export function messagePath({
  client,
  number,
}: {
  readonly client: string;
  readonly number: number;
}): string {
  return `/events/messages/${encodeURIComponent(client)}/${number}`;
}
