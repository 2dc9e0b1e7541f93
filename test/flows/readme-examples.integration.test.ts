import { execFile } from 'node:child_process';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test, vi } from 'vitest';
import { MANY_STEPS_TIMEOUT_MS, temporaryDirectory } from '../support/pulse-process.ts';
import { shellPath } from '../support/shell-path.ts';
import { openFlow, PASSWORD, type Flow } from './flow-fixture.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

/** A program that does not end is killed, and its test fails. */
const PROGRAM_TIMEOUT_MS = 60_000;

function blocks(language: string): string[] {
  const readme = readFileSync('README.md', 'utf8');
  const fence = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms');
  return [...readme.matchAll(fence)].map(([, text = '']) => text);
}

/** The only shell block that contains a text. */
function shellBlock(text: string): string {
  const found = blocks('sh').filter((block) => block.includes(text));
  expect(found).toHaveLength(1);
  return found[0]!;
}

async function paste(flow: Flow, script: string, env: Readonly<Record<string, string>> = {}) {
  const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', script], {
    env: { PATH: shellPath(), ...flow.env, ...env },
    timeout: PROGRAM_TIMEOUT_MS,
  });
  return stdout;
}

test('the program in the README sends a pulse that is counted, and ends', async () => {
  const flow = await openFlow();
  await flow.start('worker');
  const [program = '', ...others] = blocks('js');
  expect(others).toEqual([]);
  const directory = temporaryDirectory();
  // Instead of npm install, which needs a registry.
  symlinkSync(resolve('node_modules'), join(directory, 'node_modules'));
  const script = shellBlock('node send.mjs');
  const name = /node (\S+)/.exec(script)![1]!;
  writeFileSync(join(directory, name), program.replaceAll("'pulses'", `'${flow.queue}'`));
  await promisify(execFile)(process.execPath, [name], {
    cwd: directory,
    env: { RABBITMQ_URL: flow.env.RABBITMQ_URL! },
    timeout: PROGRAM_TIMEOUT_MS,
  });
  await flow.settled({ counted: 1 });
  expect(await flow.verify()).toMatchObject({ counted: 1, deadLetters: 0, drift: 0 });
});

test('the first commands and API calls of the README show the pulses that they send', async () => {
  const flow = await openFlow();
  const { ready } = await flow.start('start');
  const first = shellBlock('main.js send').split('\n');
  expect(await paste(flow, first[0]!)).toMatch(/^[0-9a-f-]{36}\n$/);
  await flow.settled({ counted: 1 });
  expect(await paste(flow, first[1]!)).toMatch(/^acme +cpu +0\.25 +h +1$/m);

  const script = shellBlock('API=')
    .replace('http://127.0.0.1:3000', ready.api!)
    .replace('"total_messages":100000', '"total_messages":10');
  // Wait between sending and reading until the pulse is counted, so that every reading shows it.
  const [sending = '', readings = ''] = script.split(/^(?=# Sums of)/m);
  const isCounted = `until [ "$(node dist/main.js usage --json | grep -c '"pulse_count":2')" = 1 ]; do sleep 0.2; done\n`;
  const answers = await paste(flow, sending + isCounted + readings, { ADMIN_PASSWORD: PASSWORD });
  expect(answers).toMatch(/"accepted":1/);
  expect(answers).toMatch(/"used_amount":"0.5","pulse_count":2,"provisional":true/);
  expect(answers).toMatch(/"total":1\b/);
  expect(answers).toMatch(/HTTP\/1.1 202 .*\nlocation: /is);

  const [login = ''] = script.split(/^(?=# Send a pulse)/m);
  const isCompleted = 'until curl -s "$API/orders/$ORDER" -H "$AUTH" | grep -q \'"completed"\'';
  const orders = shellBlock('X-Idempotency-Key').replace(
    /^sleep \d+$/m,
    `${isCompleted}; do sleep 0.2; done`,
  );
  const order = await paste(flow, login + orders, { ADMIN_PASSWORD: PASSWORD });
  expect(order).toMatch(/"status":"completed".*"total_amount":"5"/);
});
