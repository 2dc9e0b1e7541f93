/** Runs a command as somebody would who pastes it into a shell, and reads what its last curl received. */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { SeenAnswer } from './openapi-checker.ts';
import { shellPath } from './shell-path.ts';

/** Every curl, nested ones too, leaves its answer in files that sort by the time they ended. */
const CURL_THAT_LEAVES_TRACES = `
curl() {
  local trace; trace=$(mktemp -p "$TRACES")
  command curl --max-time 30 -D "$trace.head" "$@" > "$trace" || return
  cat "$trace"
  local ended; ended=$(date +%s%N)
  mv "$trace.head" "$TRACES/$ended.head"; mv "$trace" "$TRACES/$ended.body"
}
set -euo pipefail
`;

/** @throws Error The command failed, or it ran no curl. */
export async function runPasted(
  command: string,
  env: Readonly<Record<string, string>>,
): Promise<SeenAnswer> {
  const traces = await mkdtemp(join(tmpdir(), 'pulse-pasted-'));
  try {
    await promisify(execFile)('bash', ['-c', CURL_THAT_LEAVES_TRACES + command], {
      env: { PATH: shellPath(), ...env, TRACES: traces },
      maxBuffer: 64 * 1024 * 1024,
    });
    const last = (await readdir(traces))
      .filter((name) => name.endsWith('.head'))
      .sort()
      .at(-1);
    if (last === undefined) throw new Error('No curl was run.');
    const head = await readFile(join(traces, last), 'utf8');
    return {
      status: Number(/^HTTP\/[\d.]+ (\d+)/.exec(head)?.[1]),
      contentType: /^content-type: (.*)\r$/im.exec(head)?.[1],
      body: await readFile(join(traces, last.replace('.head', '.body')), 'utf8'),
    };
  } finally {
    await rm(traces, { recursive: true, force: true });
  }
}
