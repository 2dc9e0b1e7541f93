/** The quarantine, newest first. */
import { useLocation } from 'wouter';
import { Group, Text } from '@mantine/core';
import { hasRole, useMe } from '../../api/me.ts';
import { DataTable, type Column } from '../../parts/data-table.tsx';
import { Filters } from '../../parts/filters.tsx';
import { useHref } from '../../parts/link.tsx';
import { Empty, Loaded } from '../../parts/loaded.tsx';
import { Page } from '../../parts/page.tsx';
import { StateBadge } from '../../parts/state-badge.tsx';
import { Time } from '../../parts/time.tsx';
import { useParameters } from '../../parts/url-state.ts';
import { useList } from '../../parts/use-list.ts';
import { bytes } from '../../parts/words.ts';
import { BulkAction } from './bulk-action.tsx';
import { filtersOf, listKey, readList, type DeadLetterRow } from './dead-letter-queries.ts';
import { REASONS } from './reasons.ts';

const WAITING = 'quarantined';

const COLUMNS: readonly Column<DeadLetterRow>[] = [
  { head: 'Received', cell: ({ received_at }) => <Time at={received_at} relative /> },
  { head: 'Reason', cell: ({ reason }) => reason },
  { head: 'Tenant', cell: ({ tenant }) => tenant ?? '–' },
  { head: 'State', cell: ({ state }) => <StateBadge state={state} /> },
  { head: 'Detail', cell: ({ detail }) => detail, wideOnly: true },
  { head: 'Queue', cell: ({ queue }) => queue ?? 'pulses', wideOnly: true },
  { head: 'Id', cell: ({ pulse_id, message_id }) => pulse_id ?? message_id ?? '–', wideOnly: true },
  { head: 'Size', cell: ({ body_bytes }) => bytes(body_bytes), numeric: true, wideOnly: true },
];

export function DeadLettersList() {
  const [parameters] = useParameters();
  const [, navigate] = useLocation();
  const href = useHref();
  const me = useMe();
  const filters = filtersOf(parameters);
  const state = parameters.get('state') ?? WAITING;
  const list = useList(listKey(filters, state), (after, signal) =>
    readList(filters, state, { after, signal }),
  );
  return (
    <Page
      title="Dead letters"
      actions={
        hasRole(me, 'operator') ? (
          <Group gap="xs">
            {Object.keys(filters).length > 0 ? null : (
              <Text size="xs" c="dimmed">
                To replay or discard many, choose a filter first.
              </Text>
            )}
            <BulkAction kind="replay" filters={filters} />
            <BulkAction kind="discard" filters={filters} />
          </Group>
        ) : null
      }
    >
      <Filters
        filters={[
          { name: 'reason', label: 'Reason', kind: 'choice', choices: REASONS },
          { name: 'tenant', label: 'Tenant', kind: 'text' },
          { name: 'queue', label: 'Queue', kind: 'text' },
          { name: 'pulse_id', label: 'Id of the pulse', kind: 'text' },
          { name: 'message_id', label: 'Message id of AMQP', kind: 'text' },
          { name: 'from', label: 'From', kind: 'time' },
          { name: 'to', label: 'To', kind: 'time' },
          {
            ...{ name: 'state', label: 'State', kind: 'choice', standard: WAITING },
            choices: [WAITING, 'replayed', 'discarded', 'any'],
          },
        ]}
      />
      <Loaded query={list}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty>
              {state === WAITING ? 'No dead letter waits here.' : 'There is no such dead letter.'} A
              bad pulse comes here when it is sent over AMQP; <code>POST /pulses</code> and{' '}
              <code>pulse send</code> refuse it at once.
            </Empty>
          ) : (
            <DataTable
              label="Dead letters"
              // All have the state that is filtered by.
              columns={state === 'any' ? COLUMNS : COLUMNS.filter(({ head }) => head !== 'State')}
              rows={rows}
              rowKey={({ id }) => id}
              onOpen={({ id }) => {
                navigate(href(`/dead-letters/${id}`));
              }}
              hasMore={list.hasMore}
              loadMore={list.loadMore}
            />
          )
        }
      </Loaded>
    </Page>
  );
}
