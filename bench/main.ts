/** `npm run bench`: runs the scenarios on private servers, prints a table, writes bench/results. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { createLogger } from '../src/platform/logger.ts';
import { SCENARIOS } from './catalog.ts';
import { describeMachine } from './machine.ts';
import { describeTable } from './report/table.ts';
import { writeResults, type BenchReport } from './report/write-results.ts';
import { runScenario } from './run-scenario.ts';
import type { BenchContext, Scenario, ScenarioResult } from './scenario.ts';
import { startBenchServers, type BenchServers } from './servers.ts';

interface Flags {
  readonly only?: readonly string[];
  readonly quick?: true;
  readonly json?: true;
  readonly rounds?: number;
  readonly profile?: string;
  readonly set?: readonly string[];
  readonly workers?: number;
}

const ROUNDS = { full: 5, quick: 3 };

const command = new Command('npm run bench --')
  .description('Measure Pulse against references in the same run, on private servers.')
  .addOption(
    new Option('--only <names...>', 'run only these; the others keep their last results').choices(
      SCENARIOS.map(({ name }) => name),
    ),
  )
  .option('--quick', 'smaller sizes, fewer rounds: under 3 minutes, figures are rough')
  .option('--json', 'print the results as JSON instead of a table')
  .option(
    '--rounds <n>',
    `rounds of each scenario (default ${ROUNDS.full}, quick ${ROUNDS.quick})`,
    toCount,
  )
  .option(
    '--profile <directory>',
    'write CPU profiles of the measured processes to this folder; the results are not kept',
  )
  .option(
    '--set <name=value...>',
    'settings of the measured workers, such as BATCH_SIZE=4000; the results are not kept',
  )
  .option(
    '--workers <n>',
    'worker processes that drain one queue together; the results are not kept',
    toCount,
  )
  .addHelpText(
    'after',
    '\nExamples:\n  $ npm run bench\n  $ npm run bench -- --only ingest flush --json',
  )
  .action(async (flags: Flags) => {
    // A failed scenario may leave a child behind, which would keep this process alive.
    process.exit(await runBench(flags));
  });
await command.parseAsync();

async function runBench(flags: Flags): Promise<number> {
  const quick = flags.quick === true;
  const wanted = SCENARIOS.filter(({ name }) => flags.only?.includes(name) ?? true);
  const settings = {
    quick,
    rounds: flags.rounds ?? (quick ? ROUNDS.quick : ROUNDS.full),
    profile: flags.profile !== undefined,
  };
  const tell = (line: string): void => {
    process.stderr.write(`${line}\n`);
  };
  if (quick)
    tell('Quick: small sizes and few rounds. Everything is checked, but the figures are rough.');
  const machine = describeMachine();
  const workerEnv = Object.fromEntries((flags.set ?? []).map(toSetting));
  const workerCount = flags.workers ?? 1;
  const options = { ...settings, profileDirectory: flags.profile, workerEnv, workerCount, tell };
  const results: ScenarioResult[] = [];
  const report = await runAll(wanted, options, machine.commit, (result, serverVersions) => {
    results.push(result);
    if (result.error !== null) tell(`${result.name} failed: ${result.error}`);
    const versions = { ...machine.versions, ...serverVersions };
    // Figures from other settings or with profiling would mislead later readers.
    if (flags.set !== undefined || flags.workers !== undefined || settings.profile)
      return undefined;
    // After each scenario, so that an interruption does not lose what was already measured.
    return writeResults({ machine: { ...machine, versions }, settings, results });
  });
  print(report, results, flags.json === true);
  return results.every(({ verified }) => verified) ? 0 : 1;
}

async function runAll(
  wanted: readonly Scenario[],
  options: Omit<BenchContext, 'servers' | 'logger' | 'nextNumber' | 'timestamp'>,
  commit: string,
  onResult: (
    result: ScenarioResult,
    serverVersions: BenchServers['versions'],
  ) => BenchReport | undefined,
): Promise<BenchReport | undefined> {
  const servers = await startBenchServers(options.tell);
  let lastNumber = 0;
  const context: BenchContext = {
    ...options,
    servers,
    logger: createLogger({ level: 'error', pretty: false, secrets: [] }),
    nextNumber: () => ++lastNumber,
    timestamp: new Date().toISOString(),
  };
  // Ctrl-C: the servers and children end with this process.
  const stop = (): never => process.exit(130);
  process.on('SIGINT', stop).on('SIGTERM', stop);
  let report: BenchReport | undefined;
  try {
    for (const scenario of wanted) {
      report = onResult(await runScenario(context, scenario, commit), servers.versions);
    }
    return report;
  } finally {
    await servers.stop();
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

function print(
  report: BenchReport | undefined,
  results: readonly ScenarioResult[],
  json: boolean,
): void {
  const text = json ? JSON.stringify({ ...report, scenarios: results }) : describeTable(results);
  process.stdout.write(`${text}\n`);
}

/** @throws InvalidArgumentError unless it is `NAME=value`. */
function toSetting(text: string): [string, string] {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError(`"${text}" is not NAME=value.`);
  return [text.slice(0, at), text.slice(at + 1)];
}

function toCount(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 100) {
    throw new InvalidArgumentError('must be a whole number from 1 to 100.');
  }
  return value;
}
