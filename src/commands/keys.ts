/** `pulse keys create|list|revoke`. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import { insertKey, listKeys, revokeKey, type ApiKey } from '../access/api-keys.ts';
import { BELIEVED_MS } from '../access/identities.ts';
import { createKeyText } from '../access/key-text.ts';
import {
  addListCommand,
  describeInstant,
  describeScope,
  scopeFrom,
  sourceFrom,
  withRights,
  type RightsFlags,
} from '../cli/access-options.ts';
import {
  EXIT_DONE,
  EXIT_FAILED,
  toJson,
  withExamples,
  type CommandEnvironment,
  type CommandRun,
} from '../cli/command.ts';
import {
  createRunSubcommand,
  misused,
  openPool,
  withActor,
  type RunSubcommand,
} from './dead-letters-options.ts';

interface CreateFlags extends RightsFlags {
  readonly name: string;
  readonly expiresIn: number;
  readonly as?: string;
  readonly json?: true;
}

const DAY_SECONDS = 86_400;
const UNIT_SECONDS: Readonly<Record<string, number>> = { m: 60, h: 3_600, d: DAY_SECONDS };
const LIFE_DAYS = { default: 90, max: 3_650 };

/** Adds the command. */
export function addKeysCommand(
  program: Command,
  environment: CommandEnvironment,
  setExitCode: (code: number) => void,
): void {
  const group = program
    .command('keys')
    .description('Manage the keys with which machines call the API.');
  const run = createRunSubcommand(environment, setExitCode);
  addCreateCommand(group, run);
  addListCommand(group, run, {
    description: 'List the keys, newest first, with when each was last used.',
    list: async (context) => listKeys(await open(context)),
    toApi,
    describe: describeKey,
  });
  addRevokeCommand(group, run);
  withExamples(
    group,
    'pulse keys create --name billing --tenant acme',
    'pulse keys revoke 0123456789abcdef',
  );
}

const open = (context: CommandRun) => openPool(context, 'pulse keys');

function addCreateCommand(group: Command, run: RunSubcommand): void {
  const command = withActor(withRights(group.command('create')))
    .description('Create a key. It is printed once and kept nowhere.')
    .requiredOption('--name <text>', 'what it is for')
    .addOption(
      new Option('--expires-in <time>', 'how long it lives, such as 12h or 90d')
        .argParser(lifeSeconds)
        .default(LIFE_DAYS.default * DAY_SECONDS, `${LIFE_DAYS.default}d`),
    )
    .option('--json', 'print as JSON')
    .action((flags: CreateFlags) =>
      run(async (context) => {
        const { name, role, expiresIn } = flags;
        if (!/^[^\p{Cc}\p{Cs}]{1,128}$/u.test(name)) {
          throw misused('--name: must have 1 to 128 characters.');
        }
        const asked = { name, role, scope: scopeFrom(flags), lifeSeconds: expiresIn };
        const source = sourceFrom(flags);
        const { text, credentials } = createKeyText();
        const key = await insertKey(await open(context), credentials, { ...asked, source });
        if (flags.json === true) {
          context.print(toJson({ key: text, ...toApi(key) }));
        } else {
          const until = describeInstant(key.expiresAt);
          context.tell(
            `key ${key.id}: ${role}, ${describeScope(key.scope)}, until ${until}. It is not shown again:`,
          );
          context.print(text);
        }
        return EXIT_DONE;
      }),
    );
  withExamples(
    command,
    'pulse keys create --name meter --role operator --tenant acme --expires-in 365d',
    'KEY=$(pulse keys create --name nightly-report --all-tenants)',
  );
}

function addRevokeCommand(group: Command, run: RunSubcommand): void {
  const command = withActor(group.command('revoke <id>'))
    .description(`Revoke a key, for ever. It is refused within ${BELIEVED_MS / 1000} seconds.`)
    .option('--json', 'print as JSON')
    .action((id: string, flags: { as?: string; json?: true }) =>
      run(async (context) => {
        const outcome = await revokeKey(await open(context), id, sourceFrom(flags));
        if (outcome === 'missing') {
          context.tell(`pulse: there is no key ${id}; \`pulse keys list\` shows them.`);
          return EXIT_FAILED;
        }
        context.print(flags.json === true ? toJson({ id, revoked: true }) : `revoked ${id}`);
        return EXIT_DONE;
      }),
    );
  withExamples(command, 'pulse keys revoke 0123456789abcdef');
}

function lifeSeconds(text: string): number {
  const [, digits, unit = ''] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  const seconds = Number(digits) * (UNIT_SECONDS[unit] ?? 0);
  if (seconds > 0 && seconds <= LIFE_DAYS.max * DAY_SECONDS) return seconds;
  throw new InvalidArgumentError(`It must be such as 30m, 12h or 90d, ${LIFE_DAYS.max}d at most.`);
}

function toApi(key: ApiKey) {
  const { id, name, role, scope, createdBy, createdAt, expiresAt, revokedAt, lastUsedAt } = key;
  return {
    ...{ id, name, role, tenants: scope, created_by: createdBy, created_at: createdAt },
    ...{ expires_at: expiresAt, revoked_at: revokedAt, last_used_at: lastUsedAt },
  };
}

function describeKey(key: ApiKey): string {
  const until = describeInstant(key.expiresAt);
  const columns = [
    key.id,
    key.role.padEnd(8),
    (key.revokedAt === null
      ? `until ${until}`
      : `revoked ${describeInstant(key.revokedAt)}`
    ).padEnd(28),
    `last used ${describeInstant(key.lastUsedAt)}`.padEnd(30),
    key.name,
    `(${describeScope(key.scope)})`,
  ];
  return columns.join('  ');
}
