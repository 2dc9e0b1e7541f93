/** A progress bar on a terminal; nothing anywhere else. */
import { SingleBar } from 'cli-progress';

export interface Progress {
  update(done: number): void;
  stop(): void;
}

export function startProgress(
  label: string,
  total: number,
  { isTerminal }: { readonly isTerminal: boolean },
): Progress {
  if (!isTerminal) return { update: () => undefined, stop: () => undefined };
  const bar = new SingleBar({
    format: `${label.padEnd(12)} {bar} {percentage}% | {value}/{total}`,
    stream: process.stderr,
    hideCursor: true,
    barCompleteChar: '█',
    barIncompleteChar: '░',
  });
  bar.start(total, 0);
  return {
    update: (done) => {
      bar.update(done);
    },
    stop: () => {
      bar.stop();
    },
  };
}
