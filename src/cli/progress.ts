/** A progress bar on a terminal; nothing anywhere else. */
import { SingleBar } from 'cli-progress';

const REDRAW_MS = 100;

/**
 * Draws a bar until the work has settled.
 *
 * @param bar.done How much of `total` is done; read a few times a second.
 * @returns What the work returns.
 */
export async function withProgress<T>(
  { isTerminal }: { readonly isTerminal: boolean },
  { label, total, done }: { label: string; total: number; done: () => number },
  work: Promise<T>,
): Promise<T> {
  if (!isTerminal) return await work;
  const bar = new SingleBar({
    format: `${label.padEnd(12)} {bar} {percentage}% | {value}/{total}`,
    stream: process.stderr,
    hideCursor: true,
    barCompleteChar: '█',
    barIncompleteChar: '░',
  });
  bar.start(total, 0);
  const drawing = setInterval(() => {
    bar.update(done());
  }, REDRAW_MS);
  try {
    return await work;
  } finally {
    clearInterval(drawing);
    bar.update(done());
    bar.stop();
  }
}
