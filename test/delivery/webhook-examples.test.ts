/** The receivers in docs/webhooks.md run, verify what Pulse signs, and drop what they know. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { webhookBody } from '../../src/delivery/delivery.ts';
import { newSecret, signedHeaders } from '../../src/delivery/signature.ts';
import { webhookIdOf, type Message } from '../../src/events/events.ts';
import { freePort } from '../../src/private-servers/free-port.ts';
import { eventually } from '../support/eventually.ts';
import { temporaryDirectory } from '../support/pulse-process.ts';

const MESSAGE: Message = {
  ...{ producer: 'billing', id: 'invoice-7', type: 'invoice.paid', typeVersion: 1 },
  ...{ client: '123', number: '42', data: '{"total":"9.90"}' },
  ...{ occurredAt: new Date(), storedAt: new Date() },
};

/** What the example uses of the public package, for where Python does not have it. */
const PYTHON_PACKAGE = `
import base64, hashlib, hmac, json

class Webhook:
    def __init__(self, secret):
        self.key = base64.b64decode(secret.removeprefix("whsec_"))

    def verify(self, body, headers):
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body}".encode()
        digest = base64.b64encode(hmac.new(self.key, signed, hashlib.sha256).digest()).decode()
        for signature in headers["webhook-signature"].split(" "):
            if hmac.compare_digest(signature, f"v1,{digest}"):
                return json.loads(body)
        raise ValueError("no signature matches")
`;

function example(language: string): string {
  const page = readFileSync('docs/webhooks.md', 'utf8');
  const [found, ...others] = page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'));
  expect(others).toEqual([]);
  return found![1]!;
}

/** Starts a receiver, and waits until it listens. */
async function startReceiver(command: string, args: string[], cwd: string) {
  const secret = newSecret();
  const port = await freePort();
  const program = spawn(command, args, {
    cwd,
    env: { PATH: process.env.PATH, WEBHOOK_SECRET: secret, PORT: String(port), PYTHONPATH: cwd },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  onTestFinished(async () => {
    program.kill('SIGKILL');
    if (program.exitCode === null && program.signalCode === null) await once(program, 'exit');
  });
  let output = '';
  program.stdout.on('data', (part: Buffer) => (output += part.toString()));
  const post = async (headers: Record<string, string>, body: Buffer) => {
    const answer = await fetch(`http://127.0.0.1:${port}/pulse`, { method: 'POST', headers, body });
    return answer.status;
  };
  await eventually(() => post({}, Buffer.from('{}')).catch(() => 0)).toBe(400);
  return { secret, post, output: () => output };
}

async function check(receiver: Awaited<ReturnType<typeof startReceiver>>): Promise<void> {
  const body = webhookBody(MESSAGE);
  const timestampSec = Math.floor(Date.now() / 1000);
  const { secret, post, output } = receiver;
  const secrets = [newSecret(), secret];
  const headers = signedHeaders({ id: webhookIdOf(MESSAGE), timestampSec, body, secrets });
  expect(await post(headers, body)).toBe(204);
  expect(await post(headers, body)).toBe(204);
  expect(await post(headers, Buffer.from(body.toString().replace('9.90', '0.90')))).toBe(400);
  await eventually(() => Promise.resolve(output())).toMatch(
    /^invoice\.paid \{"total": ?"9\.90"\}\n$/,
  );
}

test('the receiver in Node.js verifies, drops what it knows, and refuses what was changed', async () => {
  const directory = temporaryDirectory();
  symlinkSync(resolve('node_modules'), join(directory, 'node_modules'));
  writeFileSync(join(directory, 'receiver.mjs'), example('js'));
  await check(await startReceiver(process.execPath, ['receiver.mjs'], directory));
});

test('the receiver in Python verifies, drops what it knows, and refuses what was changed', async () => {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, 'standardwebhooks'));
  writeFileSync(join(directory, 'standardwebhooks', 'webhooks.py'), PYTHON_PACKAGE);
  writeFileSync(join(directory, 'receiver.py'), example('python'));
  await check(await startReceiver('python3', ['receiver.py'], directory));
});
