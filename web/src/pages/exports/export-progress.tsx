/** How far an export is. */
import { Progress, Text } from '@mantine/core';
import { digits } from '../../parts/words.ts';
import { STEPS, type Export } from './exports.ts';

/** An estimate that was too low must not look like the end. */
const WRITTEN_SHARE_MAX = 0.99;

export function ExportProgress({ one }: { readonly one: Export }) {
  const { state, rows_written: written, rows_estimated: estimated } = one;
  if (state === 'queued') return <>waits for an exporter</>;
  if (state !== 'running') return null;
  const last = one.steps.at(-1)?.step ?? STEPS[0];
  const percent = Math.round(100 * shareOf(one));
  return (
    <>
      <Progress value={percent} size="sm" aria-label={`Progress of the export: ${percent} %`} />
      <Text size="xs" component="span">
        {last === 'write'
          ? `${digits(written)} rows${estimated === null ? '' : ` of about ${digits(estimated)}`}`
          : last}
      </Text>
    </>
  );
}

function shareOf({ steps, rows_written: written, rows_estimated: estimated }: Export): number {
  const done = steps.filter(({ ended_at: ended }) => ended !== null).length;
  const isWriting = steps.at(-1)?.step === 'write' && steps.at(-1)?.ended_at === null;
  const ofStep =
    isWriting && estimated !== null && estimated > 0
      ? Math.min(WRITTEN_SHARE_MAX, written / estimated)
      : 0;
  return (done + ofStep) / STEPS.length;
}
