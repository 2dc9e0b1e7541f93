/** `pulse send`: one pulse, by the rules of the HTTP API, published with a confirm. */
import { randomBytes, randomUUID } from 'node:crypto';
import { EXIT_DONE, EXIT_FAILED, misused, waitOptions } from '../cli/command.ts';
import { defineCommand } from '../cli/define-command.ts';
import { findServers } from '../cli/servers.ts';
import { uuidV7 } from '../core/uuid.ts';
import { waitForRabbit } from '../platform/rabbit-connection.ts';
import { declareTopologyAt } from '../platform/topology.ts';
import { createPublisher } from '../publish/publisher.ts';
import { checkPulse } from '../sending/check-pulse.ts';
import { publishPulses } from '../sending/publish-pulses.ts';
import type { FieldNames } from '../sending/sent-pulse.ts';

/** What errors call the members of the pulse. */
const OPTION_NAMES: FieldNames = {
  tenant: '--tenant',
  product_sku: '--sku',
  use_unity: '--unit',
  used_amount: '--amount',
  id: '--id',
  timestamp: '--timestamp',
  body: 'The pulse',
};

export const send = defineCommand({
  options: {
    tenant: { value: '<tenant>', about: 'who is billed', required: true },
    sku: { value: '<sku>', about: 'what was used', required: true },
    unit: { value: '<unit>', about: 'the unit of the amount', required: true },
    amount: { value: '<number>', about: 'how much was used, such as 0.25', required: true },
    id: { value: '<id>', about: 'counted once, however often you send it (default: a new UUID)' },
    timestamp: { value: '<instant>', about: 'when it was used, in RFC 3339 (default: now)' },
  },
  json: true,
  examples: [
    'pulse send --tenant acme --sku cpu --unit h --amount 0.25',
    'pulse send --tenant acme --sku cpu --unit h --amount 0.25 --id job-17 --timestamp 2026-11-22T04:10:00Z',
  ],
  async run(run) {
    const { config, flags, logger } = run;
    const { tenant, sku, unit, amount, id, timestamp } = flags;
    const nowMs = Date.now();
    const value = { tenant, product_sku: sku, use_unity: unit, used_amount: amount, id, timestamp };
    const checked = checkPulse(
      { ok: true, value, source: () => '', fields: OPTION_NAMES },
      {
        limits: config.ingest,
        receivedAtMs: nowMs,
        tenants: 'all',
        newId: () => uuidV7(nowMs, randomBytes(10)),
      },
    );
    if (!checked.ok) throw misused(`${checked.refusal.field}: ${checked.refusal.reason}`);

    const { rabbitmqUrl: url } = findServers(run);
    await waitForRabbit(url, waitOptions(run));
    await declareTopologyAt(url, config.queue);
    const publisher = createPublisher({ url, logger, name: 'pulse send' });
    run.closer.add('publisher', () => publisher.close());
    const publish = publisher.publish.bind(publisher);
    const deps = { publish, queue: config.queue, bodyBytesMax: config.ingest.bodyBytesMax };
    const [isConfirmed] = await publishPulses([checked.text], deps, randomUUID);
    if (isConfirmed !== true) {
      run.tell(
        `pulse: RabbitMQ did not confirm the pulse. Send it again with --id ${checked.id}; it is counted once.`,
      );
      return EXIT_FAILED;
    }
    run.answer({ id: checked.id }, checked.id);
    return EXIT_DONE;
  },
});
