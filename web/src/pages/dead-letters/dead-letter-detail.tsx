/** One dead letter: what was sent, why it was refused, what was done about it. */
import { Alert, Group, Text } from '@mantine/core';
import { useState, type ComponentProps } from 'react';
import { BodyView } from '../../parts/body-view.tsx';
import { DiffView } from '../../parts/diff-view.tsx';
import { Facts, RawText } from '../../parts/facts.tsx';
import { PageLink } from '../../parts/link.tsx';
import { Loaded } from '../../parts/loaded.tsx';
import { Page } from '../../parts/page.tsx';
import { Section } from '../../parts/section.tsx';
import { StateBadge } from '../../parts/state-badge.tsx';
import { Steps } from '../../parts/steps.tsx';
import { Time } from '../../parts/time.tsx';
import { bytes } from '../../parts/words.ts';
import { diffTexts } from './diff-texts.ts';
import { DeadLetterActions } from './dead-letter-actions.tsx';
import { useDeadLetter, type DeadLetter } from './dead-letter-queries.ts';
import { FixForm } from './fix-form.tsx';
import { adviceFor, meaningOf } from './reasons.ts';
import { orderOf } from './replay-outcome.ts';
import { ReplayResult } from './replay-result.tsx';
import { useParameter } from '../../parts/url-state.ts';

export function DeadLetterDetail({ id }: { readonly id: string }) {
  const deadLetter = useDeadLetter(id);
  const [isEditing, setEditing] = useParameter('edit');
  return (
    <Page
      title="Dead letter"
      actions={
        deadLetter.data === undefined ? null : (
          <DeadLetterActions
            deadLetter={deadLetter.data}
            edit={() => {
              setEditing('1');
            }}
          />
        )
      }
    >
      <PageLink to="/dead-letters">All dead letters</PageLink>
      <Loaded query={deadLetter}>
        {(found) => (
          <>
            <Why deadLetter={found} />
            <Origin deadLetter={found} />
            {isEditing === '1' ? (
              <Editor
                key={found.id}
                deadLetter={found}
                close={() => {
                  setEditing('');
                }}
              />
            ) : null}
            <Bodies deadLetter={found} />
            <Section title="Properties and headers">
              <RawText
                label="Properties and headers"
                text={JSON.stringify(found.properties, null, 2)}
              />
            </Section>
            <History deadLetter={found} />
          </>
        )}
      </Loaded>
    </Page>
  );
}

/** Keeps what is being typed, whatever others do meanwhile. */
function Editor(props: ComponentProps<typeof FixForm>) {
  const { state } = props.deadLetter;
  const [wasWaiting] = useState(state === 'quarantined');
  if (!wasWaiting) return null;
  return (
    <>
      {state === 'quarantined' ? null : (
        <Alert color="orange" title={`It has been ${state} meanwhile`} mb="md">
          Nothing of what you type can be stored. The history says who did it.
        </Alert>
      )}
      <FixForm {...props} />
    </>
  );
}

function Why({ deadLetter }: { readonly deadLetter: DeadLetter }) {
  const { state, reason, detail } = deadLetter;
  return (
    <Alert
      color={state === 'quarantined' ? 'orange' : 'gray'}
      title={`${reason}: ${meaningOf(reason)}`}
      my="md"
    >
      <Text size="sm" className="anywhere">
        {detail}
      </Text>
      <ReplayResult deadLetter={deadLetter} />
      {state === 'replayed' ? null : (
        <Text size="sm" mt="xs">
          {state === 'quarantined'
            ? adviceFor(reason)
            : 'It was discarded. It can still be replayed.'}
        </Text>
      )}
    </Alert>
  );
}

