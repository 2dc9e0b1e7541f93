/** The operator of a round: creates its endpoints, and changes, recovers and resends while there are faults. */
import { setTimeout as delay } from 'node:timers/promises';
import { ask, askUntilAnswered } from '../api-client.ts';
import { RESTLESS, ROTATING, type DeliveryLog, type EndpointPlan } from './delivery-plan.ts';

export interface OperatorDeps {
  /** Of the API, with its base path. */
  readonly url: string;
  readonly urlOf: (endpoint: EndpointPlan) => string;
}

/** An endpoint whose secret the receiver knows. @returns The status of the answer. */
export async function createEndpoint(
  endpoint: EndpointPlan,
  { url, at }: { readonly url: string; readonly at: string },
): Promise<number> {
  const [secret] = endpoint.secrets;
  const body = JSON.stringify({ ...membersOf(endpoint, at), secret });
  return (await ask({ method: 'PUT', url: `${url}/endpoints/${endpoint.id}`, body })).status;
}

function membersOf({ client, types, filter, fifo }: EndpointPlan, url: string) {
  return { client, url, types, filter, fifo };
}

/** What happens in the middle of a round. */
export async function operate(
  log: DeliveryLog,
  deps: OperatorDeps,
  durationMs: number,
): Promise<void> {
  const at = async (share: number, work: () => Promise<unknown>): Promise<void> => {
    await delay(durationMs * share);
    await work();
  };
  await Promise.all([
    at(0.4, () => rotate(log, deps)),
    at(0.2, () => setStatus('disabled', log, deps))
      .then(() => at(0.3, () => setStatus('enabled', log, deps)))
      .then(() => recover(deps)),
    at(0.5, () => resend(deps)),
    at(0.8, () => resend(deps)),
  ]);
}

/** The same secret again changes nothing. */
async function rotate({ endpoints, rotation }: DeliveryLog, { url }: OperatorDeps): Promise<void> {
  const secret = endpoints.find(({ id }) => id === ROTATING)?.secrets[1];
  const body = JSON.stringify({ secret, overlap_hours: rotation.overlapHours });
  const request = { method: 'POST', url: `${url}/endpoints/${ROTATING}/rotate-secret`, body };
  rotation.sentAtMs = Date.now();
  const { status } = await askUntilAnswered(request);
  rotation.answeredAtMs = Date.now();
  refuse(status, 'a rotation');
}

async function setStatus(
  status: 'enabled' | 'disabled',
  { endpoints }: DeliveryLog,
  { url, urlOf }: OperatorDeps,
): Promise<void> {
  const endpoint = endpoints.find(({ id }) => id === RESTLESS);
  if (endpoint === undefined) return;
  const body = JSON.stringify({ ...membersOf(endpoint, urlOf(endpoint)), status });
  const path = `${url}/endpoints/${RESTLESS}`;
  const answer = await askUntilAnswered({ method: 'PUT', url: path, body });
  refuse(answer.status, `a change to ${status}`);
}

/** Everything that the endpoint without rest has missed. */
export async function recover({ url }: Pick<OperatorDeps, 'url'>): Promise<void> {
  let since: string | null = '2026-01-01T00:00:00Z';
  while (since !== null) {
    const body = JSON.stringify({ since });
    const path = `${url}/endpoints/${RESTLESS}/recover`;
    const answer = await askUntilAnswered({ method: 'POST', url: path, body });
    refuse(answer.status, 'a recovery');
    ({ next: since } = JSON.parse(answer.text) as { next: string | null });
  }
}

/** Some of the newest deliveries, once more; if that has no answer, nothing is lost. */
async function resend({ url }: OperatorDeps): Promise<void> {
  const query = `${url}/deliveries?endpoint=well&limit=5`;
  const list = await ask({ method: 'GET', url: query }).catch(() => undefined);
  const { data } = JSON.parse(list?.text ?? '{"data":[]}') as { data: { id: string }[] };
  for (const { id } of data) {
    const path = `${url}/deliveries/${id}/resend`;
    await ask({ method: 'POST', url: path, body: '{}' }).catch(() => undefined);
  }
}

function refuse(status: number, what: string): void {
  if (status !== 200) throw new Error(`${what} was answered with ${status}`);
}
