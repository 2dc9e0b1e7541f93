/**
 * Draws the Pipeline dashboard as one picture from what a real Prometheus answered: the proof in
 * test/grafana/prometheus.integration.test.ts keeps its results, `npm run dashboards:image` draws them.
 */
import type { Level, PanelSource } from './panel.ts';

export const RESULTS_FILE = '.pulse/pipeline-results.json';

/** A panel and, by legend, the series that its queries gave; times in seconds. */
export interface PanelResult {
  readonly panel: PanelSource;
  readonly series: Readonly<
    Record<
      string,
      readonly {
        readonly metric: Readonly<Record<string, string>>;
        readonly values: readonly (readonly [number, string])[];
      }[]
    >
  >;
}

/** One line, with its legend filled in. */
interface Line {
  readonly name: string;
  readonly points: readonly (readonly [seconds: number, value: number])[];
}

/** A place on the picture. */
interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const WIDTH = 1_080;
const GAP = 10;
const TOP = 44;
const STAT = { perLine: 6, height: 92 };
const GRAPH = { perLine: 2, height: 190 };
const COLORS = { text: '#1a202c', soft: '#718096', frame: '#e2e8f0', back: '#f7fafc' };
/** More lines than this, and their names, find no place; those that say most come first. */
const LINES = ['#2f855a', '#2b6cb0', '#c05621', '#805ad5'];
const LEVELS = { green: '#2f855a', yellow: '#b7791f', red: '#c53030', blue: '#2b6cb0' };

/** An SVG document: numbers first, then graphs. */
export function drawDashboard(title: string, results: readonly PanelResult[]): string {
  const stats = results.filter(({ panel }) => panel.kind === 'stat');
  const graphs = results.filter(({ panel }) => panel.kind === 'graph');
  const graphTop = TOP + Math.ceil(stats.length / STAT.perLine) * (STAT.height + GAP);
  const height = graphTop + Math.ceil(graphs.length / GRAPH.perLine) * (GRAPH.height + GAP);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="system-ui, sans-serif" font-size="12" role="img" aria-label="${escapeXml(title)}">`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    `<text x="${GAP}" y="28" font-size="17" font-weight="600" fill="${COLORS.text}">${escapeXml(title)}</text>`,
    ...stats.map((result, index) => drawStat(result, boxAt(index, TOP, STAT))),
    ...graphs.map((result, index) => drawGraph(result, boxAt(index, graphTop, GRAPH))),
    '</svg>',
    '',
  ].join('\n');
}

function boxAt(index: number, top: number, shape: { perLine: number; height: number }): Box {
  const width = (WIDTH - GAP) / shape.perLine - GAP;
  return {
    x: GAP + (index % shape.perLine) * (width + GAP),
    y: top + Math.floor(index / shape.perLine) * (shape.height + GAP),
    width,
    height: shape.height,
  };
}

function drawStat(result: PanelResult, box: Box): string {
  const value = linesOf(result)[0]?.points.at(-1)?.[1];
  const { panel } = result;
  const text = value === undefined ? '–' : format(value, panel.unit);
  const color = value === undefined ? COLORS.soft : colorOf(value, panel.levels ?? []);
  return [
    drawFrame(panel.title, box),
    `<text x="${round(box.x + box.width / 2)}" y="${box.y + 64}" font-size="28" font-weight="600" text-anchor="middle" fill="${color}">${escapeXml(text)}</text>`,
  ].join('\n');
}

function drawGraph(result: PanelResult, box: Box): string {
  const lines = linesOf(result).slice(0, LINES.length);
  const plot = { x: box.x + 58, y: box.y + 30, width: box.width - 70, height: box.height - 62 };
  const points = lines.flatMap((line) => line.points);
  const times = points.map(([seconds]) => seconds);
  const [from, to] = [Math.min(...times), Math.max(...times)];
  const top = Math.max(...points.map(([, value]) => value), 1e-9);
  const place = ([seconds, value]: readonly [number, number]): string =>
    `${round(plot.x + (plot.width * (seconds - from)) / Math.max(1, to - from))},${round(plot.y + plot.height * (1 - value / top))}`;
  const legend = lines.map(
    ({ name }, index) =>
      `<tspan dx="${index === 0 ? 0 : 12}" fill="${LINES[index] ?? COLORS.soft}">${escapeXml(name)}</tspan>`,
  );
  return [
    drawFrame(result.panel.title, box),
    `<line x1="${plot.x}" y1="${plot.y + plot.height}" x2="${plot.x + plot.width}" y2="${plot.y + plot.height}" stroke="${COLORS.frame}"/>`,
    `<text x="${plot.x - 6}" y="${plot.y + 8}" text-anchor="end" fill="${COLORS.soft}">${format(top, result.panel.unit)}</text>`,
    `<text x="${plot.x - 6}" y="${plot.y + plot.height}" text-anchor="end" fill="${COLORS.soft}">0</text>`,
    `<text x="${plot.x + plot.width}" y="${plot.y + plot.height + 14}" text-anchor="end" fill="${COLORS.soft}">${to - from} s</text>`,
    ...lines.map(
      ({ points: own }, index) =>
        `<polyline points="${own.map(place).join(' ')}" fill="none" stroke="${LINES[index] ?? COLORS.soft}" stroke-width="1.8"/>`,
    ),
    `<text x="${plot.x}" y="${box.y + box.height - 8}">${legend.join('')}</text>`,
  ].join('\n');
}

function drawFrame(title: string, { x, y, width, height }: Box): string {
  return [
    `<rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${height}" rx="4" fill="${COLORS.back}" stroke="${COLORS.frame}"/>`,
    `<text x="${round(x + 8)}" y="${round(y + 18)}" font-size="11" font-weight="600" fill="${COLORS.text}">${escapeXml(title)}</text>`,
  ].join('\n');
}

/** The lines that say most come first. */
function linesOf({ series }: PanelResult): Line[] {
  const lines = Object.entries(series).flatMap(([legend, found]) =>
    found.map(({ metric, values }) => ({
      name: legend.replace(/\{\{(\w+)\}\}/g, (_, label: string) => metric[label] ?? ''),
      points: values
        .map(([seconds, value]) => [seconds, Number(value)] as const)
        .filter(([, value]) => Number.isFinite(value)),
    })),
  );
  const peak = ({ points }: Line): number => Math.max(0, ...points.map(([, value]) => value));
  return lines.sort((one, other) => peak(other) - peak(one));
}

function colorOf(value: number, levels: readonly Level[]): string {
  const reached = levels.filter(({ from }) => value >= from).at(-1);
  return LEVELS[reached?.color ?? 'green'];
}

function format(value: number, unit: string): string {
  const [scaled, suffix] =
    value >= 1e6 ? [value / 1e6, ' M'] : value >= 1e4 ? [value / 1e3, ' k'] : [value, ''];
  const digits = scaled >= 100 || Number.isInteger(scaled) ? 0 : scaled >= 1 ? 1 : 2;
  const number = scaled.toFixed(digits);
  const unitText = { s: ' s', bytes: 'B', cps: '/s' }[unit] ?? '';
  return `${number}${suffix}${unitText}`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
