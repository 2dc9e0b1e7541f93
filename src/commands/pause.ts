/** `pulse pause` and `pulse resume`. */
import type { Command } from 'commander';
import { readPauseState, recordPause } from '../ingest/pauses-query.ts';
import {
  EXIT_DONE,
  runAction,
  toJson,
  withExamples,
  type CommandEnvironment,
} from '../cli/command.ts';
import { actorFrom, checkedNote, openPool, withActor } from './dead-letters-options.ts';

interface Flags {
  readonly as?: string;
  readonly note?: string;
  readonly json?: true;
}

/** Adds both. */
export function addPauseCommands(
  program: Command,
  environment: CommandEnvironment,
  setExitCode: (code: number) => void,
): void {
  const add = (name: string, order: { action: 'paused' | 'resumed'; sentence: string }) => {
    const command = withActor(program.command(name))
      .option('--note <text>', 'why, for the history')
      .option('--json', 'print the new state as JSON')
      .action(async (flags: Flags) => {
        setExitCode(
          await runAction(environment, { api: false }, async (run) => {
            const note = flags.note === undefined ? undefined : checkedNote(flags.note);
            const { name: actor } = actorFrom(flags);
            const pool = await openPool(run);
            await recordPause(pool, { action: order.action, actor, note });
            if (flags.json === true) run.print(toJson(await readPauseState(pool)));
            else run.print(order.sentence);
            return EXIT_DONE;
          }),
        );
      });
    return command;
  };
  withExamples(
    add('pause', {
      action: 'paused',
      sentence:
        'Paused. Workers finish what they hold and take no more, within seconds; `pulse status` shows how many consume.',
    }).description(
      'Make every worker stop taking pulses; they wait in the queue. Outlives restarts.',
    ),
    "pulse pause --note 'Redis moves to another machine'",
  );
  withExamples(
    add('resume', {
      action: 'resumed',
      sentence: 'Resumed. Workers take pulses again within seconds.',
    }).description('Let every worker take pulses again.'),
    'pulse resume',
  );
}
