import { describe, expect, test } from 'vitest';
import { missingRights, type Rights, type RoleRights } from '../../src/platform/postgres-rights.ts';

const ROLE: RoleRights = {
  name: 'pulse_all_tenants',
  exists: true,
  isBound: true,
  isOurs: true,
  isGrantable: true,
  hasUsage: true,
};
const ABSENT = { exists: false, isOurs: false, isGrantable: false };

function rights(roles: Partial<RoleRights>, own: Partial<Omit<Rights, 'roles'>> = {}): Rights {
  return {
    database: 'metering',
    username: 'owner',
    schema: 'public',
    mayCreateRoles: false,
    mayCreate: true,
    mayGrantUsage: true,
    hasJobSchema: true,
    roles: ['pulse_all_tenants', 'pulse_some_tenants'].map((name) => ({ ...ROLE, ...roles, name })),
    ...own,
  };
}

describe('what an administrator must run', () => {
  test('is nothing when every right is granted', () => {
    expect(missingRights(rights({}), { migrating: true })).toEqual([]);
    expect(missingRights(rights({}), { migrating: false })).toEqual([]);
  });

  test('is listed completely for an ordinary owner of a database', () => {
    const ordinary = rights(
      { ...ABSENT, hasUsage: false },
      { mayCreate: false, mayGrantUsage: false, hasJobSchema: false },
    );
    expect(missingRights(ordinary, { migrating: true })).toEqual([
      'CREATE ROLE pulse_all_tenants NOLOGIN;',
      'CREATE ROLE pulse_some_tenants NOLOGIN;',
      'GRANT pulse_all_tenants, pulse_some_tenants TO "owner";',
      'GRANT USAGE, CREATE ON SCHEMA "public" TO "owner";',
      'GRANT CREATE ON DATABASE "metering" TO "owner";',
      'GRANT USAGE ON SCHEMA "public" TO pulse_all_tenants, pulse_some_tenants;',
    ]);
  });

  test('is nothing when the migrations can create and grant the roles', () => {
    const creator = rights(ABSENT, { mayCreateRoles: true });
    expect(missingRights(creator, { migrating: true })).toEqual([]);
    expect(missingRights(creator, { migrating: false })).toHaveLength(3);
    const grantor = rights({ isOurs: false });
    expect(missingRights(grantor, { migrating: true })).toEqual([]);
    expect(missingRights(grantor, { migrating: false })).toHaveLength(1);
  });

  test('revokes role attributes that would bypass row-level security', () => {
    expect(missingRights(rights({ isBound: false }), { migrating: true })).toEqual([
      'ALTER ROLE pulse_all_tenants NOSUPERUSER NOBYPASSRLS;',
      'ALTER ROLE pulse_some_tenants NOSUPERUSER NOBYPASSRLS;',
    ]);
  });

  test('quotes names that SQL would read differently', () => {
    const odd = rights({ isOurs: false, isGrantable: false }, { username: 'pulse "prod"' });
    expect(missingRights(odd, { migrating: true })).toEqual([
      'GRANT pulse_all_tenants, pulse_some_tenants TO "pulse ""prod""";',
    ]);
  });
});
