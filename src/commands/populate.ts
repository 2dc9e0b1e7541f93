/** `pulse populate`. */
import { EXIT_DONE, EXIT_FAILED, waitOptions } from '../cli/command.ts';
import { defineCommand } from '../cli/define-command.ts';
import { integer } from '../cli/options.ts';
import { withProgress } from '../cli/progress.ts';
import { findServers } from '../cli/servers.ts';
import { toSnakeCase } from '../cli/wording.ts';
import { ARRAY_LENGTH_MAX } from '../contract/rules.ts';
import { waitForRabbit } from '../platform/rabbit-connection.ts';
import { messagesOf, startPopulateRun, type PopulateProgress } from '../populate/populate.ts';

export const populate = defineCommand({
  options: {
    total: integer('pulses to publish', { min: 1, max: 1_000_000_000, default: 100_000 }),
    workers: integer('parallel publishers', { min: 1, max: 64, default: 2 }),
    buffer: integer('unconfirmed pulses per publisher', { min: 1, max: 10_000, default: 1_000 }),
    pulsesPerMessage: integer('pulses in each message, as an array if more than 1', {
      min: 1,
      max: ARRAY_LENGTH_MAX,
      default: 1,
    }),
  },
  json: true,
  examples: [
    'pulse populate --total 1000000 --workers 4 --buffer 2000',
    'pulse populate --total 1000000 --pulses-per-message 100 --buffer 10000',
  ],
  async run(run) {
    const { flags, logger, config } = run;
    const { total } = flags;
    const url = findServers(run).rabbitmqUrl;
    await waitForRabbit(url, waitOptions(run));
    const deps = { url, queue: config.queue, logger, signal: run.stop };
    const publishing = startPopulateRun(deps, flags);
    const bar = { label: 'publishing', total, done: () => publishing.progress().confirmed };
    const result = await withProgress(run, bar, publishing.done);
    const confirmedMessages = messagesOf(result, result.confirmed);
    run.answer(toSnakeCase({ ...result, confirmedMessages }), describe(result, confirmedMessages));
    return result.state === 'completed' ? EXIT_DONE : EXIT_FAILED;
  },
});

function describe(
  { state, confirmed, total, ratePerSecond, error }: PopulateProgress,
  confirmedMessages: number,
): string[] {
  const sum =
    `${state}: ${confirmed} of ${total} pulses confirmed, in ${confirmedMessages} messages, ` +
    `${Math.round(ratePerSecond)}/s`;
  return error === null ? [sum] : [sum, error];
}
