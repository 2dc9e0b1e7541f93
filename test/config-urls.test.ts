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

test.each(['redis://h/abc', 'redis://h/1/2', 'redis://h/-1', 'redis://h?db=x'])(
  '%s names no database of Redis',
  (url) => {
    expect(() => parseConfig({ ...SERVERS, REDIS_URL: url })).toThrow(
      'REDIS_URL: must end in the number of a database, or none.',
    );
  },
);

test('a cluster of Redis has no other database than 0', () => {
  const parse = (url: string) => parseConfig({ ...SERVERS, REDIS_URL: url });
  expect(() => parse('redis+cluster://a,b/1')).toThrow('REDIS_URL: must name no database');
  for (const url of ['redis+cluster://a,b', 'redis+cluster://a,b/0', 'redis://a', 'redis://a/15']) {
    expect(parse(url).servers?.redisUrl).toBe(url);
  }
});
