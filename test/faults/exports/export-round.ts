/** One round of exports and workflows: a new installation, callers, faults, recovery, and the check. */
import { writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { sleep } from '../../../src/platform/backoff.ts';
import { createRandom } from '../../../src/populate/random.ts';
import { between, pick } from '../fault.ts';
import { playRound } from '../played-round.ts';
import { runChild } from '../pulse-child.ts';
import { firstEnvOf, injectAll } from '../staged-fault.ts';
import type { RoundKind, StagedResult, StagedRound } from '../staged-rounds.ts';
import { keepDoing } from '../staged-system.ts';
import type { RoundOptions } from '../stage.ts';
import { checkExports, type ExportsVerdict } from './export-checker.ts';
import { askAgain, download, playExports } from './export-client.ts';
import { writeMore } from './export-data.ts';
import { EXPORT_FAULTS } from './export-faults.ts';
import { checkFile, readNeededFiles } from './export-left.ts';
import { planExports, type ExportIntent } from './export-plan.ts';
import { createWorkflowPlay, type WorkflowsVerdict } from './workflow-play.ts';
import { openExportStage, type ExportStage } from './export-stage.ts';

const EXPORTS = 16;
const WRITE_MS = 100;

export const EXPORT_ROUNDS: RoundKind = {
  name: 'exports',
  ...EXPORT_FAULTS,
  run: runExportRound,
  ciRounds: [{ seed: 1, faults: ['crash-exporter-written', 'crash-api-handled'] }],
};

async function runExportRound(
  { seed, faults: names }: StagedRound,
  options: RoundOptions,
): Promise<StagedResult<ExportsVerdict & WorkflowsVerdict>> {
  const faults = EXPORT_FAULTS.chooseFaults(names, seed);
  const failureCodes = new Set(faults.flatMap(({ failureCode }) => failureCode ?? []));
  const smallDisk = faults.some((fault) => fault.smallDisk === true);
  const played = await playRound(
    options.directory,
    () => openExportStage({ ...options, seed, smallDisk, firstEnv: firstEnvOf(faults, seed) }),
    async (stage, log) => {
      const durationMs = between(3_000, 5_000, createRandom(seed + 2));
      const intents = planExports(createRandom(seed + 1), { count: EXPORTS, durationMs });
      const writes = createRandom(seed + 3);
      const stopWriting = keepDoing(WRITE_MS, () => writeMore(stage.admin, writes));
      const workflows = createWorkflowPlay(stage.client.url, createRandom(seed + 5));
      const playingWorkflows = workflows.play(durationMs);
      const playing = playExports(intents, stage.client).catch((error: unknown) =>
        log.complaints.push(String(error)),
      );
      await Promise.all([injectAll(faults, stage, { seed, durationMs, log }), sleep(durationMs)]);
      await stage.heal();
      await Promise.all([playing, playingWorkflows]);
      await stopWriting();
      await workflows.settle();
      await stage.quieten(log.complaints);
      await workflows.stop();
      const checks = await compareFiles(intents, stage, createRandom(seed + 4));
      log.complaints.push(...checks.complaints);
      const sweptCount = await stage.sweep(log.complaints);
      await stage.stop(log.complaints);
      const left = { ...(await stage.left()), downloads: checks.downloads, sweptCount };
      const verdict = withWorkflows(
        checkExports(intents, left, failureCodes),
        await workflows.check(stage.admin),
      );
      log.complaints.push(...verdict.complaints);
      const file = join(options.directory, 'left.json');
      writeFileSync(file, JSON.stringify({ intents, left }, null, 1));
      return verdict;
    },
  );
  return { seed, faults: faults.map(({ name }) => name), ...played };
}

function withWorkflows(exports: ExportsVerdict, workflows: WorkflowsVerdict) {
  const complaints = [...exports.complaints, ...workflows.complaints];
  return { ...exports, ...workflows, complaints };
}

/** Asks every question again, downloads every file, and checks the files themselves. */
async function compareFiles(
  intents: readonly ExportIntent[],
  stage: ExportStage,
  random: ReturnType<typeof createRandom>,
): Promise<{ complaints: string[]; downloads: Map<string, string> }> {
  const complaints: string[] = [];
  const downloads = new Map<string, string>();
  const states = async () =>
    new Map((await stage.left()).exports.map((one) => [one.id, one] as const));
  const first = await states();
  const ready = intents.filter(({ id }) => first.get(id ?? '')?.state === 'ready');
  await Promise.all(ready.map((intent) => askAgain(intent, stage.client)));
  await stage.quieten(complaints);
  const all = await states();
  for (const intent of ready) {
    for (const id of [intent.id, intent.again?.id]) {
      if (id !== undefined) downloads.set(id, await download(intent, id, stage.client));
    }
  }
  const kept = await readdir(stage.directory);
  for (const { id, state } of all.values()) {
    if (state !== 'expired' || !kept.some((name) => name.startsWith(id))) continue;
    complaints.push(`${id} is expired by request, and has a file before the sweep`);
  }
  const names = (await readNeededFiles(stage.admin)).filter(
    (name) => !name.endsWith('.manifest.json'),
  );
  for (const name of names) {
    const stored = all.get(name.slice(0, 36));
    if (stored === undefined || !first.has(stored.id)) continue;
    const found = await checkFile(stage.directory, name, stored).catch((error: unknown) => [
      String(error),
    ]);
    complaints.push(...found.map((what) => `${name}: ${what}`));
  }
  if (names.length > 0) {
    const path = join(stage.directory, pick(names, random));
    const { exitCode, output } = await runChild(
      stage.straight(['verify-export', path, '--books', '--json']),
    );
    if (exitCode !== 0) complaints.push(`pulse verify-export ${path}: ${output}`);
  }
  return { complaints, downloads };
}
