/** The results as one picture, drawn without a library: how far each scenario is from its target. */
import type { ScenarioResult } from '../scenario.ts';
import { formatFigure, verdict } from './table.ts';

const WIDTH = 860;
const ROW = 34;
const TOP = 64;
const LEFT = 190;
const RIGHT = 190;
/** A score of 1 just reaches the target; longer bars are cut off here. */
const SCORE_MAX = 2.5;
const COLORS = { passed: '#2f855a', missed: '#c05621', line: '#1a202c', soft: '#718096' };

/** An SVG document. Each bar is the share of "must reach" that was achieved, the whisker its range over the rounds. */
export function drawChart(results: readonly ScenarioResult[], caption: string): string {
  const drawn = results.filter(({ value }) => value !== null);
  const height = TOP + drawn.length * ROW + 34;
  const bottom = height - 30;
  const one = xOf(1);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}"`,
    `  font-family="system-ui, sans-serif" font-size="13" role="img" aria-label="Benchmark results">`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    `<text x="16" y="24" font-size="15" font-weight="600" fill="${COLORS.line}">Pulse against its bars: 1 is "must reach", longer is better</text>`,
    `<text x="16" y="44" fill="${COLORS.soft}" font-size="12">${escapeXml(caption)}</text>`,
    ...drawn.map((result, index) => drawRow(result, TOP + index * ROW)),
    `<line x1="${one}" y1="${TOP - 8}" x2="${one}" y2="${bottom}" stroke="${COLORS.line}" stroke-dasharray="4 3"/>`,
    `<text x="${one}" y="${bottom + 16}" text-anchor="middle" fill="${COLORS.line}" font-size="12">must reach</text>`,
    '</svg>',
    '',
  ].join('\n');
}

function drawRow(result: ScenarioResult, y: number): string {
  const middle = y + ROW / 2;
  const scores = scoresOf(result);
  const end = xOf(scores.median);
  const color = result.passed ? COLORS.passed : COLORS.missed;
  return [
    `<text x="${LEFT - 12}" y="${middle + 4}" text-anchor="end" fill="${COLORS.line}">${escapeXml(result.name)}</text>`,
    `<rect x="${LEFT}" y="${y + 7}" width="${round(end - LEFT)}" height="${ROW - 14}" rx="2" fill="${color}"/>`,
    `<line x1="${xOf(scores.min)}" y1="${middle}" x2="${xOf(scores.max)}" y2="${middle}" stroke="${COLORS.line}" stroke-width="1.5"/>`,
    `<text x="${WIDTH - RIGHT + 10}" y="${middle + 4}" fill="${COLORS.line}">${escapeXml(labelOf(result))}</text>`,
  ].join('\n');
}

function labelOf(result: ScenarioResult): string {
  const { value, unit, ratio } = result;
  const text = `${formatFigure(value ?? 0)} ${unit}`;
  const ratioText = ratio === null ? '' : `, ${ratio.median.toFixed(2)}x`;
  return `${text}${ratioText}${result.verified ? '' : ` ${verdict(result)}`}`;
}

/** The share of the target that was achieved; inverted where less is better. */
function scoresOf({ judgement, ratio, value, runs, mustReach }: ScenarioResult) {
  if (judgement === 'value at most') {
    const values = runs.map(({ product }) => product.value);
    return {
      median: mustReach / (value ?? Infinity),
      min: mustReach / Math.max(...values),
      max: mustReach / Math.min(...values),
    };
  }
  const { median, min, max } = ratio ?? { median: 0, min: 0, max: 0 };
  return judgement === 'ratio at least'
    ? { median: median / mustReach, min: min / mustReach, max: max / mustReach }
    : { median: mustReach / median, min: mustReach / max, max: mustReach / min };
}

function xOf(score: number): number {
  const width = WIDTH - LEFT - RIGHT;
  return round(LEFT + (Math.min(Math.max(score, 0), SCORE_MAX) / SCORE_MAX) * width);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
