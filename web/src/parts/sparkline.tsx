/** A small line without axes. */

export interface SparklineProps {
  /** Oldest first; null where nothing is known. */
  readonly values: readonly (number | null)[];
  /** What the line shows, for screen readers. */
  readonly label: string;
}

const WIDTH = 120;
const HEIGHT = 28;
const EDGE = 2;

export function Sparkline({ values, label }: SparklineProps) {
  const known = values.filter((value) => value !== null);
  if (known.length < 2) return <div className="sparkline" />;
  const highest = Math.max(...known, 1);
  const lowest = Math.min(...known, 0);
  const step = WIDTH / (values.length - 1);
  const yOf = (value: number) =>
    HEIGHT - EDGE - ((value - lowest) / (highest - lowest)) * (HEIGHT - 2 * EDGE);
  let path = '';
  values.forEach((value, index) => {
    if (value === null) return;
    const isStart = path === '' || values[index - 1] === null;
    path += `${isStart ? 'M' : 'L'}${(index * step).toFixed(1)} ${yOf(value).toFixed(1)}`;
  });
  return (
    <svg
      className="sparkline"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      <path d={path} />
    </svg>
  );
}
