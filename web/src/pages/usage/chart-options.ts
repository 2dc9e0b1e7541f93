/** How uPlot draws usage: stacked bars; those of provisional sums are lighter and have an outline. */
import { useMemo } from 'react';
import uPlot from 'uplot';
import { formatTime } from '../../parts/format-time.ts';
import type { UnitChart } from './chart-data.ts';

export interface ChartColors {
  readonly series: readonly string[];
  readonly text: string;
  readonly grid: string;
}

const HEIGHT_PX = 240;
/** Bars stay visible however long the range is. */
const BAR_PX_MIN = 2;
/** The gap to the next window: a share of narrow windows, and little of wide ones, which a bar stands for whole. */
const GAP_SHARE = 0.15;
const GAP_PX_MAX = 4;
const AXIS_PX = 58;
/** What the facets of bars are; uPlot declares them without code. */
const VALUE = 1 as unknown as uPlot.Series.BarsPathBuilderFacetUnit.ScaleValue;
const COLOR = 3 as unknown as uPlot.Series.BarsPathBuilderFacetUnit.Color;
/** Behind a color in hexadecimal. */
const LIGHTER = '55';

const NAMES = {
  light: ['pulse-7', 'orange-6', 'blue-7', 'grape-6', 'lime-8', 'red-7', 'yellow-7', 'gray-6'],
  dark: ['pulse-4', 'orange-5', 'blue-4', 'grape-4', 'lime-5', 'red-5', 'yellow-5', 'gray-5'],
};

export function useColors(scheme: 'light' | 'dark'): ChartColors {
  return useMemo(() => {
    const style = getComputedStyle(document.documentElement);
    const color = (name: string) => style.getPropertyValue(`--mantine-color-${name}`).trim();
    return {
      series: NAMES[scheme].map(color),
      text: color(scheme === 'dark' ? 'gray-5' : 'gray-7'),
      grid: color(scheme === 'dark' ? 'dark-4' : 'gray-3'),
    };
  }, [scheme]);
}

/** Each series holds where its bars end. What is nearest to the pointer is told by the middles of the windows. */
export function stackedData({ middles, series }: UnitChart): uPlot.AlignedData {
  return [[...middles], ...series.map((_, index) => tops(series, index))];
}

function tops(series: UnitChart['series'], index: number): (number | null)[] {
  const values = series[index]?.values ?? [];
  return values.map((value, at) => (value === null ? null : below(series, index, at) + value));
}

function below(series: UnitChart['series'], index: number, at: number): number {
  return series.slice(0, index).reduce((sum, { values }) => sum + (values[at] ?? 0), 0);
}

export function chartOptions(
  chart: UnitChart,
  colors: ChartColors,
  { width, zone }: { readonly width: number; readonly zone: string },
  onPoint: (index: number | null) => void,
): uPlot.Options {
  const axis = {
    stroke: colors.text,
    grid: { stroke: colors.grid, width: 1 },
    ticks: { show: false },
  };
  return {
    width,
    height: HEIGHT_PX,
    tzDate: (second) => uPlot.tzDate(new Date(second * 1_000), zone),
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    scales: {
      x: { range: ({ width: px }) => wideEnough(chart, px - AXIS_PX) },
      y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.05 : 1] },
    },
    axes: [
      { ...axis, values: (_plot, splits) => timeLabels(splits, zone) },
      { ...axis, size: AXIS_PX, values: (_plot, values) => values.map(short) },
    ],
    series: [
      {},
      ...chart.series.map(({ name }, index) => barSeries(chart, index, name, colors.series)),
    ],
    hooks: {
      setCursor: [
        ({ cursor }) => {
          onPoint(cursor.idx ?? null);
        },
      ],
    },
  };
}

/** Ends a little later where the last bar would be cut off, because it is wider than its window. */
function wideEnough(chart: UnitChart, px: number): [number, number] {
  const [first, last] = chart.axis;
  return [first, last + Math.max(0, BAR_PX_MIN * pixelSec(chart, px) - chart.windowSec)];
}

function barSec(chart: UnitChart, px: number): number {
  const { windowSec } = chart;
  return windowSec - Math.min(windowSec * GAP_SHARE, GAP_PX_MAX * pixelSec(chart, px));
}

function pixelSec({ axis: [first, last] }: UnitChart, px: number): number {
  return (last - first) / Math.max(1, px);
}

function barSeries(
  chart: UnitChart,
  index: number,
  label: string,
  colors: readonly string[],
): uPlot.Series {
  const { series, starts } = chart;
  const color = colors[index] ?? '';
  const provisional = series[index]?.provisional ?? [];
  const top = tops(series, index);
  const { bars } = uPlot.paths;
  return {
    label,
    stroke: color,
    fill: color,
    width: 1,
    points: { show: false },
    ...(bars === undefined
      ? {}
      : {
          paths: bars({
            size: [1, Infinity, BAR_PX_MIN],
            disp: {
              x0: { unit: VALUE, values: () => [...starts] },
              size: { unit: VALUE, values: ({ width }) => [barSec(chart, width - AXIS_PX)] },
              y0: { unit: VALUE, values: () => top.map((_, at) => below(series, index, at)) },
              y1: { unit: VALUE, values: () => top },
              fill: {
                unit: COLOR,
                values: () => provisional.map((is) => (is ? `${color}${LIGHTER}` : color)),
              },
              stroke: { unit: COLOR, values: () => provisional.map(() => color) },
            },
          }),
        }),
  };
}

const COMPACT = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 2 });
const SCIENTIFIC = new Intl.NumberFormat('en', { notation: 'scientific' });
const COMPACT_BELOW = 1e15;

function short(value: number): string {
  return (value < COMPACT_BELOW ? COMPACT : SCIENTIFIC).format(value);
}

/** Times of day, and the date where a day begins. */
function timeLabels(seconds: readonly number[], zone: string): string[] {
  const times = seconds.map((second) => formatTime(new Date(second * 1_000), zone));
  if (times.every(isMidnight)) return times.map((time) => time.slice(5, 10));
  return times.map((time, index) => {
    const label = time.slice(11, 16);
    return index === 0 || isMidnight(time) ? `${label}\n${time.slice(5, 10)}` : label;
  });
}

function isMidnight(time: string): boolean {
  return time.slice(11, 16) === '00:00';
}
