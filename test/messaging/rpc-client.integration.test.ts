import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { createRpcClient } from '../../src/messaging/rpc-client.ts';
import { useMessagingFixture } from './messaging-fixture.ts';

const fixture = useMessagingFixture();

test('a request for an exchange that does not exist fails at once, and says so', async () => {
  const rpc = createRpcClient({
    url: fixture.rabbitmqUrl,
    logger: pino({ level: 'silent' }),
    name: 'test rpc',
    waitTimeoutMs: 20_000,
  });
  onTestFinished(() => rpc.close(100));
  const exchange = `${fixture.queue}.missing`;
  const request = { exchange, routingKey: 'any', body: Buffer.from('{}'), messageId: 'request-1' };
  for (let index = 0; index < 2; index++) {
    await expect(rpc.call(request, 60_000)).rejects.toMatchObject({
      code: 'PULSE_PUBLISH_NO_EXCHANGE',
      message: expect.stringContaining(exchange) as string,
    });
  }
});
