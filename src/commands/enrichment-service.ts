/** `pulse enrichment-service`: plays the external service, to try out failures. */
import { InvalidArgumentError } from 'commander';
import { EXIT_DONE } from '../cli/command.ts';
import { defineCommand } from '../cli/define-command.ts';
import { integer } from '../cli/options.ts';
import { describeUnusable } from '../cli/port-checks.ts';
import { createRunEnd } from '../cli/run-end.ts';
import { codeOf, FatalError } from '../core/errors.ts';
import { startEnrichmentStandIn } from '../orders/enrichment-stand-in.ts';

function rate(text: string): number {
  const value = Number(text);
  if (/^\d(\.\d+)?$/.test(text) && value <= 1) return value;
  throw new InvalidArgumentError('It must be a number from 0 to 1.');
}

export const enrichmentService = defineCommand({
  options: {
    host: { value: '<address>', about: 'the address to listen on', default: '127.0.0.1' },
    port: integer('the port to listen on; 0 picks a free one', {
      min: 0,
      max: 65_535,
      default: 4_000,
    }),
    delayMs: integer('how long each answer takes', { min: 0, max: 600_000, default: 0 }),
    failRate: {
      value: '<0..1>',
      about: 'the share of calls that get 503',
      parse: rate,
      default: 0,
    },
    failSku: { value: '<sku>', about: 'orders with this SKU get 503' },
    refuseSku: { value: '<sku>', about: 'orders with this SKU get 422, which is final' },
  },
  json: 'print one line of JSON with the URL once ready',
  examples: [
    'pulse enrichment-service --delay-ms 200 --fail-rate 0.2',
    'pulse enrichment-service --fail-sku XYZ',
  ],
  async run({ flags, stop, answer, tell }) {
    const service = await startEnrichmentStandIn({
      ...flags,
      onAnswer: (status, key) => {
        tell(`${new Date().toISOString()} ${status} ${key}`);
      },
    }).catch((error: unknown) => {
      const place = { ...flags, hostName: '--host', portName: '--port' };
      const sentence = describeUnusable(place, String(codeOf(error) ?? 'unknown'));
      throw new FatalError('PULSE_PORT_UNUSABLE', sentence, { cause: error });
    });
    answer({ url: service.url }, `ENRICHMENT_URL=${service.url}`);
    await createRunEnd(stop).wait();
    await service.close();
    return EXIT_DONE;
  },
});
