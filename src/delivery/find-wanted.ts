/** Looks through the messages of a client for those that an endpoint wants, a page at a time. */
import type { ClientBase } from 'pg';
import type { Message, MessageHead } from '../events/events.ts';
import { readByNumber } from '../events/message-pages-query.ts';
import { pullMessageHeads } from '../events/messages-query.ts';
import { createWorkTurns } from '../platform/work-turns.ts';
import { wants, type Endpoint } from './delivery.ts';

const MESSAGES_MAX = 500;
/** Where a filter needs the data. */
const WITH_DATA_MAX = 50;
/** Of the data of a page; its last message may go beyond. As text it takes up to twice as much memory. */
const DATA_BYTES_MAX = 1024 * 1024;

export interface WantedPage {
  readonly wanted: readonly MessageHead[];
  /** How many messages were looked at. */
  readonly count: number;
  /** Of those that were looked at; undefined: there are none. */
  readonly last: MessageHead | undefined;
  readonly isLast: boolean;
}

/** @param page `after`: only greater numbers. `upTo`: no number beyond it. `since`: stored at this instant or later. */
export async function findWanted(
  client: Pick<ClientBase, 'query'>,
  endpoint: Pick<Endpoint, 'client' | 'types' | 'filter'>,
  page: { readonly after: string; readonly upTo?: bigint; readonly since?: Date },
): Promise<WantedPage> {
  const { messages, isLast } =
    endpoint.filter === null
      ? await readHeads(client, endpoint, page)
      : await readByNumber(
          client,
          { scope: 'all', client: endpoint.client, from: page.since },
          { limit: WITH_DATA_MAX, after: page.after, bytesMax: DATA_BYTES_MAX },
        );
  const { upTo } = page;
  const looked =
    upTo === undefined ? messages : messages.filter((one) => BigInt(one.number) <= upTo);
  return {
    wanted: await selectWanted(endpoint, looked),
    count: looked.length,
    last: looked.at(-1),
    isLast,
  };
}

async function readHeads(
  client: Pick<ClientBase, 'query'>,
  endpoint: Pick<Endpoint, 'client'>,
  { after, since }: { readonly after: string; readonly since?: Date },
) {
  const limit = MESSAGES_MAX;
  const heads = await pullMessageHeads(client, endpoint.client, { limit, after, since });
  const messages = heads.map((head) => ({ ...head, data: '' }));
  return { messages, isLast: heads.length < limit };
}

/** Parsing the data of a page may take some hundred milliseconds. */
export async function selectWanted<Candidate extends Pick<Message, 'type' | 'data'>>(
  endpoint: Pick<Endpoint, 'types' | 'filter'>,
  messages: readonly Candidate[],
): Promise<Candidate[]> {
  const nextTurn = createWorkTurns();
  const wanted: Candidate[] = [];
  for (const message of messages) {
    await nextTurn();
    if (wants(endpoint, message)) wanted.push(message);
  }
  return wanted;
}
