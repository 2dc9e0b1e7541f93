/** What `pulse doctor` checks about exports: whether anything makes their files. */
import type { Pool } from 'pg';
import type { Finding } from '../aggregate/redis-durability.ts';
import { readDepth, type ExportDepth } from '../exports/exports-query.ts';
import { ok, warning } from './findings.ts';

/** An exporter looks twice a second, and waits at most a minute between two attempts at an export. */
const NOT_MADE_SECONDS = 120;

export type OpenExports = Omit<ExportDepth, 'readyBytes'>;

/** Whether exports wait, and none has been made for a while. */
export function isExporterMissing({ queued, running, oldestSeconds }: OpenExports): boolean {
  return queued > 0 && running === 0 && oldestSeconds > NOT_MADE_SECONDS;
}

export async function checkExports(pool: Pool): Promise<Finding> {
  return judgeExports(await readDepth(pool));
}

export function judgeExports(depth: OpenExports): Finding {
  const name = 'exports';
  const { queued, running, oldestSeconds } = depth;
  if (queued + running === 0) return ok(name, 'none is queued or running');
  const detail = `${queued} queued, ${running} running, the oldest for ${Math.round(oldestSeconds)} s`;
  return isExporterMissing(depth)
    ? warning(name, `${detail}: start \`pulse exporter\`, or find out in its log why it makes none`)
    : ok(name, detail);
}
