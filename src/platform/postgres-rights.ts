/** What the user of DATABASE_URL and the two scope roles must be allowed to do. */
import { escapeIdentifier, type Pool } from 'pg';
import { FatalError } from '../core/errors.ts';
import { SCOPE_ROLES } from './scoped-postgres.ts';

/** One of the two roles as Postgres knows it. */
export interface RoleRights {
  readonly name: string;
  readonly exists: boolean;
  /** It cannot bypass row-level security. */
  readonly isBound: boolean;
  /** This user may switch to it. */
  readonly isOurs: boolean;
  /** This user may give it to itself. */
  readonly isGrantable: boolean;
  /** It may use the schema. */
  readonly hasUsage: boolean;
}

export interface Rights {
  readonly database: string;
  readonly username: string;
  readonly schema: string;
  readonly mayCreateRoles: boolean;
  /** This user may create tables in the schema. */
  readonly mayCreate: boolean;
  /** This user may create the schema of graphile-worker, or it exists. */
  readonly hasJobSchema: boolean;
  /** This user may let the roles use the schema. */
  readonly mayGrantUsage: boolean;
  readonly roles: readonly RoleRights[];
}

/**
 * What an administrator must run so that Pulse can do the rest; empty if Pulse can do it all.
 *
 * @param migrating Whether tables must still be created, which needs more rights.
 */
export function missingRights(rights: Rights, { migrating }: { migrating: boolean }): string[] {
  const { username, mayCreateRoles, mayCreate, mayGrantUsage, roles } = rights;
  const schema = escapeIdentifier(rights.schema);
  const missing = roles.filter(({ exists }) => !exists);
  const isCreatedByUs = migrating && mayCreateRoles;
  const wild = roles.filter(({ exists, isBound }) => exists && !isBound);
  const foreign = roles.filter(({ exists, isOurs, isGrantable }) =>
    exists ? !isOurs && !(migrating && isGrantable) : !isCreatedByUs,
  );
  const shutOut = mayGrantUsage ? [] : roles.filter(({ hasUsage }) => !hasUsage);
  const names = (some: readonly RoleRights[]): string => some.map(({ name }) => name).join(', ');
  return [
    ...(isCreatedByUs ? [] : missing.map(({ name }) => `CREATE ROLE ${name} NOLOGIN;`)),
    ...wild.map(({ name }) => `ALTER ROLE ${name} NOSUPERUSER NOBYPASSRLS;`),
    ...(foreign.length === 0 ? [] : [`GRANT ${names(foreign)} TO ${escapeIdentifier(username)};`]),
    ...(migrating && !mayCreate
      ? [`GRANT USAGE, CREATE ON SCHEMA ${schema} TO ${escapeIdentifier(username)};`]
      : []),
    ...(rights.hasJobSchema
      ? []
      : [
          `GRANT CREATE ON DATABASE ${escapeIdentifier(rights.database)} TO ${escapeIdentifier(username)};`,
        ]),
    ...(shutOut.length === 0 ? [] : [`GRANT USAGE ON SCHEMA ${schema} TO ${names(shutOut)};`]),
  ];
}

/**
 * Checks that the rights are there, or that Pulse can give them to itself.
 *
 * @throws FatalError PULSE_POSTGRES_ROLES with all that is missing, as SQL to paste.
 */
export async function assertRights(
  pool: Pick<Pool, 'query'>,
  options: { migrating: boolean },
): Promise<void> {
  const rights = await readRights(pool);
  if (rights === undefined) return;
  const lines = missingRights(rights, options);
  if (lines.length > 0) throw new FatalError('PULSE_POSTGRES_ROLES', describeRights(rights, lines));
}

/** The sentence before the SQL, and the SQL. */
export function describeRights({ database, username }: Rights, lines: readonly string[]): string {
  return (
    `DATABASE_URL: user ${username} lacks rights that Pulse needs. ` +
    `Run as a Postgres administrator, connected to the database ${database}:\n` +
    lines.map((line) => `  ${line}`).join('\n')
  );
}

/**
 * Lets the two roles use the schema of the tables, which is only granted to everybody in the schema `public`.
 *
 * Outside of the migrations, because a schema can be restored without its grants.
 */
export async function grantUsage(pool: Pick<Pool, 'query'>): Promise<void> {
  const rights = await readRights(pool);
  if (rights === undefined) return;
  const { schema, roles, mayGrantUsage } = rights;
  const shutOut = roles.filter(({ exists, hasUsage }) => exists && !hasUsage);
  if (shutOut.length === 0 || !mayGrantUsage) return;
  const names = shutOut.map(({ name }) => name).join(', ');
  await pool.query(`GRANT USAGE ON SCHEMA ${escapeIdentifier(schema)} TO ${names}`);
}

/** Undefined when no schema of the search path exists. */
export async function readRights(pool: Pick<Pool, 'query'>): Promise<Rights | undefined> {
  const { rows } = await pool.query<Rights>(
    `WITH me AS (
       SELECT oid, rolname, rolsuper OR rolcreaterole AS creates, rolsuper,
              current_setting('server_version_num')::int >= 160000 AS is_new
       FROM pg_roles WHERE rolname = current_user
     ), place AS (
       SELECT oid, nspname, has_schema_privilege(oid, 'CREATE') AS may_create,
              pg_has_role(nspowner, 'USAGE') OR has_schema_privilege(oid, 'USAGE WITH GRANT OPTION') AS may_grant
       FROM pg_namespace WHERE nspname = current_schema()
     ), wanted AS (
       SELECT name, position, role.oid IS NOT NULL AS "exists",
              coalesce(NOT (role.rolsuper OR role.rolbypassrls), true) AS "isBound",
              coalesce(pg_has_role(role.oid, CASE WHEN is_new THEN 'SET' ELSE 'MEMBER' END), false) AS "isOurs",
              coalesce(CASE WHEN is_new THEN pg_has_role(role.oid, 'MEMBER WITH ADMIN OPTION')
                ELSE creates OR pg_has_role(role.oid, 'MEMBER WITH ADMIN OPTION') END, false) AS "isGrantable",
              coalesce(has_schema_privilege(role.oid, place.oid, 'USAGE'),
                has_schema_privilege('public', place.oid, 'USAGE')) AS "hasUsage"
       FROM unnest($1::text[]) WITH ORDINALITY AS names (name, position)
       CROSS JOIN me CROSS JOIN place LEFT JOIN pg_roles AS role ON role.rolname = name
     )
     SELECT current_database() AS database, rolname AS username, nspname AS schema,
            to_regnamespace('graphile_worker') IS NOT NULL
              OR has_database_privilege(current_database(), 'CREATE') AS "hasJobSchema",
            creates AS "mayCreateRoles", may_create AS "mayCreate", may_grant AS "mayGrantUsage",
            (SELECT json_agg(wanted ORDER BY position) FROM wanted) AS roles
     FROM me CROSS JOIN place`,
    [Object.values(SCOPE_ROLES)],
  );
  return rows[0];
}
