import { expect, test } from 'vitest';
import { parseConfig } from '../src/config.ts';

const SERVERS = {
  RABBITMQ_URL: 'amqp://user:password@rabbit.example:5672/vhost',
  REDIS_URL: 'redis://:password@redis.example:6379/0',
  DATABASE_URL: 'postgres://user:password@postgres.example:5432/pulse',
};

test.each([
  ['RABBITMQ_URL', 'amqp://user:100%@rabbit.example/'],
  ['RABBITMQ_URL', 'amqp://user:password@rabbit.example/%2'],
  ['REDIS_URL', 'redis+cluster://us%er:password@a:6379,b:6379'],
  ['DATABASE_URL', 'postgres://user:p%zz@postgres.example/pulse'],
])('%s with a lone %% is a mistake that is reported without the value', (name, value) => {
  const parse = () => parseConfig({ ...SERVERS, [name]: value });
  expect(parse).toThrow(`${name}: has a % that begins no escape: write % itself as %25.`);
  expect(parse).not.toThrow(value);
});

test('an escaped %% is accepted', () => {
  const url = 'amqp://user:100%25@rabbit.example/';
  expect(parseConfig({ ...SERVERS, RABBITMQ_URL: url }).servers?.rabbitmqUrl).toBe(url);
});
