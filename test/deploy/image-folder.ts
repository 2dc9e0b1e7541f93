/** What `docker build` would put into the image, made without an engine by following the steps of the Dockerfile. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { UserIds } from '../../src/private-servers/process-spec.ts';
import { nodeFor } from '../support/node-for.ts';
import type { PulseProgram } from '../support/pulse-process.ts';

export interface ImageFolder {
  /** The image's `/app`. Nothing there is writable for the image's user. */
  readonly app: string;
  /** The image's entry point, run as the image's user if the tests may switch users. */
  readonly program: PulseProgram;
  /** The arguments of a container that is started without any. */
  readonly command: readonly string[];
  remove(): void;
}

/** The image's user `node`. */
const NODE_USER: UserIds = { uid: 1000, gid: 1000 };

/** Makes it in a temporary folder from the dependencies and the build of this clone. */
export function makeImageFolder(): ImageFolder {
  const folder = mkdtempSync(join(tmpdir(), 'pulse-test-image-'));
  const [app, build] = [join(folder, 'app'), join(folder, 'build')];
  mkdirSync(app);
  mkdirSync(build);
  const stage = lastStage();

  // RUN … npm prune --omit=dev, in the stage that installs and builds everything.
  execFileSync('cp', ['-a', 'package.json', 'package-lock.json', 'dist', build]);
  execFileSync('cp', ['-a', 'node_modules/.', join(build, 'node_modules')]);
  const prune = ['prune', '--omit=dev', '--offline', '--no-audit', '--no-fund', '--loglevel=error'];
  execFileSync('npm', prune, { cwd: build, stdio: 'ignore' });

  for (const { fromBuild, source, target } of stage.copies) {
    const from = fromBuild ? join(build, basename(source)) : source;
    cpSync(from, join(app, target === './' ? basename(source) : target), {
      recursive: true,
      verbatimSymlinks: true,
    });
  }
  rmSync(build, { recursive: true });
  execFileSync('chmod', ['-R', 'a+rX,a-w', app]);
  execFileSync('chmod', ['755', folder]);

  const user = process.getuid?.() === 0 ? NODE_USER : undefined;
  const [interpreter, ...args] = withoutInit(stage.entrypoint);
  if (interpreter !== 'node') throw new Error(`The entry point is ${String(interpreter)}.`);
  return {
    app,
    program: { command: user === undefined ? process.execPath : nodeFor(user, folder), args, user },
    command: stage.command,
    remove() {
      execFileSync('chmod', ['-R', 'u+w', folder]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface Stage {
  readonly copies: { fromBuild: boolean; source: string; target: string }[];
  readonly entrypoint: string[];
  readonly command: string[];
}

/** The stage that becomes the image. Every instruction in it must be known here, or the tests would miss it. */
function lastStage(): Stage {
  const text = readFileSync('Dockerfile', 'utf8').replaceAll(/\\\n\s*/g, '');
  const lines = text.slice(text.lastIndexOf('FROM ')).split('\n').slice(1);
  const stage: Stage = { copies: [], entrypoint: [], command: [] };
  for (const line of lines) {
    const [, instruction, rest = ''] = /^([A-Z]+) (.+)$/.exec(line) ?? [];
    if (instruction === 'COPY') {
      const [source = '', target = ''] = rest.split(' ').filter((part) => !part.startsWith('--'));
      stage.copies.push({ fromBuild: rest.includes('--from=build'), source, target });
    } else if (instruction === 'ENTRYPOINT')
      stage.entrypoint.push(...(JSON.parse(rest) as string[]));
    else if (instruction === 'CMD') stage.command.push(...(JSON.parse(rest) as string[]));
  }
  return stage;
}

/** tini only forwards signals and reaps orphans; outside a container the system's init does that. */
function withoutInit(entrypoint: readonly string[]): readonly string[] {
  return entrypoint[0]?.endsWith('/tini') === true
    ? entrypoint.slice(entrypoint.indexOf('--') + 1)
    : entrypoint;
}
