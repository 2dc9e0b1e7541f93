// The guards of the API: who calls, what they may do, and whose rows they see. Same shape as mutations.js.

const SCOPED = { tests: 'test/platform/scoped-postgres.integration.test.ts' };
const ORIGINALS = { tests: 'test/quarantine/original-tenant.integration.test.ts' };
const MATRIX = { tests: 'test/api/access.integration.test.ts' };
const LOGIN = { tests: 'test/access/login-route.integration.test.ts' };
const IDENTITY = { tests: 'test/access/identity.integration.test.ts' };

const FILTERS = 'tenants: the filter of each query';
const POLICIES = 'tenants: row-level security';

export const ACCESS_MUTATIONS = [
  {
    name: 'filter-pulses',
    guard: FILTERS,
    off: 'lists of pulses are not filtered',
    edits: [
      {
        file: 'src/usage/pulses-query.ts',
        find: "['tenant = ANY(?)', tenantsOf(filters.scope)],",
        replace: '',
      },
    ],
    red: [SCOPED],
  },
  {
    name: 'filter-pulse',
    guard: FILTERS,
    off: 'a pulse by its id is not filtered',
    edits: [
      {
        file: 'src/usage/pulses-query.ts',
        find: 'p.tenant = ANY($2))',
        replace: 'cardinality($2) >= 0)',
      },
    ],
    red: [SCOPED],
  },
  {
    name: 'filter-dead-letters',
    guard: FILTERS,
    off: 'dead letters are not filtered',
    edits: [
      {
        file: 'src/quarantine/quarantine-query.ts',
        find: '[ofTenants, tenantsOf',
        replace: "['cardinality(?::text[]) >= 0', tenantsOf",
      },
    ],
    red: [SCOPED],
  },
  {
    name: 'policy-pulses',
    guard: POLICIES,
    off: 'pulses have no policy',
    edits: [
      {
        file: 'migrations/0008_access.sql',
        find: 'ALTER TABLE pulses ENABLE ROW LEVEL SECURITY;',
        replace: '',
      },
    ],
    red: [SCOPED],
  },
  {
    name: 'policy-dead-letters',
    guard: POLICIES,
    off: 'dead letters have no policy',
    edits: [
      {
        file: 'migrations/0008_access.sql',
        find: 'ALTER TABLE dead_letters ENABLE ROW LEVEL SECURITY;',
        replace: '',
      },
    ],
    red: [SCOPED],
  },
  {
    name: 'filter-originals',
    guard: FILTERS,
    off: 'originals of dead letters are not filtered',
    edits: [
      {
        file: 'src/quarantine/quarantine-query.ts',
        find: ' AND ($3::text[] IS NULL OR original_tenant = ANY($3))',
        replace: '',
      },
    ],
    red: [SCOPED],
  },
  {
    name: 'policy-originals',
    guard: POLICIES,
    off: 'originals of dead letters have none',
    edits: [
      {
        file: 'migrations/0023_dead_letter_originals.sql',
        find: 'ALTER TABLE dead_letter_originals ENABLE ROW LEVEL SECURITY;',
        replace: '',
      },
    ],
    red: [ORIGINALS],
  },
  {
    name: 'scope-role',
    guard: POLICIES,
    off: 'reads run as the owner, to whom no policy applies',
    edits: [
      {
        file: 'src/platform/scoped-postgres.ts',
        find: 'SET LOCAL ROLE ${SCOPE_ROLES.some}',
        replace: 'SELECT 1',
      },
    ],
    red: [SCOPED],
  },
  {
    name: 'turns-at-postgres',
    guard: 'callers of one tenant take turns at some of the connections',
    off: 'they take as many as there are',
    edits: [
      {
        file: 'src/platform/scoped-postgres.ts',
        find: 'turnsOf(pool).ofTenants.run(shareOf(scope), work)',
        replace: '(void shareOf, work())',
      },
    ],
    red: [{ tests: 'test/api/write-turns.integration.test.ts' }],
  },
  {
    name: 'strangers-at-postgres',
    guard: 'strangers share two connections',
    off: 'they take as many as there are',
    edits: [
      {
        file: 'src/platform/scoped-postgres.ts',
        find: 'turnsOf(pool).ofStrangers.run(share, work)',
        replace: '(void share, work())',
      },
    ],
    red: [{ tests: 'test/access/strangers.integration.test.ts' }],
  },
  {
    name: 'route-roles',
    guard: 'the roles of a route',
    off: 'every role may call every route',
    edits: [
      {
        file: 'src/access/auth.ts',
        find: 'config.roles?.includes(role) !== true',
        replace: 'false',
      },
    ],
    red: [MATRIX],
  },
  {
    name: 'route-tenants',
    guard: 'routes for callers of all tenants',
    off: 'callers of some tenants are let in',
    edits: [{ file: 'src/access/auth.ts', find: "tenants !== 'all'", replace: 'false' }],
    red: [MATRIX],
  },
  {
    name: 'fix-for-others',
    guard: 'a dead letter is fixed for one’s own tenant',
    off: 'the API does not check the tenant in the new body',
    edits: [
      {
        file: 'src/quarantine/fixable.ts',
        find: 'if (fix.tenant === null || !includesTenant(tenants, fix.tenant)) {',
        replace: 'if (fix.tenant === "" && includesTenant(tenants, "")) {',
      },
    ],
    red: [{ tests: 'test/quarantine/quarantine-scope.integration.test.ts' }],
  },
  {
    name: 'fix-grows',
    guard: 'a correction has no more pulses than were refused',
    off: 'any number of pulses is taken',
    edits: [
      {
        file: 'src/quarantine/fixable.ts',
        find: 'if (fix.pulseCount <= pulsesMax) return;',
        replace: 'if (fix.pulseCount <= 1_000 * pulsesMax) return;',
      },
    ],
    red: [{ tests: 'test/quarantine/quarantine-scope.integration.test.ts' }],
  },
  {
    name: 'key-secret',
    guard: 'the secret of a key',
    off: 'the id of a key is enough',
    edits: [
      {
        file: 'src/access/auth.ts',
        find: '!timingSafeEqual(key.secretHash, credentials.secretHash)',
        replace: 'timingSafeEqual(key.secretHash, credentials.secretHash) === null',
      },
    ],
    red: [MATRIX],
  },
  {
    name: 'key-revoked',
    guard: 'a revoked key is refused',
    off: 'a revoked key is accepted',
    edits: [{ file: 'src/access/auth.ts', find: 'if (key.isRevoked)', replace: 'if (false)' }],
    red: [MATRIX, IDENTITY],
  },
  {
    name: 'key-expired',
    guard: 'an expired key is refused',
    off: 'an expired key is accepted',
    edits: [
      { file: 'src/access/auth.ts', find: 'key.expiresAtMs <= Date.now()', replace: 'false' },
    ],
    red: [MATRIX, IDENTITY],
  },
  {
    name: 'token-version',
    guard: 'a new password ends the tokens of its user',
    off: 'the tokens stay valid',
    edits: [
      {
        file: 'src/access/auth.ts',
        find: 'user?.tokenVersion !== ver',
        replace: 'user === undefined',
      },
    ],
    red: [MATRIX, IDENTITY],
  },
  {
    name: 'deny-by-default',
    guard: 'a route that names no roles is refused at start',
    off: 'it is accepted',
    edits: [
      {
        file: 'src/http/route-table.ts',
        find: 'if (open !== undefined)',
        replace: 'if (open === null)',
      },
    ],
    red: [{ tests: 'test/access/auth.test.ts' }],
  },
  {
    name: 'guesses-per-account',
    guard: 'password guesses are slowed down',
    off: 'accounts are not counted',
    edits: [
      {
        file: 'src/access/login-limiter.ts',
        find: 'const waitSeconds = await count(client, COUNT_ACCOUNT, [account, perAccount]);',
        replace: 'const waitSeconds = account.length * perAccount * 0;',
      },
    ],
    red: [LOGIN],
  },
  {
    name: 'owner-locked-out',
    guard: 'strangers cannot lock owners out of their usual addresses',
    off: 'known addresses are counted together with all others',
    edits: [
      {
        file: 'src/access/login-limiter.ts',
        find: "isUsualPlace ? addressGroup(address) : ''",
        replace: "isUsualPlace ? '' : ''",
      },
    ],
    red: [LOGIN],
  },
];
