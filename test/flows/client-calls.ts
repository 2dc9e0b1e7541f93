/** Which methods of the TypeScript client a test has called. */
import type { PulseClient } from '../../clients/typescript/src/pulse-client.ts';

/** The members that one file of tests calls; another file calls all others. */
const PIPELINE = [
  ...['login', 'pulses', 'usage', 'deadLetters', 'populate', 'send', 'meter', 'status'],
];

/** Names such as `orders.create`. */
export interface Uncalled {
  readonly pipeline: readonly string[];
  readonly chain: readonly string[];
}

/** The client, and the names of its methods that were not called. */
export function watchCalls(client: PulseClient): {
  readonly client: PulseClient;
  readonly uncalled: () => Uncalled;
} {
  const names = new Set<string>();
  const watch = (value: object, path: string): object =>
    Object.fromEntries(
      Object.entries(value).map(([name, member]: [string, unknown]) => {
        if (typeof member !== 'function') return [name, watch(member as object, `${path}${name}.`)];
        names.add(path + name);
        const call = (...args: unknown[]): unknown => {
          names.delete(path + name);
          return Reflect.apply(member, value, args);
        };
        return [name, call];
      }),
    );
  const isPipeline = (name: string) => PIPELINE.includes(name.split('.')[0]!);
  return {
    client: watch(client, '') as PulseClient,
    uncalled: () => ({
      pipeline: [...names].filter(isPipeline),
      chain: [...names].filter((name) => !isPipeline(name)),
    }),
  };
}

export async function collect<Row>(rows: AsyncIterable<Row>): Promise<Row[]> {
  const collected: Row[] = [];
  for await (const row of rows) collected.push(row);
  return collected;
}
