import fc from 'fast-check';
import type { FastifyRequest } from 'fastify';
import { expect, test } from 'vitest';
import { BODY_BUDGET } from '../../src/http/body-budget.ts';
import {
  createByteBudget,
  createRequestBudget,
  type ByteBudgetOptions,
  type ByteLease,
  type ByteOwner,
  type RequestBudgetOptions,
} from '../../src/http/byte-budget.ts';
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

const WORDING = { caller: 'Yours', share: 'Those of your tenant', all: 'All' };

const create = (options: ByteBudgetOptions) => {
  const budget = createByteBudget(options, WORDING);
  return (owner: ByteOwner): ByteLease => budget.openLease(owner);
};

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

test('refuses the next request of a caller, and of its tenant, that holds more than half of what it may', () => {
  const budget = createByteBudget({ callerBytesMax: 40, bytesMax: 100 }, WORDING);
  const next = (caller: string, share: string) =>
    codeOf(() => {
      budget.refuseAboveHalf(() => ({ caller, share }));
    });
  const add = (caller: string, share: string, bytes: number): ByteLease => {
    const lease = budget.openLease({ caller, share });
    lease.add(bytes);
    return lease;
  };
  const first = add('a', 'x', 20);
  expect(next('a', 'x')).toBe('added');
  const second = add('a', 'x', 1);
  expect(next('a', 'x')).toBe(TOO_MANY);
  expect(next('b', 'x')).toBe('added');
  // 35 of the 65 that remain free.
  add('b', 'x', 14);
  expect(next('c', 'x')).toBe(TOO_MANY);
  expect(next('d', 'y')).toBe('added');
  second.close();
  first.close();
  expect(next('a', 'x')).toBe('added');
});

test('never refuses a request of a tenant that holds nothing because of what others hold', () => {
  const budget = createByteBudget({ callerBytesMax: 40, bytesMax: 100 }, WORDING);
  budget.openLease({ caller: 'a', share: 'x' }).add(300);
  budget.refuseAboveHalf(() => ({ caller: 'b', share: 'y' }));
});

/** A request on a public route, or one of a caller whose tenant is its name. */
const from = (ip: string, caller?: string) =>
  ({
    ip,
    user:
      caller === undefined
        ? null
        : { kind: 'user', name: caller, role: 'admin', tenants: [caller] },
  }) as unknown as FastifyRequest;

const LIMITS = {
  callerBytesMax: 60,
  bytesMax: 100,
  strangers: { callerBytesMax: 10, bytesMax: 1_000 },
};

const openBudget = (limits: RequestBudgetOptions = LIMITS) => {
  const budget = createRequestBudget(limits, 'requests in progress');
  /** @returns What is refused, if anything. */
  return (request: FastifyRequest, bytes: number): unknown => {
    try {
      budget.openLease(request).add(bytes);
      return undefined;
    } catch (error) {
      return (error as ProblemError).options.detail;
    }
  };
};

test('one network without a token keeps neither others nor callers out', () => {
  const add = openBudget();
  for (let count = 0; count < 100; count++) add(from(`2001:db8:1:${count}::1`), 1);
  for (const address of ['2001:db8:1:ffff::1', '2001:db8:1:1::2']) {
    expect(add(from(address), 1)).toBe(
      'The requests in progress of your network are too large together. Try again later.',
    );
  }
  expect(add(from('2001:db8:2::1'), 10)).toBeUndefined();
  expect(add(from('192.0.2.2'), 10)).toBeUndefined();
  expect(add(from('2001:db8:1:1::2', 'acme'), 50)).toBeUndefined();
});

test('callers with much in progress keep nobody without a token out', () => {
  const add = openBudget();
  for (let tenant = 0; tenant < 10; tenant++) {
    for (let count = 0; count < 100; count++) add(from('192.0.2.1', `tenant-${tenant}`), 1);
  }
  expect(add(from('192.0.2.1', 'tenant-0'), 1)).toBe(
    'The requests in progress of callers with your tenants are too large together. Try again later.',
  );
  expect(add(from('192.0.2.1'), 10)).toBeUndefined();
});

test.each([100, 5_000, 68_000])(
  'requests of %d bytes from 200 networks without a token leave room for a login from another one',
  (bytes) => {
    const add = openBudget(BODY_BUDGET);
    for (let network = 0; network < 200; network++) {
      for (let count = 0; count < 100; count++) add(from(`192.0.2.${network}`), 4_096 + bytes);
    }
    expect(add(from('192.0.2.1'), 4_096 + bytes)).toContain('of your network');
    expect(add(from('198.51.100.1'), 4_096 + 16_384)).toBeUndefined();
  },
);

test('looks for who sends a request only while much is held', () => {
  const budget = createByteBudget({ callerBytesMax: 40, bytesMax: 100 }, WORDING);
  const ask = () => {
    budget.refuseAboveHalf(() => {
      throw new Error('looked');
    });
  };
  budget.openLease({ caller: 'a', share: 'x' }).add(20);
  ask();
  budget.openLease({ caller: 'b', share: 'x' }).add(1);
  expect(ask).toThrow('looked');
});
