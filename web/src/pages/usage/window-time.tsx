/** The window of a sum, as the API says it: in the zone of the page, with its offset on hover. */
import { formatTime } from '../../parts/format-time.ts';
import type { UsageRow } from './usage-row.ts';

export function WindowTime({ row }: { readonly row: UsageRow }) {
  const { window_start: start, window_end: end } = row;
  if (start === undefined || end === undefined) return <>all</>;
  const utc = [start, end].map((at) => formatTime(new Date(at), 'UTC')).join(' to ');
  return (
    <time dateTime={start} className="nowrap" title={`${utc} UTC\n${start} to ${end}`}>
      {start.slice(0, 16).replace('T', ' ')}
    </time>
  );
}
