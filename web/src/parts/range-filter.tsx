/** Chooses a span of time. It stands in the address as `range`, or as `from` and `to`. */
import { Select, Text } from '@mantine/core';
import { TextFilter } from './filters.tsx';
import { datesOf, isRange, RANGES, spanOf, todayIn, type RangeName, type Span } from './range.ts';
import { CHOICE, useParameters } from './url-state.ts';
import { useZone } from './zone.ts';

/** The span of the address. */
export function useSpan(byDefault: Exclude<RangeName, 'own'>): Span & { range: RangeName } {
  const [parameters] = useParameters();
  const zone = useZone();
  const [from, to] = ['from', 'to'].map((name) => parameters.get(name) ?? undefined);
  const named = parameters.get('range') ?? '';
  if (from !== undefined || to !== undefined || named === 'own') return { range: 'own', from, to };
  const range = isRange(named) && named !== 'own' ? named : byDefault;
  return { range, ...spanOf(range, todayIn(zone)) };
}

export function RangeFilter({ byDefault }: { readonly byDefault: Exclude<RangeName, 'own'> }) {
  const { range, from, to } = useSpan(byDefault);
  const [, setParameters] = useParameters();
  return (
    <>
      <Select
        size="xs"
        label="Range"
        data={RANGES}
        value={range}
        allowDeselect={false}
        onChange={(chosen) => {
          // One's own span begins as the one that was shown.
          const bounds = chosen === 'own' ? { from, to } : { from: undefined, to: undefined };
          setParameters({ range: chosen ?? undefined, ...bounds }, CHOICE);
        }}
      />
      {range === 'own' ? (
        <>
          <TextFilter name="from" label="From" placeholder="2026-11-29 12:00" />
          <TextFilter name="to" label="Before" placeholder="2026-11-30" />
        </>
      ) : null}
      {range === 'own' || range === 'all' ? null : (
        <Text size="xs" className="range-dates">
          {datesOf({ from, to })}
        </Text>
      )}
    </>
  );
}
