/** A moment in the zone of the page; on hover also in UTC and in the browser's own zone. */
import { Tooltip } from '@mantine/core';
import { ago } from './words.ts';
import { formatTime } from './format-time.ts';
import { BROWSER_ZONE, useZone } from './zone.ts';

export function Time({
  at,
  relative = false,
}: {
  /** A timestamp of the API. */
  readonly at: string | null | undefined;
  /** Shows how long ago it was. */
  readonly relative?: boolean;
}) {
  const zone = useZone();
  if (at === null || at === undefined) return <>–</>;
  const moment = new Date(at);
  // The API knows leap seconds, browsers do not.
  if (Number.isNaN(moment.getTime())) return <>{at}</>;
  const both = [
    `${formatTime(moment, 'UTC')} UTC`,
    ...(BROWSER_ZONE === 'UTC' ? [] : [`${formatTime(moment, BROWSER_ZONE)} ${BROWSER_ZONE}`]),
    ago(moment),
  ].join('\n');
  return (
    <Tooltip
      label={both}
      multiline
      className="pre"
      // Inside the landmark of the page, where a screen reader looks for it.
      portalProps={{ target: '#main' }}
      events={{ hover: true, focus: true, touch: true }}
    >
      <time dateTime={at} className="nowrap">
        {relative ? ago(moment) : formatTime(moment, zone)}
      </time>
    </Tooltip>
  );
}
