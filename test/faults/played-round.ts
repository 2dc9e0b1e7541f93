/** What rounds of every kind share: a stage that is always closed, injected faults, an outcome. */
import { mkdirSync } from 'node:fs';
import { NotReachedError } from '../support/until.ts';
import { NotPossibleError } from './fault.ts';

/** What a round reports while it runs. */
export interface RoundLog {
  readonly complaints: string[];
  readonly notes: string[];
  /** Faults that did not happen. */
  readonly unreached: string[];
}

interface PlayableStage {
  notes(): string[];
  saveOutput(directory: string): void;
  /** Removes what the round has stored. */
  remove(): Promise<void>;
  close(): Promise<void>;
}

export interface PlayedRound<Verdict> {
  /** `unreached`: everything is correct, but a fault did not happen. */
  readonly outcome: 'passed' | 'failed' | 'unreached';
  readonly complaints: readonly string[];
  readonly notes: readonly string[];
  readonly unreached: readonly string[];
  readonly verdict: Verdict | undefined;
  readonly seconds: number;
}

/** Opens a stage, runs the round on it and closes it. An exception becomes a complaint. */
export async function playRound<Stage extends PlayableStage, Verdict>(
  directory: string,
  open: () => Promise<Stage>,
  play: (stage: Stage, log: RoundLog) => Promise<Verdict>,
): Promise<PlayedRound<Verdict>> {
  const startedMs = performance.now();
  const complaints: string[] = [];
  const notes: string[] = [];
  const unreached: string[] = [];
  let verdict: Verdict | undefined;
  let stage: Stage | undefined;
  mkdirSync(directory, { recursive: true });
  try {
    stage = await open();
    verdict = await play(stage, { complaints, notes, unreached });
    await stage.remove();
  } catch (error) {
    complaints.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  } finally {
    notes.push(...(stage?.notes() ?? []));
    stage?.saveOutput(directory);
    await stage?.close();
  }
  const isUnreached = notes.some((note) => note.startsWith('not reached'));
  return {
    outcome: complaints.length > 0 ? 'failed' : isUnreached ? 'unreached' : 'passed',
    complaints,
    notes,
    unreached,
    verdict,
    seconds: (performance.now() - startedMs) / 1000,
  };
}

/**
 * Injects one fault. An observation, or the fact that the fault did not happen, is a note; any other error is a
 * complaint.
 *
 * @throws NotPossibleError This machine does not support it.
 */
export async function injectFault(
  name: string,
  inject: () => Promise<string | undefined>,
  { complaints, notes, unreached }: RoundLog,
): Promise<void> {
  try {
    const note = await inject();
    if (note !== undefined) notes.push(`${name}: ${note}`);
  } catch (error) {
    if (error instanceof NotPossibleError) throw error;
    if (error instanceof NotReachedError) {
      notes.push(`${error.message} (${name})`);
      unreached.push(name);
    } else complaints.push(`${name}: ${String(error)}`);
  }
}
