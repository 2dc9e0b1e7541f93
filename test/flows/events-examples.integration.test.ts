import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { connect } from 'amqplib';
import { expect, test, vi } from 'vitest';
import { createPulseClient } from '../../clients/typescript/src/pulse-client.ts';
import { eventually } from '../support/eventually.ts';
import { MANY_STEPS_TIMEOUT_MS } from '../support/pulse-process.ts';
import { shellPath } from '../support/shell-path.ts';
import { openFlow, PASSWORD, type Flow } from './flow-fixture.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

const PAGE = 'docs/events.md';

/** The only shell example with a text. */
function example(text: string): string {
  const page = readFileSync(PAGE, 'utf8');
  const scripts = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, script = '']) => script);
  const found = scripts.filter((script) => script.includes(text));
  expect(found).toHaveLength(1);
  return found[0]!;
}

/** As a producer does that knows nothing of Pulse. */
async function publish({ queue, env }: Flow, event: object): Promise<void> {
  const connection = await connect(env.RABBITMQ_URL!);
  const channel = await connection.createConfirmChannel();
  channel.publish(`${queue}.events`, 'event', Buffer.from(JSON.stringify(event)), {
    persistent: true,
  });
  await channel.waitForConfirms();
  await connection.close();
}

test('the examples about events work when pasted, and an event that came too early is replayed', async () => {
  const flow = await openFlow();
  const { ready } = await flow.start('start');
  const client = createPulseClient({ url: ready.api! });
  const { token } = await client.login({ username: 'admin', password: PASSWORD });
  const queue = `${flow.queue}.events`;
  const paste = async (script: string) => {
    const own = script
      .replace(/^pulse /gm, 'node dist/main.js ')
      .replaceAll('--queue events', `--queue ${queue}`);
    const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', own], {
      env: { PATH: shellPath(), ...flow.env, API: `${ready.api!}/api/v1`, TOKEN: token },
    });
    return stdout;
  };

  await client.producers.put('billing');
  const early = {
    ...{ id: 'early', producer: 'billing', type: 'invoice.paid', client: '123' },
    data: { total: 1 },
  };
  await publish(flow, early);
  await eventually(async () => (await client.deadLetters.page({ queue })).data).toMatchObject([
    { detail: 'unknown_type: /type: There is no event type "invoice.paid".' },
  ]);

  const tried = await paste(example('invoice-7'));
  expect(tried).toContain('"stored":1,"duplicate":0,"rejected":0');
  expect(tried).toMatch(/"number":1,.*"data":\{"total":12\.5\}\}\]/);
  const binary = await paste(example('ce-specversion'));
  expect(binary).toContain('"stored":1,"duplicate":0,"rejected":0');
  const versions = await paste(example('invoice.sent'));
  expect(versions).toMatch(/"version":1\b.*"version":2\b/s);
  expect(versions).not.toMatch(/"is_breaking":true|PULSE_API_/);
  expect(await paste(example('dead-letters list'))).toContain('1 replayed');
  const pulling = example('limit=100');
  await eventually(() => paste(pulling)).toMatch(
    /"id":"invoice-8".*"number":2.*"id":"early".*"number":3/,
  );
});
