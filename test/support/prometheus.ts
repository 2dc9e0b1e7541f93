/** A real Prometheus for one test, from the system's packages. Installed when missing, as the servers are. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';
import { findInstaller, installPackages } from '../../src/private-servers/debian-packages.ts';
import { freePort } from '../../src/private-servers/free-port.ts';
import { findProgram, usualSearch } from '../../src/private-servers/programs.ts';
import { eventually } from './eventually.ts';
import { temporaryDirectory } from './pulse-process.ts';

const run = promisify(execFile);

export interface PrometheusPrograms {
  readonly prometheus: string;
  readonly promtool: string;
}

/** One line of a graph; times in seconds. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [number, string])[];
}

export interface Rule {
  readonly name: string;
  readonly query: string;
  readonly health: string;
  readonly lastError?: string;
}

export interface Prometheus {
  /** Evaluates an expression for every second of a time span. */
  queryRange(expr: string, span: { fromSec: number; toSec: number }): Promise<Series[]>;
  /** How many series an expression returns now. */
  countSeries(expr: string): Promise<number>;
  /** Resolves when every target has been scraped once more. */
  scraped(): Promise<void>;
  rules(): Promise<Rule[]>;
}

/** Finds the two programs. @throws Error They are missing and cannot be installed. */
export async function findPrometheus(): Promise<PrometheusPrograms> {
  const search = usualSearch();
  const find = (): PrometheusPrograms | undefined => {
    const prometheus = findProgram('prometheus', search);
    const promtool = findProgram('promtool', search);
    return prometheus === null || promtool === null ? undefined : { prometheus, promtool };
  };
  const present = find();
  if (present !== undefined) return present;
  const installer = await findInstaller(search);
  if (installer !== null) await installPackages({ packages: ['prometheus'], installer, search });
  const installed = find();
  if (installed !== undefined) return installed;
  throw new Error('This test needs prometheus and promtool on the PATH, and may not install them.');
}

/** Runs promtool with `input` on standard input. Returns what it printed, whether or not the check passed. */
export async function runPromtool(
  { promtool }: PrometheusPrograms,
  args: readonly string[],
  input = '',
): Promise<{ ok: boolean; output: string }> {
  const running = run(promtool, [...args], { timeout: 30_000 });
  running.child.stdin?.end(input);
  try {
    const { stdout, stderr } = await running;
    return { ok: true, output: stdout + stderr };
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    return { ok: false, output: stdout + stderr };
  }
}

/** Starts it on a free port; it is removed, with its data, when the test ends. */
export async function startPrometheus(
  { prometheus }: PrometheusPrograms,
  { targets, rules }: { targets: readonly string[]; rules: string },
): Promise<Prometheus> {
  const directory = temporaryDirectory();
  const port = await freePort();
  const config = {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: [rules],
    scrape_configs: [{ job_name: 'pulse', static_configs: [{ targets }] }],
  };
  const file = join(directory, 'prometheus.yml');
  // JSON is YAML.
  writeFileSync(file, JSON.stringify(config));
  const child = spawn(
    prometheus,
    [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=warn',
    ],
    { stdio: 'ignore' },
  );
  const ended = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const url = `http://127.0.0.1:${port}`;
  await eventually(async () => {
    const answer = await fetch(`${url}/-/ready`).catch(() => undefined);
    return answer?.status;
  }).toBe(200);
  return createClient(url);
}

function createClient(url: string): Prometheus {
  const ask = async <T>(path: string, query: Readonly<Record<string, string>>): Promise<T> => {
    const answer = await fetch(`${url}/api/v1/${path}?${new URLSearchParams(query).toString()}`);
    const body = (await answer.json()) as { status: string; data: T; error?: string };
    if (body.status !== 'success') throw new Error(`${query.query ?? path}: ${body.error ?? ''}`);
    return body.data;
  };
  const query = async (expr: string) => {
    type Answer = { result: { value: [seconds: number, value: string] }[] };
    return (await ask<Answer>('query', { query: expr })).result;
  };
  return {
    async queryRange(expr, { fromSec, toSec }) {
      const { result } = await ask<{ result: Series[] }>('query_range', {
        query: expr,
        start: String(fromSec),
        end: String(toSec),
        step: '1',
      });
      return result;
    },
    async countSeries(expr) {
      return (await query(expr)).length;
    },
    async scraped() {
      const count = async (): Promise<number> =>
        Number((await query('min(count_over_time(up[10m]))'))[0]?.value[1] ?? 0);
      const before = await count();
      await eventually(count).toBeGreaterThan(before);
    },
    async rules() {
      const { groups } = await ask<{ groups: { rules: Rule[] }[] }>('rules', {});
      return groups.flatMap(({ rules }) => rules);
    },
  };
}
