/** `pulse pause` and `pulse resume`. */
import { ACTOR, actorName, checkedNote } from '../cli/actor.ts';
import { openPool } from '../cli/clients.ts';
import { EXIT_DONE } from '../cli/command.ts';
import { defineCommand } from '../cli/define-command.ts';
import { readPauseState, recordPause } from '../ingest/pauses-query.ts';

const defineOrder = (order: {
  action: 'paused' | 'resumed';
  sentence: string;
  examples: readonly string[];
}) =>
  defineCommand({
    options: { ...ACTOR, note: { value: '<text>', about: 'why, for the history' } },
    json: 'print the new state as JSON',
    examples: order.examples,
    async run(run) {
      const note = run.flags.note === undefined ? undefined : checkedNote(run.flags.note);
      const actor = actorName(run.flags);
      const pool = await openPool(run, 'pulse pause');
      await recordPause(pool, { action: order.action, actor, note });
      run.answer(await readPauseState(pool), order.sentence);
      return EXIT_DONE;
    },
  });

export const pause = defineOrder({
  action: 'paused',
  sentence:
    'Paused. Within seconds, workers finish what they hold and take no more; `pulse status` shows how many still consume.',
  examples: ["pulse pause --note 'Redis moves to another machine'"],
});

export const resume = defineOrder({
  action: 'resumed',
  sentence: 'Resumed. Workers take pulses again within seconds.',
  examples: ['pulse resume'],
});
