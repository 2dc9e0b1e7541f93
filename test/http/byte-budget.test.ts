import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createByteBudget, type ByteBudgetOptions } from '../../src/http/byte-budget.ts';
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

const create = (options: ByteBudgetOptions) => createByteBudget(options, 'requests in progress');

test('refuses a caller above its limit, and others only above that of the process', () => {
  const open = create({ callerBytesMax: 10, bytesMax: 100 });
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
  const open = create({ callerBytesMax: 60, bytesMax: 100 });
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
        const open = create({ callerBytesMax: 5_000, bytesMax: 10_000 });
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
  const open = create({ callerBytesMax: 10, bytesMax: 20 });
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
