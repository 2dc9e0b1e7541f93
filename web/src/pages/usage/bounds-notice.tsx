/** What the page says of bounds: days that do not begin at midnight, and bounds that cannot be asked for. */
import { Alert, Button, Text } from '@mantine/core';
import { CHOICE, useParameters } from '../../parts/url-state.ts';
import { useZone } from '../../parts/zone.ts';
import type { Obstacle, UsageQuestion } from './question.ts';
import { dayAndTime, msOf, type DayShift } from './whole-windows.ts';

export function DayShiftNotice({
  shift: { windowMinutes, dayBegins, exactMinutes },
  question,
}: {
  readonly shift: DayShift;
  readonly question: UsageQuestion;
}) {
  const zone = useZone();
  return (
    <Alert color="blue" mb="md" role="note" data-testid="day-shift">
      This installation counts in windows of {windowMinutes} minutes, and midnight in {zone} falls
      inside one, which belongs to the day before. So{' '}
      <b>
        this is {spanText(question, zone)}
        days from {dayBegins} to {dayBegins} there
      </b>
      , not from midnight to midnight.{' '}
      {exactMinutes === undefined
        ? null
        : `An installation with WINDOW_MINUTES=${exactMinutes}, which is set before the first start, would be exact.`}
    </Alert>
  );
}

function spanText({ from, to }: UsageQuestion, zone: string): string {
  const texts = Object.entries({ from, to }).flatMap(([name, place]) => {
    const ms = place === undefined ? undefined : msOf(place, zone);
    return ms === undefined ? [] : [`${name} ${dayAndTime(ms, zone)}`];
  });
  return texts.length === 0 ? '' : `${texts.join(' ')}, `;
}

export function ObstacleNotice({
  obstacle: { unreadable, bounds, windowMinutes },
}: {
  readonly obstacle: Obstacle;
}) {
  const zone = useZone();
  const [, setParameters] = useParameters();
  const nearest = Object.values(bounds ?? {}).join(' to ');
  return (
    <Alert color="red" mb="md" role="alert" title="This cannot be asked">
      {unreadable.map((label) => (
        <Text size="sm" key={label}>
          <b>{label}</b> takes a date or a time in {zone}, such as 2026-11-29 or 2026-11-29 23:00.
        </Text>
      ))}
      {bounds === undefined ? null : (
        <>
          <Text size="sm">
            Usage is counted in windows of {windowMinutes} minutes. A range cannot begin or end
            inside one. The nearest in {zone}: {nearest}.
          </Text>
          <Button
            size="compact-xs"
            variant="default"
            mt="xs"
            onClick={() => {
              setParameters({ range: 'own', ...bounds }, CHOICE);
            }}
          >
            Use {nearest}
          </Button>
        </>
      )}
    </Alert>
  );
}