function Origin({ deadLetter }: { readonly deadLetter: DeadLetter }) {
  const { state, received_at, tenant, queue, pulse_id, message_id, pulse_index, exchange } =
    deadLetter;
  const orderId = orderOf(deadLetter);
  return (
    <Facts
      facts={[
        ['State', <StateBadge key="state" state={state} />],
        ['Received', <Time key="received" at={received_at} />],
        [
          'Tenant',
          tenant === null ? null : (
            <PageLink to={`/usage?tenant=${encodeURIComponent(tenant)}`}>{tenant}</PageLink>
          ),
        ],
        ['Replays go to', queue ?? 'the queue of pulses'],
        ...(orderId === undefined
          ? []
          : [['Order', <PageLink to={`/orders/${orderId}`}>{orderId}</PageLink>] as const]),
        ...(queue === null ? [['Id of the pulse', pulse_id] as const] : []),
        ['Message id of AMQP', message_id],
        ['Place in its array', pulse_index === null ? null : String(pulse_index)],
        ['Exchange', exchange === '' ? 'the default exchange' : exchange],
        ['Routing key', deadLetter.routing_key],
        ['Delivered before', deadLetter.redelivered ? 'yes' : 'no'],
        ['Body', bytes(deadLetter.body_bytes)],
        ...(queue === null
          ? [['Counted before?', <CountedBefore key="counted" deadLetter={deadLetter} />] as const]
          : []),
        ['Id of the dead letter', deadLetter.id],
      ]}
    />
  );
}

function CountedBefore({ deadLetter }: { readonly deadLetter: DeadLetter }) {
  const { maybe_counted_since: since, actions } = deadLetter;
  if (since === null) return <>No: it was refused each time.</>;
  const isByReplay = actions.some(({ action, at }) => action === 'replay_started' && at === since);
  return (
    <>
      Perhaps, {isByReplay ? 'by the replay of' : 'before it came here on'} <Time at={since} />. If
      it was, a replay adds nothing as long as Pulse remembers its id.
    </>
  );
}

function Bodies({ deadLetter }: { readonly deadLetter: DeadLetter }) {
  const { body, original_body, original_tenant, body_is_cut } = deadLetter;
  const cut = body_is_cut ? <Text size="xs">Only the first 8 MiB are shown.</Text> : null;
  if (original_body === null) {
    return (
      <Section title={deadLetter.is_fixed ? 'Fixed body' : 'Body as it was sent'}>
        <BodyView label="Body" body={body} />
        {cut}
        {deadLetter.is_fixed ? (
          <Text size="xs">The original body is not shown: it is not of your tenants.</Text>
        ) : null}
      </Section>
    );
  }
  const [before, after] = diffTexts(original_body, body);
  return (
    <>
      <Section title="What the fix changed">
        <DiffView before={before} after={after} />
        {original_tenant === deadLetter.tenant ? null : (
          <Text size="sm">The original named the tenant {original_tenant ?? 'of nobody'}.</Text>
        )}
      </Section>
      <Section title="Body as it was sent">
        <BodyView label="Body as it was sent" body={original_body} />
        {cut}
      </Section>
    </>
  );
}

const ACTIONS = {
  fixed: 'Fixed',
  replay_started: 'Replay started',
  replayed: 'Replayed',
  reopened: 'Refused again',
  discarded: 'Discarded',
} as const;

const VIA = { api: 'over the API', command_line: 'on the command line', quarantine: '' } as const;

function History({ deadLetter }: { readonly deadLetter: DeadLetter }) {
  const { actions, received_at } = deadLetter;
  const steps = actions.map(({ action, at, actor, via, note, body_sha256 }, index) => ({
    key: `${index}`,
    title: ACTIONS[action],
    at,
    tone:
      // One that was refused again came to nothing.
      action === 'replayed' && index === actions.length - 1
        ? ('good' as const)
        : action === 'reopened'
          ? ('bad' as const)
          : undefined,
    children: (
      <Text size="sm" className="anywhere">
        {actor === null ? 'Pulse' : `${actor} ${VIA[via]}`}
        {note === null ? '' : `: ${note}`}
        {body_sha256 === null ? null : (
          <Text span size="xs" c="dimmed" title={`SHA-256 of the body: ${body_sha256}`}>
            {' '}
            body {body_sha256.slice(0, 12)}
          </Text>
        )}
      </Text>
    ),
  }));
  const first = { key: 'received', title: 'Refused', at: received_at, tone: 'bad' as const };
  return (
    <Section title="History">
      <Group gap={0} align="flex-start">
        <Steps label="History" steps={[first, ...steps]} />
      </Group>
    </Section>
  );
}
