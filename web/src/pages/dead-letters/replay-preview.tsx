/** What a replay will change, before it is sent. */
import { Alert, Table, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { lossyTextOf } from '../../parts/body-text.ts';
import { Time } from '../../parts/time.tsx';
import { count, digits } from '../../parts/words.ts';
import type { DeadLetter } from './dead-letter-queries.ts';
import { doubtsOf, isAboutTime, judgeBody, type CountedPulse } from './judge-body.ts';
import { idChange } from './id-change.ts';
import { hourQuery, plus } from './hour-sum.ts';
import { readHourSum } from './replay-sum.ts';

const SHOWN_MAX = 20;

export function ReplayPreview({
  deadLetter,
  text,
}: {
  readonly deadLetter: DeadLetter;
  /** The body that the replay will send. */
  readonly text: string;
}) {
  const { queue, original_body, body } = deadLetter;
  const [nowMs] = useState(Date.now);
  if (queue !== null) {
    return (
      <Text size="sm">
        It goes to the queue <b>{queue}</b> again, under the same message id. Whoever handles that
        queue judges it anew.
      </Text>
    );
  }
  const judged = judgeBody(text, deadLetter, nowMs);
  const refused = judged.filter(({ isCounted }) => !isCounted).length;
  const repeats = judged.filter((one) => one.isCounted && one.isRepeat).length;
  const doubts = refused === judged.length ? [] : doubtsOf(deadLetter);
  return (
    <>
      {judged.length === 1 ? null : (
        <Text size="sm" mb="xs">
          {count(judged.length, 'pulse')}: {judged.length - refused - repeats} will count, {refused}{' '}
          will be refused
          {repeats === 0 ? '' : `, ${repeats} will change nothing because an id stands twice`}.
        </Text>
      )}
      {doubts.map((doubt) => (
        <Text key={doubt} size="sm" mb="xs">
          {doubt}
        </Text>
      ))}
      <IdWarning
        before={lossyTextOf(original_body ?? body)}
        after={text}
        wasCounted={deadLetter.maybe_counted_since !== null}
      />
      {judged.slice(0, SHOWN_MAX).map((judgement, index) =>
        judgement.isCounted ? (
          // Pulses of one body never change their order.
          <Counted key={index} pulse={judgement} />
        ) : (
          <Alert
            key={index}
            color="orange"
            title={`It will be refused again${isAboutTime(judgement.reason) ? ', by the default limits' : ''}`}
            mb="xs"
          >
            <Text size="sm">
              {judgement.reason}: {judgement.detail}
            </Text>
          </Alert>
        ),
      )}
      {judged.length > SHOWN_MAX ? (
        <Text size="sm">And {judged.length - SHOWN_MAX} more.</Text>
      ) : null}
    </>
  );
}

function Counted({ pulse }: { readonly pulse: CountedPulse }) {
  const { tenant, sku, unit, amount, usedAt, id } = pulse;
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label="What the replay will count">
      <Table className="data-table" mb="xs">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Tenant</Table.Th>
            <Table.Th>SKU</Table.Th>
            <Table.Th className="numeric">Amount</Table.Th>
            <Table.Th>Unit</Table.Th>
            <Table.Th>Used at</Table.Th>
            <Table.Th className="numeric">Usage of that hour</Table.Th>
            <Table.Th>Id</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          <Table.Tr>
            <Table.Td>{tenant}</Table.Td>
            <Table.Td>{sku}</Table.Td>
            <Table.Td className="numeric">+{digits(amount)}</Table.Td>
            <Table.Td>{unit}</Table.Td>
            <Table.Td>
              <Time at={usedAt.toISOString()} />
            </Table.Td>
            <Table.Td className="numeric">
              <UsageChange pulse={pulse} />
            </Table.Td>
            <Table.Td>{id}</Table.Td>
          </Table.Tr>
        </Table.Tbody>
      </Table>
    </div>
  );
}

/** The sum of the hour before and after. */
function UsageChange({ pulse }: { readonly pulse: CountedPulse }) {
  const { amount, addedBefore, isRepeat } = pulse;
  const usage = useQuery({
    queryKey: ['usage', 'hour', hourQuery(pulse)],
    queryFn: ({ signal }) => readHourSum(pulse, signal),
  });
  if (isRepeat) return 'no change: its id stands above';
  if (usage.data === undefined) return usage.error === null ? '…' : 'unknown';
  const before = plus(usage.data, addedBefore);
  return `${digits(before)} → ${digits(plus(before, amount))}`;
}

/** Another id makes another pulse, which counts even if the first one was counted. */
function IdWarning({
  before,
  after,
  wasCounted,
}: {
  readonly before: string;
  readonly after: string;
  /** Perhaps. */
  readonly wasCounted: boolean;
}) {
  const change = idChange(before, after);
  if (change === undefined) return null;
  const { old } = change;
  return (
    <Alert color="orange" title="The id is not the same" mb="xs">
      <Text size="sm">
        {old === undefined ? 'The original has no id' : `The original has the id ${old}`}, so the
        fix makes another pulse of it.{' '}
        {wasCounted
          ? 'If the original was counted, both count.'
          : 'The original was not counted. If its producer sends it again, correctly, both count.'}
      </Text>
    </Alert>
  );
}
