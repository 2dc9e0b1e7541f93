import { describe, expect, test } from 'vitest';
import { hostUrls } from '../../src/platform/server-urls.ts';

describe('hostUrls', () => {
  test.each([
    [
      'amqp://u:p@a:5672,b:5673/v?heartbeat=5',
      ['amqp://u:p@a:5672/v?heartbeat=5', 'amqp://u:p@b:5673/v?heartbeat=5'],
    ],
    [
      'redis+cluster://a,b:7001,c',
      ['redis+cluster://a', 'redis+cluster://b:7001', 'redis+cluster://c'],
    ],
    ['amqps://[::1]:5671,b', ['amqps://[::1]:5671', 'amqps://b']],
    ['redis://:p@a:6379/0', ['redis://:p@a:6379/0']],
    ['postgres://a/pulse?options=x,y', ['postgres://a/pulse?options=x,y']],
    ['no url', ['no url']],
  ])('%s has one URL for each host', (url, hosts) => {
    expect(hostUrls(url)).toEqual(hosts);
  });

  test('a comma or an @ in the password does not separate hosts', () => {
    expect(hostUrls('amqp://u:a,b@c@x,y/v')).toEqual(['amqp://u:a,b@c@x/v', 'amqp://u:a,b@c@y/v']);
  });
});
