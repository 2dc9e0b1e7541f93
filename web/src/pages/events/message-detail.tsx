/** One message. Its client and number find it, because an id may be too long for an address. */
import { useQuery } from '@tanstack/react-query';
import { elementSources, memberSource } from '../../../../src/core/json-source.ts';
import { rawAnswer } from '../../api/raw.ts';
import { BodyView } from '../../parts/body-view.tsx';
import { Facts } from '../../parts/facts.tsx';
import { PageLink } from '../../parts/link.tsx';
import { Empty, Loaded } from '../../parts/loaded.tsx';
import { Section } from '../../parts/section.tsx';
import { Time } from '../../parts/time.tsx';
import { KEYS, type Message } from './event-queries.ts';

interface Found {
  readonly message: Message;
  /** `data` as the producer sent it. */
  readonly data: string;
}

export function MessageDetail({
  client,
  number,
}: {
  readonly client: string;
  readonly number: string;
}) {
  const found = useQuery({
    queryKey: [KEYS.messages, 'one', client, number],
    queryFn: ({ signal }) => readMessage(client, number, signal),
  });
  return (
    <Loaded query={found}>
      {(one) => {
        if (one === null)
          return (
            <Empty>
              {client} has no message with the number {number}.
            </Empty>
          );
        const { message, data } = one;
        const type = encodeURIComponent(message.type);
        return (
          <>
            <PageLink to={`/events/messages?client=${encodeURIComponent(client)}`}>
              All messages of {client}
            </PageLink>
            <Section title={`Message ${number} of ${client}`}>
              <Facts
                facts={[
                  [
                    'Type',
                    <PageLink key="type" to={`/events/types/${type}`}>
                      {`${message.type}, version ${message.type_version}`}
                    </PageLink>,
                  ],
                  ['Producer', message.producer],
                  ['Id', message.id],
                  ['Happened', <Time key="timestamp" at={message.timestamp} />],
                  ['Stored', <Time key="stored" at={message.stored_at} />],
                ]}
              />
              <PageLink to={`/events/deliveries?client=${encodeURIComponent(client)}`}>
                Deliveries to {client}
              </PageLink>
            </Section>
            <Section title="Data">
              <BodyView label="Data" body={{ encoding: 'utf8', content: data }} />
            </Section>
          </>
        );
      }}
    </Loaded>
  );
}

async function readMessage(
  client: string,
  number: string,
  signal: AbortSignal,
): Promise<Found | null> {
  if (!/^[1-9]\d{0,15}$/.test(number)) return null;
  const query = { client, after: String(BigInt(number) - 1n), limit: '1' };
  const text = await rawAnswer('/api/v1/messages', query, signal);
  const [message] = (JSON.parse(text) as { data: Message[] }).data;
  if (message === undefined || String(message.number) !== number) return null;
  const [source = '{}'] = elementSources(memberSource(text, 'data') ?? '[]');
  return { message, data: memberSource(source, 'data') ?? '' };
}
