/** The examples in docs/exports.md work when pasted. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test, vi } from 'vitest';
import { createPulseClient } from '../../clients/typescript/src/pulse-client.ts';
import { MANY_STEPS_TIMEOUT_MS, temporaryDirectory } from '../support/pulse-process.ts';
import { shellPath } from '../support/shell-path.ts';
import { openFlow, PASSWORD } from './flow-fixture.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

test('the examples about exports write, watch, download and check a file', async () => {
  const flow = await openFlow();
  const { ready } = await flow.start('start');
  const client = createPulseClient({ url: ready.api! });
  const { token } = await client.login({ username: 'admin', password: PASSWORD });
  const page = readFileSync('docs/exports.md', 'utf8');
  const scripts = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, script = '']) => script);
  expect(scripts).toHaveLength(2);
  const cwd = temporaryDirectory();
  const main = resolve('dist/main.js');
  const script = scripts.join('').replace(/^pulse /gm, `node ${main} `);
  const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', script], {
    cwd,
    env: { PATH: shellPath(), ...flow.env, API: `${ready.api!}/api/v1`, TOKEN: token },
  });
  expect(stdout).toMatch(/^usage\.csv is what the manifest says/m);
  expect(stdout).toMatch(/"state":"ready"/);
  expect(stdout).toMatch(/usage-export\.csv is what the manifest says/m);
  const read = (name: string) => readFileSync(join(cwd, name), 'utf8');
  expect(read('usage-by-link.csv')).toBe(read('usage-export.csv'));
  expect(read('usage-by-link.csv')).toMatch(/^window_start,/);
});
