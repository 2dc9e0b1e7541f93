/** An export whose end is committed, and whose exporter never learns it. */
import { utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { fileNameOf } from '../../src/exports/export-files.ts';
import { sweepExports } from '../../src/exports/sweep-exports.ts';
import { createPool } from '../../src/platform/postgres.ts';
import { startTcpProxy, type Watcher } from '../support/tcp-proxy.ts';
import { useExportsFixture } from './exports-fixture.ts';

const fixture = useExportsFixture();

/** Cuts the connection at the COMMIT of the end of an export. */
const losing =
  (lost: 'request' | 'reply'): Watcher =>
  (direction, chunk, line) => {
    if (direction === 'reply') return true;
    if (chunk.includes("SET state = 'ready'")) line.notes.add('ends');
    if (!line.notes.has('ends') || !chunk.includes('COMMIT\0')) return true;
    if (lost === 'reply') line.swallowReply();
    else line.destroy();
    return lost === 'reply';
  };

async function exportThrough(watcher: Watcher, work: (id: string) => Promise<void>) {
  const proxy = await startTcpProxy(fixture.databaseUrl);
  const pool = createPool(proxy.url, { name: 'lost commit', logger: pino({ level: 'silent' }) });
  try {
    proxy.watch(watcher);
    await fixture.addPulses('acme', 10);
    const { id } = await fixture.ask();
    const exporter = fixture.start({ pool });
    await expect.poll(() => fixture.outcomes, { timeout: 20_000 }).toHaveLength(1);
    await exporter.close(10_000);
    await work(id);
  } finally {
    await pool.end();
    await proxy.close();
  }
}

/** Sweeps as it is done when the files are no longer young. */
async function sweepLater(): Promise<void> {
  for (const name of await fixture.files()) await utimes(join(fixture.directory, name), 1, 1);
  await sweepExports(fixture.deps);
}

test('an export keeps its file when the reply to COMMIT is lost', async () => {
  await exportThrough(losing('reply'), async (id) => {
    const ended = await fixture.read(id);
    expect(ended).toMatchObject({ state: 'ready', fence: 1, rowCount: 10 });
    expect(fixture.outcomes).toEqual(['lost']);
    await sweepLater();
    expect(await fixture.fileOf(ended)).toHaveLength(ended.byteCount ?? 0);
    expect(await fixture.files()).toContain(`${fileNameOf(ended)}.manifest.json`);
  });
});

test('an export goes back when COMMIT itself is lost, and its files are swept', async () => {
  await exportThrough(losing('request'), async (id) => {
    expect(await fixture.read(id)).toMatchObject({ state: 'queued', attemptCount: 1 });
    expect(fixture.outcomes).toEqual(['released']);
    await sweepLater();
    expect(await fixture.files()).toEqual([]);
  });
});
