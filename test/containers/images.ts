/**
 * Global set-up: the images of the compose file. No registry is used: the Dockerfile's base is made from Debian's
 * packages and npm's Node, under its own name, and Debian's servers replace the images of the servers.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';
import { createEngine, ULIMITS, type Engine } from './engine.ts';
import { SERVERS_CONTAINERFILE } from './stand-in-servers.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** A text says why there are none. */
    images:
      { readonly cacheFolder: string; readonly pulse: string; readonly servers: string } | string;
  }
}

const execute = promisify(execFile);
const BUILD = [
  '--isolation',
  'chroot',
  '--network',
  'host',
  '--layers',
  '--pull=never',
  ...ULIMITS,
];
const BUILD_TIMEOUT_MS = 10 * 60_000;
/** Layers that were not used for this long are removed. */
const UNUSED = 'until=168h';

// Scripts have no types, because they run before anything is built.
const path = '../../scripts/bare-system.js';
const bare = (await import(path)) as {
  Unavailable: new (message: string) => Error;
  baseSystem: () => Promise<string>;
  cacheFolder: () => string;
  copySystem: (base: string, options: { root: string; node: string }) => Promise<string>;
  haveProgram: (program: string, packages: readonly string[]) => Promise<void>;
};

export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const tell = (line: string): void => {
    project.vitest.logger.log(line);
  };
  try {
    const base = await bare.baseSystem();
    await bare.haveProgram('podman', ['podman', 'runc']);
    await bare.haveProgram('runc', ['runc']);
    const engine = createEngine(bare.cacheFolder());
    const from = await importBase(engine, base, tell);
    const pulse = `localhost/pulse:test-${process.pid}`;
    const servers = `localhost/pulse-test-servers:${process.pid}`;
    tell('Building the image of the Dockerfile …');
    await engine.podman(['build', ...BUILD, '--tag', pulse, '.'], { timeoutMs: BUILD_TIMEOUT_MS });
    tell("Building an image with Debian's RabbitMQ, Redis and Postgres …");
    await buildServers(engine, { from, tag: servers });
    project.provide('images', { cacheFolder: bare.cacheFolder(), pulse, servers });
    return async () => {
      await engine.podman(['rmi', '--force', pulse, servers]);
      await engine.podman(['image', 'prune', '--force', '--filter', UNUSED]);
    };
  } catch (error) {
    if (!(error instanceof bare.Unavailable)) throw error;
    tell(`Skipped: the tests of the image and the compose file. ${error.message}.`);
    project.provide('images', error.message);
    return () => Promise.resolve();
  }
}

/** Makes the base image of the Dockerfile if it is missing. @returns Its name. */
async function importBase(
  engine: Engine,
  base: string,
  tell: (line: string) => void,
): Promise<string> {
  const names = [...readFileSync('Dockerfile', 'utf8').matchAll(/^FROM (\S+)/gm)];
  const [name = '', ...others] = new Set(names.map(([, from = '']) => from));
  const [, node] = /^node:(\d+\.\d+\.\d+)-trixie-slim$/.exec(name) ?? [];
  if (node === undefined || others.length > 0) {
    throw new Error(
      `The Dockerfile is built from ${[name, ...others].join(', ')}, not from one Debian trixie with Node.`,
    );
  }
  const image = `docker.io/library/${name}`;
  const made = String(Math.floor(statSync(base).mtimeMs));
  const label = await engine
    .podman(['image', 'inspect', '--format', '{{ index .Labels "made-of" }}', image])
    .catch(() => '');
  if (label === made) return image;
  tell(`Making ${name} from Debian's packages and npm's Node ${node} …`);
  const folder = mkdtempSync(join(bare.cacheFolder(), 'image-base.'));
  const [root, tar] = [join(folder, 'root'), join(folder, 'tar')];
  try {
    await bare.copySystem(base, { root, node });
    await execute('chroot', [root, 'useradd', '--uid', '1000', '--create-home', 'node']);
    // Debian's slim images have no git and no lists of packages.
    const left = ['usr/bin/git', 'usr/lib/git-core', 'var/cache/apt/archives', 'var/lib/apt/lists'];
    const without = left.map((path) => `--exclude=./${path}`);
    await execute('tar', ['-C', root, ...without, '-cf', tar, '.']);
    await engine.podman(['import', '--change', `LABEL made-of=${made}`, tar, image]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return image;
}

async function buildServers(
  engine: Engine,
  { from, tag }: { from: string; tag: string },
): Promise<void> {
  const context = mkdtempSync(join(bare.cacheFolder(), 'servers.'));
  try {
    writeFileSync(join(context, 'Containerfile'), SERVERS_CONTAINERFILE);
    const args = ['build', ...BUILD, '--build-arg', `BASE=${from}`, '--tag', tag, context];
    await engine.podman(args, { timeoutMs: BUILD_TIMEOUT_MS });
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
}
