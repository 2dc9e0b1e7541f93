// `npm run check`: everything that needs no server. The steps run in parallel, and each prints its findings when it
// ends. `--no-cache` ignores the results of earlier runs: where an import leads also depends on files other than the
// changed one, which the cache does not notice.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const isCached = !process.argv.includes('--no-cache');

const STEPS = {
  lint: ['oxlint/bin/oxlint'],
  imports: [
    ...['eslint/bin/eslint.js', 'src'],
    ...cache('--cache', '--cache-location', '.pulse/eslint-cache'),
  ],
  types: [
    'typescript-7/bin/tsc',
    '--noEmit',
    ...cache('--incremental', '--tsBuildInfoFile', '.pulse/check.tsbuildinfo'),
  ],
  format: [
    ...['prettier/bin/prettier.cjs', '--check', '--log-level=warn', '.'],
    ...cache('--cache', '--cache-location', '.pulse/prettier-cache'),
  ],
  console: ['typescript-7/bin/tsc', '-p', 'web/tsconfig.json', '--noEmit'],
  client: ['typescript-7/bin/tsc', '-p', 'clients/typescript/tsconfig.build.json', '--noEmit'],
  style: ['vitest/vitest.mjs', 'run', '--project', 'tidy'],
};

const codes = await Promise.all(Object.entries(STEPS).map(([name, args]) => runStep(name, args)));
process.exitCode = codes.every((code) => code === 0) ? 0 : 1;

function cache(...options) {
  return isCached ? options : [];
}

/** Resolves with the exit code. */
function runStep(name, [program, ...args]) {
  const startedMs = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [`node_modules/${program}`, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...(process.stdout.isTTY ? { FORCE_COLOR: '1' } : {}) },
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => (output += text));
    }
    child.once('error', reject);
    child.once('close', (code) => {
      const seconds = Math.round((performance.now() - startedMs) / 1000);
      const failed = code === 0 ? '' : `\n${output.trim()}\n`;
      process.stdout.write(`${code === 0 ? '✓' : '✗'} ${name}, ${seconds} s${failed}\n`);
      resolve(code);
    });
  });
}
