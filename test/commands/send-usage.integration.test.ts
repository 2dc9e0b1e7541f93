import { expect, test, vi } from 'vitest';
import { openFlow, type Flow } from '../flows/flow-fixture.ts';
import { MANY_STEPS_TIMEOUT_MS } from '../support/pulse-process.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

const CPU = ['--sku', 'cpu', '--unit', 'h'];

function send(flow: Flow, tenant: string, amount: string, ...more: string[]) {
  return flow.call(['send', '--tenant', tenant, ...CPU, '--amount', amount, ...more]);
}

test('pulses that are sent are in the sums of usage, flushed or not', async () => {
  const flow = await openFlow();
  const worker = await flow.start('worker');
  const now = new Date().toISOString();
  const sent = await send(flow, 'acme', '0.25');
  expect(sent).toMatchObject({ exitCode: 0, stderr: '' });
  expect(sent.stdout).toMatch(/^[0-9a-f-]{36}\n$/);
  for (const json of ['--json', '--json']) {
    const { stdout } = await send(flow, 'acme', '1.000000001', '--id', 'once', json);
    expect(JSON.parse(stdout)).toEqual({ id: 'once' });
  }
  await flow.settled({ counted: 2, duplicates: 1 });
  await flow.flush();
  await send(flow, 'umbrella', '7', '--timestamp', now);
  await flow.settled({ counted: 3 });

  expect(await flow.run(['usage'])).toMatchObject({
    exitCode: 0,
    stdout:
      'TENANT    SKU       AMOUNT  UNIT  PULSES\n' +
      'acme      cpu  1.250000001  h          2\n' +
      'umbrella  cpu            7  h          1\n' +
      '\n' +
      '1 pulse of these is not flushed yet.\n',
  });
  const day = ['--window', 'day', '--tz', 'Europe/Berlin', '--group-by', 'sku'];
  const byDay = await flow.call(['usage', ...day, '--tenant', 'umbrella', '--from', '2026-01-01']);
  expect(byDay.stdout).toMatch(/^WINDOW +SKU +AMOUNT +UNIT +PULSES\n\S+T00:00:00\+0[12]:00 +cpu/);
  const answer = JSON.parse(
    (await flow.call(['usage', '--json', '--limit', '1'])).stdout,
  ) as object;
  expect(answer).toMatchObject({
    data: [{ tenant: 'acme', product_sku: 'cpu', use_unity: 'h', used_amount: '1.250000001' }],
    next: expect.any(String) as string,
    pending: 1,
  });
  expect((await flow.call(['usage', '--tenant', 'nobody'])).stdout).toBe('None.\n');
  worker.signal('SIGTERM');
  await worker.ended;
});

test('a mistake is named by its option, and nothing is sent', async () => {
  const flow = await openFlow();
  await flow.flush();
  for (const [args, says] of [
    [['--amount', '0'], '--amount: '],
    [['--amount', '1e-10'], '--amount: '],
    [['--amount', '1', '--timestamp', 'yesterday'], '--timestamp: '],
    [['--amount', '1', '--id', ''], '--id: '],
    [[], "required option '--amount <number>'"],
  ] as const) {
    const { exitCode, stdout, stderr } = await flow.call([
      'send',
      '--tenant',
      'a',
      ...CPU,
      ...args,
    ]);
    expect({ says, exitCode, stdout }).toEqual({ says, exitCode: 2, stdout: '' });
    expect(stderr).toContain(says);
  }
  expect(await flow.producer.depth()).toBe(0);
  for (const [args, says] of [
    [['--tz', 'Mars'], '--tz: '],
    [['--from', 'yesterday'], '--from: '],
    [['--from', '2026-02-02', '--to', '2026-02-01'], '--to: must be after from'],
    [['--group-by', 'colour'], 'tenant, sku, unit'],
    [['--window', 'year'], 'hour, day, month, none'],
  ] as const) {
    const { exitCode, stdout, stderr } = await flow.call(['usage', ...args]);
    expect({ says, exitCode, stdout }).toEqual({ says, exitCode: 2, stdout: '' });
    expect(stderr).toContain(says);
    expect(stderr).not.toMatch(/^ +at /m);
  }
});

test('usage on servers that Pulse has not set up says what to do', async () => {
  const flow = await openFlow();
  await flow.flush();
  const url = new URL(flow.env.DATABASE_URL!);
  url.pathname = '/postgres';
  const { exitCode, stderr } = await flow.call(['usage'], { DATABASE_URL: url.href });
  expect(exitCode).toBe(1);
  expect(stderr).toContain('`pulse migrate`');
});
