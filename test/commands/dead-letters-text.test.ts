import { describe, expect, test } from 'vitest';
import {
  describeDetail,
  describeList,
  describeRows,
} from '../../src/commands/dead-letters-text.ts';
import type { DeadLetterDetail } from '../../src/quarantine/quarantine.ts';

const NOW_MS = Date.parse('2026-11-28T12:00:00Z');

/** A message of an order. */
const MESSAGE: DeadLetterDetail = {
  id: '6078b0ff-dec6-871e-b164-99e444d09716',
  state: 'quarantined',
  reason: 'attempts_exhausted',
  detail: 'attempts_exhausted: The enrichment service answered 503.',
  tenant: null,
  pulseId: null,
  messageId: 'm-1',
  queue: 'orders.enrichment',
  pulseIndex: null,
  bodyBytes: 2,
  isFixed: false,
  exchange: 'orders',
  routingKey: 'order.enrichment.requested',
  redelivered: false,
  receivedAt: new Date(NOW_MS - 12 * 60_000),
  cursor: '1',
  properties: {},
  body: Buffer.from('{}'),
  originalBody: null,
  originalTenant: null,
  maybeCountedSince: new Date(NOW_MS),
  actions: [],
};
const PULSE: DeadLetterDetail = {
  ...MESSAGE,
  reason: 'amount_not_positive',
  detail: 'used_amount must be greater than 0.',
  tenant: 'a-tenant-with-a-name',
  queue: null,
};

describe('a table of dead letters', () => {
  test('has no queues where all are pulses', () => {
    expect(describeRows([PULSE], NOW_MS)[0]).toMatch(/^ID +RECEIVED +REASON +TENANT$/);
  });

  test('tells messages of different queues apart, within 80 columns', () => {
    const queues = ['orders.processing', 'orders.enrichment', 'orders.completion'];
    const rows = queues.map((queue) => ({ ...MESSAGE, queue }));
    const [heading, ...lines] = describeRows(rows, NOW_MS);
    expect(heading).toMatch(/^ID +RECEIVED +REASON +QUEUE$/);
    expect(new Set(lines).size).toBe(3);
    expect(lines[1]).toMatch(/attempts_exh\S* +…\S*enrichment$/);
    for (const mixed of [rows, [...rows, PULSE], [{ ...MESSAGE, state: 'replayed' as const }]]) {
      const widths = describeRows(mixed, NOW_MS).map((line) => line.length);
      expect(Math.max(...widths)).toBeLessThanOrEqual(80);
    }
  });
});

describe('a list of dead letters', () => {
  test('says below each what is wrong with it, without its reason again', () => {
    const [, first, why, second, whyToo, ...more] = describeList([PULSE, MESSAGE], NOW_MS);
    expect([first, second]).toEqual(describeRows([PULSE, MESSAGE], NOW_MS).slice(1));
    expect(why).toBe('  used_amount must be greater than 0.');
    expect(whyToo).toBe('  The enrichment service answered 503.');
    expect(more).toEqual([]);
  });

  test('is as wide as the terminal, and escapes what would control it', () => {
    const row = { ...PULSE, detail: `\u001b[2J${'long '.repeat(60)}` };
    const lengths = [undefined, 120].map((width) => {
      const line = describeList([row], NOW_MS, width).at(-1) ?? '';
      expect(line).toMatch(/^ {2}\\u001b\[2Jlong .*…$/);
      return line.length;
    });
    expect(lengths).toEqual([80, 120]);
  });
});

describe('the detail of a dead letter', () => {
  test('of a message says its reason once, and nothing of counting', () => {
    const text = describeDetail(MESSAGE).join('\n');
    expect(text).toMatch(/^reason +attempts_exhausted: The enrichment service answered 503\.$/m);
    expect(text).not.toContain('counted?');
    const impossible = describeDetail({
      ...MESSAGE,
      reason: 'message_impossible',
      detail: 'unknown_sku: There is no product A.',
    });
    expect(impossible.join('\n')).toMatch(/^reason +message_impossible: unknown_sku: There/m);
  });

  test('of a pulse says whether it may have been counted', () => {
    expect(describeDetail(PULSE).join('\n')).toMatch(/^counted\? +maybe, since 2026-/m);
  });
});
