/** One card for each thing that the status knows, with its last hour. */
import { Paper, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { ratePerSecond, type Status } from '../../api/status.ts';
import type { LiveStatus } from '../../api/status-stream.ts';
import type { paths } from '../../api/schema.d.ts';
import { PageLink } from '../../parts/link.tsx';
import { Sparkline } from '../../parts/sparkline.tsx';
import { Time } from '../../parts/time.tsx';
import { count, digits, duration } from '../../parts/words.ts';
import { atLeast, openOf, topReasons } from './counted.ts';

type Point =
  paths['/api/v1/status/history']['get']['responses']['200']['content']['application/json']['data'][number];

interface CardProps {
  readonly label: string;
  /** For screen readers, where the label is long. */
  readonly name?: string;
  readonly value: ReactNode;
  readonly note?: ReactNode;
  readonly line?: readonly (number | null)[];
  readonly to?: string;
}

export function StatusCards({
  live,
  history,
}: {
  readonly live: LiveStatus;
  readonly history: readonly Point[];
}) {
  const { status } = live;
  if (status === undefined) return null;
  const { sums, queue, books, outbox, deliveries, exports, dead_letters: deadLetters } = status;
  const parked = status.parked_queue?.ready ?? 0;
  return (
    <div className="cards">
      <Card
        label="Received"
        value={rate(ratePerSecond(live, ({ received }) => received))}
        note={sums && `${digits(sums.received)} in all`}
        line={rates(history, 'received')}
        to="/load-test"
      />
      <Card
        label="Counted"
        value={rate(ratePerSecond(live, ({ counted }) => counted))}
        note={sums && `${count(sums.duplicates, 'duplicate')} recognised`}
        line={rates(history, 'counted')}
        to="/usage"
      />
      <Card
        label="Waiting in the queue"
        value={queue && digits(queue.ready)}
        note={queue && `${count(queue.consumers, 'thread')} consuming`}
        line={history.map((point) => point.queue_ready)}
        to="/health"
      />
      <Card
        label="Oldest pulse not counted"
        value={seconds(status.oldest_pulse_seconds)}
        note={sums && `${digits(sums.journalled)} in the journal`}
        line={history.map((point) => point.oldest_pulse_seconds)}
        to="/health"
      />
      <Card
        label="Counted, not yet in Postgres"
        name="Live"
        value={sums && digits(sums.live + sums.sealed)}
        note={
          sums && (
            <span title="Pulses in sums that a flush has taken and has not written to Postgres yet.">
              {digits(sums.sealed)} of them sealed for a flush
            </span>
          )
        }
        line={history.map((point) => point.live)}
        to="/usage"
      />
      <Card
        label="Drift"
        value={books && digits(books.drift)}
        note={
          books && (
            <span title="Pulses received, less those counted, recognised as duplicates or refused. It is 0 while none is lost or counted twice.">
              {books.balanced ? 'The books balance' : 'The books do not balance'}
            </span>
          )
        }
        to="/health"
      />
      <Card
        label="Last flush"
        value={<Time at={status.last_flush_at} relative />}
        note={
          status.next_flush_at === null ? null : (
            <>
              Next <Time at={status.next_flush_at} relative />
            </>
          )
        }
        to="/pulses"
      />
      <Card
        label="Dead letters"
        value={deadLetters && openOf(deadLetters)}
        note={deadLetters && <Reasons letters={deadLetters} parked={parked} />}
        line={history.map((point) => point.dead_letters)}
        to="/dead-letters"
      />
      <Card
        label="Outbox"
        value={outbox && digits(outbox.waiting)}
        note={outbox && `${digits(outbox.scheduled)} scheduled for later`}
        line={history.map((point) => point.outbox)}
        to="/events"
      />
      <Card
        label="Webhooks due"
        value={deliveries && atLeast(deliveries.due)}
        note={deliveries && `${count(deliveries.endpoints.failing, 'endpoint')} failing`}
        line={history.map((point) => point.deliveries)}
        to="/events/endpoints"
      />
      <Card
        label="Exports"
        value={exports && digits(exports.running)}
        note={exports && `${digits(exports.queued)} queued`}
        to="/exports"
      />
      <Card
        label="Workflows waiting"
        value={status.workflows && atLeast(status.workflows.waiting)}
        to="/workflows"
      />
    </div>
  );
}

function Card({ label, name = label, value, note, line, to }: CardProps) {
  return (
    <Paper withBorder p="sm" component="section" aria-label={name}>
      <Text size="sm">{to === undefined ? label : <PageLink to={to}>{label}</PageLink>}</Text>
      <Text size="xl" fw={600} className="tabular">
        {value ?? 'unknown'}
      </Text>
      {line === undefined ? (
        <div className="sparkline" />
      ) : (
        <Sparkline values={line} label={`${name} in the last hour`} />
      )}
      <Text size="xs" className="card-note">
        {note}
      </Text>
    </Paper>
  );
}

function Reasons({
  letters,
  parked,
}: {
  readonly letters: NonNullable<Status['dead_letters']>;
  readonly parked: number;
}) {
  const { top, moreCount } = topReasons(letters);
  const parts = [
    ...(parked === 0 ? [] : [{ key: 'parked', shown: `${digits(parked)} parked` }]),
    ...top.map(({ reason, count: found }) => ({
      key: reason,
      shown: (
        <PageLink to={`/dead-letters?reason=${reason}`} size="xs">
          {`${atLeast(found)} ${reason}`}
        </PageLink>
      ),
    })),
    ...(moreCount === 0 ? [] : [{ key: 'more', shown: `and ${moreCount} more` }]),
  ];
  if (parts.length === 0) return <>Nothing refused</>;
  return parts.map(({ key, shown }, index) => (
    <span key={key}>
      {index === 0 || key === 'more' ? ' ' : ', '}
      {shown}
    </span>
  ));
}

function rate(perSecond: number | undefined): string {
  return perSecond === undefined ? '…' : `${digits(Math.round(perSecond))}/s`;
}

function seconds(value: number | null): string {
  return value === null ? 'unknown' : duration(value);
}

/** What a counter grew by, a second, between the points of the history. */
function rates(history: readonly Point[], name: 'received' | 'counted'): (number | null)[] {
  return history.slice(1).map((point, index) => {
    const before = history[index];
    const [from, to] = [before?.[name] ?? null, point[name]];
    if (before === undefined || from === null || to === null) return null;
    const elapsed = (Date.parse(point.at) - Date.parse(before.at)) / 1_000;
    return elapsed <= 0 ? null : Math.max(0, (to - from) / elapsed);
  });
}
