/** Bars of usage by window, one chart for each unit. */
import { Group, Text, useComputedColorScheme } from '@mantine/core';
import { useEffect, useMemo, useRef, useState } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { digits } from '../../parts/words.ts';
import { useZone } from '../../parts/zone.ts';
import { chartOptions, stackedData, useColors } from './chart-options.ts';
import { chartsOf, groupName, startSec, type UnitChart } from './chart-data.ts';
import type { UsageQuestion } from './question.ts';
import { WindowTime } from './window-time.tsx';
import type { UsageRow } from './usage-row.ts';

/** More would be a page of their own; the table has all of them. */
const CHARTS_MAX = 6;
/** What the line below a chart names. */
const NAMED_MAX = 8;

export function UsageCharts({
  rows,
  question,
}: {
  readonly rows: readonly UsageRow[];
  readonly question: UsageQuestion;
}) {
  const charts = useMemo(() => chartsOf(rows, question), [rows, question]);
  return (
    <>
      {charts.slice(0, CHARTS_MAX).map((chart) => (
        <Chart
          key={chart.unit}
          chart={chart}
          rows={rows.filter(({ use_unity: unit }) => unit === chart.unit)}
        />
      ))}
      {charts.length > CHARTS_MAX ? (
        <Text size="xs">
          {charts.length - CHARTS_MAX} more units are in the table. Choose units to draw them.
        </Text>
      ) : null}
    </>
  );
}

function Chart({ chart, rows }: { readonly chart: UnitChart; readonly rows: readonly UsageRow[] }) {
  const frame = useRef<HTMLDivElement>(null);
  const [pointed, setPointed] = useState<number | null>();
  const zone = useZone();
  const scheme = useComputedColorScheme();
  const colors = useColors(scheme);
  useEffect(() => {
    const element = frame.current;
    if (element === null) return undefined;
    const size = { width: element.clientWidth, zone };
    const plot = new uPlot(
      chartOptions(chart, colors, size, setPointed),
      stackedData(chart),
      element,
    );
    const observer = new ResizeObserver(() => {
      plot.setSize({ width: element.clientWidth, height: plot.height });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [chart, colors, zone]);
  const at = typeof pointed === 'number' ? chart.starts[pointed] : undefined;
  return (
    <figure className="chart">
      <figcaption>
        <Text size="sm" fw={600} className="anywhere">
          {chart.unit}
        </Text>
        <Legend chart={chart} colors={colors.series} />
      </figcaption>
      <div ref={frame} role="img" aria-label={`${chart.unit} by window, as in the table`} />
      <Text size="xs" component="div" className="chart-detail">
        {at === undefined ? null : <Pointed rows={rows.filter((row) => startSec(row) === at)} />}
      </Text>
    </figure>
  );
}

function Legend({
  chart,
  colors,
}: {
  readonly chart: UnitChart;
  readonly colors: readonly string[];
}) {
  const isProvisional = chart.series.some(({ provisional }) => provisional.includes(true));
  return (
    <Group gap="xs" className="legend">
      {chart.series.map(({ name }, index) =>
        name === '' ? null : (
          <span key={name} className="legend-name">
            <span className="swatch" style={{ background: colors[index] }} />
            <bdi>{name}</bdi>
          </span>
        ),
      )}
      {isProvisional ? (
        <span>
          <span className="swatch provisional" /> provisional
        </span>
      ) : null}
    </Group>
  );
}

/** The exact amounts below the pointer. */
function Pointed({ rows }: { readonly rows: readonly UsageRow[] }) {
  const [first] = rows;
  if (first === undefined) return null;
  return (
    <>
      <WindowTime row={first} />
      {rows.slice(0, NAMED_MAX).map((row) => (
        <span key={groupName(row)}>
          {' '}
          <bdi>{groupName(row)}</bdi> <b>{digits(row.used_amount)}</b>
          {row.provisional ? ' (provisional)' : ''}
        </span>
      ))}
      {rows.length > NAMED_MAX ? ` and ${rows.length - NAMED_MAX} more` : null}
    </>
  );
}
