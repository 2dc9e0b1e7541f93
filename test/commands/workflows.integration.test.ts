import { readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { MANY_STEPS_TIMEOUT_MS } from '../support/pulse-process.ts';
import { runInProcess, runInProcessForJson } from '../support/run-in-process.ts';
import { useWorkflowsFixture } from '../workflows/workflows-fixture.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

const fixture = useWorkflowsFixture();
const output = join(tmpdir(), `pulse-workflow-${process.pid}.csv`);
afterAll(() => rm(output, { force: true }));

const pulse = (...args: string[]) => runInProcess(['workflows', ...args], fixture.env);
const DATA = '{"n":12345678901234567890.10,"t":"=1"}';

test('lists, shows and consumes workflows, with every digit, and the audit log says who', async () => {
  const body = `{"data": ${DATA}, "steps": ["price", "invoice"]}`;
  const id = String((await fixture.ask('POST', '/workflow', { body })).body.uuid);
  await expect.poll(fixture.depth).toBe(1);

  const list = await pulse('list', '--status', 'inserted');
  expect(list.stdout).toMatch(new RegExp(`^${id} +inserted `, 'm'));
  expect((await pulse('list', '--step', 'price', '--json')).stdout).toContain(`"data":${DATA}`);
  expect((await pulse('show', id)).stdout).toContain(`  data      ${DATA}`);
  expect((await pulse('show', id, '--json')).stdout).toContain(`"data":${DATA}`);
  expect(await pulse('show', id, '--csv')).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('is not consumed') as string,
  });

  const consumed = await pulse('consume', '--as', 'carla', '--output', output, '--spreadsheet');
  expect(consumed).toMatchObject({ exitCode: 0, stdout: '' });
  expect(consumed.stderr).toContain(`${id} is consumed. Its steps: price, invoice`);
  expect(await readFile(output, 'utf8')).toBe("\ufeffn,t\r\n12345678901234567890.10,'=1\r\n");
  expect((await stat(output)).mode & 0o777).toBe(0o600);
  expect((await pulse('show', id, '--csv')).stdout).toBe('n,t\r\n12345678901234567890.10,=1\r\n');
  const shown = await runInProcessForJson<{ consumed_by: string }>(
    ['workflows', 'show', id, '--json'],
    fixture.env,
  );
  expect(shown.consumed_by).toBe('carla');
  const { rows } = await fixture.pool.query('SELECT actor FROM audit_log WHERE subject = $1', [
    `consume workflow ${id}`,
  ]);
  expect(rows).toEqual([{ actor: 'carla' }]);
});

test('puts a consumed workflow back, and says so when it waits already', async () => {
  const id = await fixture.insert({ a: 1 });
  await expect.poll(fixture.depth).toBe(1);
  expect((await pulse('consume')).stdout).toBe('a\r\n1\r\n');
  expect(await pulse('put-back', id, '--as', 'carla')).toMatchObject({
    ...{ exitCode: 0, stdout: `${id} is back in the queue.\n` },
  });
  await expect.poll(fixture.depth).toBe(1);
  expect((await fixture.ask('GET', `/workflow/${id}`)).body.status).toBe('inserted');
  expect((await pulse('put-back', id)).stdout).toBe(`${id} waits already.\n`);
  expect((await pulse('consume')).stdout).toBe('a\r\n1\r\n');
  const { rows } = await fixture.pool.query('SELECT actor FROM audit_log WHERE subject = $1', [
    `put back workflow ${id}`,
  ]);
  expect(rows).toEqual([{ actor: 'carla' }]);
  expect(await pulse('put-back', 'none')).toMatchObject({ exitCode: 1 });
});

test('consumes nothing where it cannot write, or nothing waits', async () => {
  const id = await fixture.insert({ a: 1 });
  const inNoFolder = join(tmpdir(), 'no such folder', 'x.csv');
  expect(await pulse('consume', '--output', inNoFolder)).toMatchObject({ exitCode: 2 });
  expect((await fixture.ask('GET', `/workflow/${id}`)).body.status).toBe('inserted');
  expect(await pulse('consume')).toMatchObject({ exitCode: 0, stdout: 'a\r\n1\r\n' });
  const empty = join(tmpdir(), `pulse-no-workflow-${process.pid}.csv`);
  expect(await pulse('consume', '--output', empty)).toMatchObject({
    exitCode: 0,
    stderr: expect.stringContaining('The queue is empty.') as string,
  });
  await expect(stat(empty)).rejects.toThrow('ENOENT');
});
