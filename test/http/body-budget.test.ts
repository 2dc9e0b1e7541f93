import { connect } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { fastify } from 'fastify';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { addAnswerDeadline } from '../../src/http/answer-deadline.ts';
import { addBodyBudget, createBodyBudget } from '../../src/http/body-budget.ts';
import { answerError } from '../../src/http/error-handler.ts';
import { ProblemError } from '../../src/http/problems.ts';

const codeOf = (add: () => unknown): unknown => {
  try {
    add();
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    expect(error.options.headers).toEqual({ 'retry-after': '1' });
    return error.kind.code;
  }
  return 'added';
};

const TOO_MANY = 'PULSE_API_TOO_MANY_REQUESTS';

describe('the budget', () => {
  test('refuses a caller above its limit, and others only above that of the process', () => {
    const open = createBodyBudget({ callerBytesMax: 10, bytesMax: 100 });
    const first = open({ caller: 'a', share: 'x' });
    first.add(8);
    const second = open({ caller: 'a', share: 'x' });
    expect(
      codeOf(() => {
        second.add(3);
      }),
    ).toBe(TOO_MANY);
    second.add(2);
    expect(
      codeOf(() => {
        open({ caller: 'b', share: 'y' }).add(10);
      }),
    ).toBe('added');
    first.close();
    expect(
      codeOf(() => {
        second.add(8);
      }),
    ).toBe('added');
  });

  test('gives the callers of one tenant at most half of it', () => {
    const open = createBodyBudget({ callerBytesMax: 60, bytesMax: 100 });
    open({ caller: 'a', share: 'x' }).add(30);
    open({ caller: 'b', share: 'x' }).add(20);
    expect(
      codeOf(() => {
        open({ caller: 'c', share: 'x' }).add(1);
      }),
    ).toBe(TOO_MANY);
    expect(
      codeOf(() => {
        open({ caller: 'd', share: 'y' }).add(25);
      }),
    ).toBe('added');
  });

  test('always has room for a tenant that holds nothing, whatever others hold', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat({ max: 8 }), fc.integer({ min: 1, max: 400 })), {
          maxLength: 300,
        }),
        (chunks) => {
          const open = createBodyBudget({ callerBytesMax: 5_000, bytesMax: 10_000 });
          open({ caller: 'first', share: 'first' }).add(1);
          for (const [tenant, bytes] of chunks) {
            const owner = { caller: String(tenant), share: String(tenant) };
            codeOf(() => {
              open(owner).add(bytes);
            });
          }
          expect(
            codeOf(() => {
              open({ caller: 'new', share: 'new' }).add(400);
            }),
          ).toBe('added');
        },
      ),
    );
  });

  test('never refuses the only request', () => {
    const open = createBodyBudget({ callerBytesMax: 10, bytesMax: 20 });
    const only = open({ caller: 'a', share: 'x' });
    only.add(60);
    only.add(40);
    expect(
      codeOf(() => {
        open({ caller: 'a', share: 'x' }).add(1);
      }),
    ).toBe(TOO_MANY);
    expect(
      codeOf(() => {
        open({ caller: 'b', share: 'y' }).add(1);
      }),
    ).toBe('PULSE_API_BUSY');
    only.close();
    expect(
      codeOf(() => {
        open({ caller: 'b', share: 'y' }).add(1);
      }),
    ).toBe('added');
  });
});

describe('on every route', () => {
  let app = fastify();
  afterEach(async () => {
    app.server.closeAllConnections();
    await app.close();
  });

  async function listen(bytesMax: number) {
    app = fastify({ bodyLimit: 1_000_000 });
    app.setErrorHandler(answerError);
    app.decorateRequest('user', null as never);
    addAnswerDeadline(app, { answerWithinMs: 60_000 });
    addBodyBudget(app, { callerBytesMax: bytesMax, bytesMax });
    let arrivedCount = 0;
    app.addHook('preParsing', (_request, _reply, payload, done) => {
      arrivedCount += 1;
      done(null, payload);
    });
    const arrived = async (count: number) => {
      while (arrivedCount < count) await setImmediate();
    };
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    app.post('/', async ({ bodyBytes }) => {
      await released;
      return { bodyBytes };
    });
    const url = await app.listen({ host: '127.0.0.1', port: 0 });
    const post = (bytes: number) =>
      fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify('x'.repeat(bytes - 2)),
      });
    return { url, post, release, arrived };
  }

  test('bytes count until the answer has ended', async () => {
    const { post, release } = await listen(100_000);
    const first = post(80_000);
    let refused = await post(50_000);
    while (refused.status !== 429) refused = await post(50_000);
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(await refused.json()).toMatchObject({ code: TOO_MANY });
    release();
    expect(await (await first).json()).toEqual({ bodyBytes: 80_000 });
    expect((await post(80_000)).status).toBe(200);
  });

  test('bytes that are declared but do not arrive do not count', async () => {
    const { url, post, release, arrived } = await listen(1_000_000);
    const sockets = Array.from({ length: 20 }, () => {
      const socket = connect(Number(new URL(url).port), '127.0.0.1');
      socket.write(
        'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 900000\r\n\r\n[',
      );
      return socket;
    });
    await arrived(sockets.length);
    release();
    expect((await post(10_000)).status).toBe(200);
    for (const socket of sockets) socket.destroy();
  });
});
