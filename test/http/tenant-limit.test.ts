import { expect, test } from 'vitest';
import { ProblemError } from '../../src/http/problems.ts';
import { createTenantLimit } from '../../src/http/tenant-limit.ts';

const codeOf = (enter: () => unknown): unknown => {
  try {
    enter();
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    expect(error.options.headers).toEqual({ 'retry-after': '5' });
    return error.kind.code;
  }
  return 'entered';
};

test('one tenant cannot take the slots of another', () => {
  const limit = createTenantLimit({ what: 'exports', perTenant: 1, total: 3 });
  limit.enter(['acme']);
  expect(codeOf(() => limit.enter(['acme']))).toBe('PULSE_API_TOO_MANY_REQUESTS');
  expect(codeOf(() => limit.enter(['globex']))).toBe('entered');
  expect(codeOf(() => limit.enter('all'))).toBe('entered');
  expect(codeOf(() => limit.enter(['initech']))).toBe('PULSE_API_BUSY');
});

test('the callers of the same tenants share one limit, however the tenants are listed', () => {
  const limit = createTenantLimit({ what: 'exports', perTenant: 1, total: 3 });
  limit.enter(['acme', 'globex']);
  expect(codeOf(() => limit.enter(['globex', 'acme', 'acme']))).toBe('PULSE_API_TOO_MANY_REQUESTS');
});

test('a slot is free again when its work has ended, and freed only once', () => {
  const limit = createTenantLimit({ what: 'exports', perTenant: 2, total: 2 });
  const leave = limit.enter(['acme']);
  limit.enter(['acme']);
  leave();
  leave();
  expect(codeOf(() => limit.enter(['acme']))).toBe('entered');
  expect(codeOf(() => limit.enter(['acme']))).toBe('PULSE_API_TOO_MANY_REQUESTS');
});
