import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { messageQueueNames } from '../../src/commands/message-queues.ts';
import { topologyNames } from '../../src/platform/topology.ts';

test('the policy that docs/operations.md recommends covers every queue', () => {
  const { queue, deadQueue, parkedQueue } = topologyNames('pulses');
  const queues = [queue, deadQueue, parkedQueue, ...messageQueueNames('')];
  const page = readFileSync('docs/operations.md', 'utf8');
  const [, pattern = ''] = /`(\^\(pulses\|[^`]+)`/.exec(page) ?? [];
  expect(pattern).not.toBe('');
  expect(queues.filter((name) => !new RegExp(pattern).test(name))).toEqual([]);
});
