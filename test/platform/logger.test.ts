import fs from 'node:fs';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createLogger, serverOf, type Logger } from '../../src/platform/logger.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

/** What a logger writes to standard error during `use`. */
function writtenBy(
  use: (logger: Logger) => void,
  { pretty = false, secrets = [] }: { pretty?: boolean; secrets?: string[] } = {},
): string {
  const written: string[] = [];
  vi.spyOn(fs, 'write').mockImplementation((fd: number, bytes: unknown, ...rest: unknown[]) => {
    const line = String(bytes);
    written.push(fd === 2 ? line : `not standard error: ${line}`);
    const done = rest.at(-1) as (error: null, bytes: number) => void;
    done(null, Buffer.byteLength(line));
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((line) => {
    written.push(String(line));
    return true;
  });
  const logger = createLogger({ level: 'info', pretty, secrets });
  use(logger);
  return written.join('');
}

describe('createLogger', () => {
  test('writes one JSON line to standard error, with the facts as fields', () => {
    const text = writtenBy((logger) => {
      logger.info({ rowCount: 3 }, 'window flushed');
    });
    expect(text).not.toContain('not standard error');
    expect(text.trim().split('\n')).toHaveLength(1);
    expect(JSON.parse(text)).toMatchObject({ rowCount: 3, msg: 'window flushed', level: 30 });
  });

  test('a line break inside a value cannot forge a second line', () => {
    const text = writtenBy((logger) => {
      logger.info({ tenant: 'a\n{"level":60}' }, 'x');
    });
    expect(text.trim().split('\n')).toHaveLength(1);
  });

  test.each([true, false])('removes secrets (pretty: %s)', (pretty) => {
    const text = writtenBy(
      (logger) => {
        logger.info(
          {
            password: 'geheim-1',
            user: { password: 'geheim-2', secret: 'geheim-3' },
            req: { headers: { authorization: 'geheim-4' } },
            headers: { authorization: 'geheim-5' },
            authorization: 'geheim-6',
          },
          'login',
        );
      },
      { pretty },
    );
    expect(text).toContain('login');
    expect(text).not.toContain('geheim');
  });

  test.each([true, false])('removes secrets wherever they appear (pretty: %s)', (pretty) => {
    const text = writtenBy(
      (logger) => {
        const error = new Error('cannot reach amqp://user:pw@host', {
          cause: new Error('sent AUTH geheim-wort'),
        });
        logger.info(
          { err: error, detail: ['geheim-wort'], url: 'redis://:pw@host' },
          'unavailable',
        );
      },
      { pretty, secrets: ['geheim-wort'] },
    );
    expect(text).toContain('unavailable');
    expect(text).not.toContain('geheim');
    expect(text).not.toContain('pw');
  });

  test('writes nothing below its level', () => {
    expect(
      writtenBy((logger) => {
        logger.debug('quiet');
      }),
    ).toBe('');
  });
});

describe('serverOf', () => {
  test.each([
    ['amqp://user:geheim@rabbit.example:5672/vhost', 'amqp://rabbit.example:5672/vhost'],
    ['redis://:geheim@127.0.0.1:6379', 'redis://127.0.0.1:6379'],
    ['redis://127.0.0.1:6379/', 'redis://127.0.0.1:6379'],
    ['postgres://u:p%40ss@[::1]:5432/pulse?password=geheim', 'postgres://[::1]:5432/pulse'],
    ['amqp://u:geheim@a:5672,b:5673/vhost', 'amqp://a:5672,b:5673/vhost'],
    ['redis+cluster://:geheim@a,b/', 'redis+cluster://a,b'],
    ['amqp://u:geheim@a,/vhost', 'invalid URL'],
    ['user:geheim@host', 'invalid URL'],
    ['geheim', 'invalid URL'],
    ['', 'invalid URL'],
  ])('%s is shown as %s, without credentials', (url, server) => {
    expect(serverOf(url)).toBe(server);
  });
});
