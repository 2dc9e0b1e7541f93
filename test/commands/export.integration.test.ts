import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { makeTraffic, openFlow, toMessage } from '../flows/flow-fixture.ts';
import { MANY_STEPS_TIMEOUT_MS } from '../support/pulse-process.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

test('export writes a file and its manifest, which verify-export checks', async () => {
  const flow = await openFlow();
  await flow.start('worker');
  await flow.producer.publish(makeTraffic(50, 'cooked').map(toMessage));
  await flow.settled({ counted: 45 });
  await flow.flush();
  const directory = await mkdtemp(join(tmpdir(), 'pulse-export-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const output = join(directory, 'usage.csv');
  const ask = ['export', 'usage', '--spreadsheet', '--output', output];

  const made = await flow.run([...ask, '--json']);
  expect(made).toMatchObject({ exitCode: 0 });
  expect(await readdir(directory)).toEqual(['usage.csv', 'usage.csv.manifest.json']);
  expect((await stat(output)).mode & 0o777).toBe(0o600);
  expect(JSON.parse(await readFile(`${output}.manifest.json`, 'utf8'))).toEqual(
    JSON.parse(made.stdout),
  );
  expect((await readFile(output, 'utf8')).startsWith('\ufeff')).toBe(true);
  expect(await flow.call(['verify-export', output, '--books'])).toMatchObject({ exitCode: 0 });

  expect(await flow.call(ask)).toMatchObject({ exitCode: 2 });
  await writeFile(output, 'x');
  const changed = await flow.call(['verify-export', output]);
  expect(changed).toMatchObject({ exitCode: 1 });
  expect(changed.stdout).toContain(
    `${output} is not what the manifest says. Download or export it again.`,
  );
  expect(await flow.call([...ask, '--force'])).toMatchObject({ exitCode: 0 });
  expect(await flow.call(['verify-export', output])).toMatchObject({ exitCode: 0 });
});
