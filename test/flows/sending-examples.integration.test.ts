import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect, test, vi } from 'vitest';
import { MANY_STEPS_TIMEOUT_MS } from '../support/pulse-process.ts';
import { shellPath } from '../support/shell-path.ts';
import { openFlow, PASSWORD } from './flow-fixture.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

const PAGE = 'docs/api.md';

/** The shell examples of the section on sending, in order. */
function examples(): string[] {
  const [, section = ''] = readFileSync(PAGE, 'utf8').split(/^## Sending pulses$/m);
  const [own = ''] = section.split(/^## /m);
  return [...own.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, script = '']) => script);
}

test('every example in the documentation works when pasted', async () => {
  const flow = await openFlow();
  const { ready } = await flow.start('start');
  const API = `${ready.api!}/api/v1`;
  const login = await fetch(`${API}/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: 'admin', password: PASSWORD }),
  });
  const { Auth } = (await login.json()) as { Auth: { Token: string } };
  const scripts = examples();
  expect(scripts.length).toBeGreaterThanOrEqual(4);
  let accepted = 0;
  for (const script of scripts) {
    const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', script], {
      env: { PATH: shellPath(), API, TOKEN: Auth.Token },
    });
    const counts = [...stdout.matchAll(/"accepted":(\d+)/g)].map(([, count]) => Number(count));
    expect(counts, script).toHaveLength(script.match(/\bcurl\b/g)!.length);
    expect(Math.min(...counts), stdout).toBeGreaterThan(0);
    accepted += counts.reduce((sum, count) => sum + count, 0);
  }
  await flow.settled({ counted: accepted });
  expect(await flow.verify()).toMatchObject({ counted: accepted, duplicates: 0, drift: 0 });
});
