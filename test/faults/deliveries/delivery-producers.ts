/** The producers of a round: they send each event until it is confirmed or answered, unless they give up. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Publication } from '../../../src/contract/publication.ts';
import { ask } from '../api-client.ts';
import type { EventIntent, Sending } from './delivery-plan.ts';

export interface ProducerDeps {
  readonly publish: (publication: Publication) => Promise<void>;
  /** Of the names of exchanges. */
  readonly prefix: string;
  /** Of the API, with its base path. */
  readonly url: string;
}

const GIVE_UP_MS = 90_000;
const RETRY_MS = 100;
/** What starts at about the same time goes to the API in one request. */
const TOGETHER_MS = 100;

interface Due {
  readonly event: EventIntent;
  readonly sending: Sending;
}

export async function sendEvents(
  events: readonly EventIntent[],
  deps: ProducerDeps,
): Promise<void> {
  const all = events.flatMap((event) => event.sendings.map((sending) => ({ event, sending })));
  const requests = new Map<string, Due[]>();
  for (const due of all.filter(({ sending }) => sending.way === 'http')) {
    const { startMs, isGivenUp } = due.sending;
    const key = `${Math.floor(startMs / TOGETHER_MS)} ${isGivenUp}`;
    requests.set(key, [...(requests.get(key) ?? []), due]);
  }
  await Promise.all([
    ...all
      .filter(({ sending }) => sending.way === 'queue')
      .map((due) => untilSent([due], () => publish(due, deps))),
    ...[...requests.values()].map((dues) => untilSent(dues, () => post(dues, deps))),
  ]);
}

/** Whether it was sent is unknown as long as `send` rejects. */
async function untilSent(dues: readonly Due[], send: () => Promise<void>): Promise<void> {
  const { startMs, isGivenUp } = dues[0]?.sending ?? { startMs: 0, isGivenUp: true };
  await delay(startMs);
  const deadlineMs = performance.now() + GIVE_UP_MS;
  do {
    for (const { sending } of dues) sending.sentCount += 1;
    const isSent = await send().then(
      () => true,
      () => false,
    );
    if (isSent) return;
    await delay(RETRY_MS);
  } while (!isGivenUp && performance.now() < deadlineMs);
}

async function publish({ event, sending }: Due, { publish: send, prefix }: ProducerDeps) {
  const { messageId } = sending;
  const body = Buffer.from(event.text);
  await send({ exchange: `${prefix}events`, routingKey: 'event', body, messageId });
  sending.isConfirmed = true;
}

interface Outcome {
  readonly status: string;
  readonly code?: string;
}

async function post(dues: readonly Due[], { url }: ProducerDeps): Promise<void> {
  const body = `[${dues.map(({ event }) => event.text).join()}]`;
  const answer = await ask({ method: 'POST', url: `${url}/events`, body });
  const { outcomes } = JSON.parse(answer.text) as { outcomes: readonly Outcome[] };
  for (const [index, { sending }] of dues.entries()) {
    const { status, code } = outcomes[index] ?? { status: 'none' };
    sending.answers.push(code ?? status);
    sending.isConfirmed = true;
  }
}
