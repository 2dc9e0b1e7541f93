import { expect, test } from 'vitest';
import { createAcknowledgements } from '../../src/messaging/acknowledgements.ts';

function setUp(count: number) {
  const sent: string[] = [];
  const acks = createAcknowledgements((delivery: { fields: { deliveryTag: number } }, allUpTo) => {
    sent.push(`${allUpTo ? 'up to ' : ''}${delivery.fields.deliveryTag}`);
  });
  const deliveries = Array.from({ length: count }, (_, index) => {
    return { fields: { deliveryTag: index + 1 } };
  });
  for (const delivery of deliveries) acks.delivered(delivery);
  const acknowledge = (...tags: number[]) =>
    Promise.all(tags.map((tag) => acks.acknowledge(deliveries[tag - 1]!)));
  const acknowledgeAll = (...tags: number[]): void => {
    acks.acknowledgeAll(tags.map((tag) => deliveries[tag - 1]!));
  };
  return { sent, acknowledge, acknowledgeAll };
}

test('deliveries that are handled together are acknowledged together', async () => {
  const { sent, acknowledge } = setUp(6);
  await acknowledge(3, 1, 2);
  await acknowledge(4, 5, 6);
  expect(sent).toEqual(['up to 3', 'up to 6']);
});

test('a delivery in progress is never acknowledged with later ones', async () => {
  const { sent, acknowledge } = setUp(6);
  await acknowledge(1, 2, 4, 5);
  expect(sent.splice(0)).toEqual(['up to 2', '4', '5']);
  await acknowledge(6);
  expect(sent.splice(0)).toEqual(['6']);
  await acknowledge(3);
  expect(sent).toEqual(['up to 3']);
});

test('an acknowledgement is written before it resolves', async () => {
  const { sent, acknowledge } = setUp(1);
  const acknowledged = acknowledge(1);
  expect(sent).toEqual([]);
  await acknowledged;
  expect(sent).toEqual(['up to 1']);
});

test('a batch is acknowledged as one, but no delivery that it leaves out', () => {
  const { sent, acknowledgeAll } = setUp(6);
  acknowledgeAll(1, 2, 3);
  expect(sent.splice(0)).toEqual(['up to 3']);
  acknowledgeAll(5, 6);
  expect(sent.splice(0)).toEqual(['5', '6']);
  acknowledgeAll(4);
  expect(sent).toEqual(['up to 4']);
});

test('nothing is acknowledged for an empty batch', () => {
  const { sent, acknowledgeAll } = setUp(1);
  acknowledgeAll();
  expect(sent).toEqual([]);
});
