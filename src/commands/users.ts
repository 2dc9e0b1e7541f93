/** `pulse users add|list|disable|enable|passwd`. */
import type { Command } from 'commander';
import { hashPassword } from '../access/passwords.ts';
import {
  addUser,
  listUsers,
  setPasswordHash,
  setUserDisabled,
  type UserRow,
} from '../access/users.ts';
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
import { readNewPassword, withPasswordFile } from '../cli/password-input.ts';

interface ChangeFlags {
  readonly as?: string;
  readonly json?: true;
  readonly passwordFile?: string;
}

/** Adds the command. */
export function addUsersCommand(
  program: Command,
  environment: CommandEnvironment,
  setExitCode: (code: number) => void,
): void {
  const group = program
    .command('users')
    .description('Manage who may log in to the API, and what they may do.');
  const run = createRunSubcommand(environment, setExitCode);
  addAddCommand(group, run);
  addListCommand(group, run, {
    description: 'List the users, with what they may do and when they last logged in.',
    list: async (context) => listUsers(await open(context)),
    toApi,
    describe: describeUser,
  });
  addDisabledCommands(group, run);
  addPasswdCommand(group, run);
  withExamples(
    group,
    'pulse users add alice --role operator --all-tenants',
    'pulse users disable alice',
  );
}

const open = (context: CommandRun) => openPool(context, 'pulse users');

function addAddCommand(group: Command, run: RunSubcommand): void {
  const command = withActor(withRights(withPasswordFile(group.command('add <username>'))))
    .description('Add a user. The password is asked for.')
    .option('--json', 'print as JSON')
    .action((username: string, flags: ChangeFlags & RightsFlags) =>
      run(async (context) => {
        const name = checkedUsername(username);
        const rights = { role: flags.role, scope: scopeFrom(flags) };
        const source = sourceFrom(flags);
        const pool = await open(context);
        const passwordHash = await hashPassword(await readNewPassword(context, flags));
        const isAdded = await addUser(pool, { username: name, passwordHash, ...rights }, source);
        if (!isAdded) context.tell(`pulse: there is a user ${name} already.`);
        else if (flags.json === true) context.print(toJson({ username: name, ...rights }));
        else context.print(`added ${name}: ${rights.role}, ${describeScope(rights.scope)}`);
        return isAdded ? EXIT_DONE : EXIT_FAILED;
      }),
    );
  withExamples(
    command,
    'pulse users add alice --role operator --all-tenants',
    'pulse users add acme-billing --tenant acme --tenant acme-eu --password-file secret.txt',
  );
}

function addDisabledCommands(group: Command, run: RunSubcommand): void {
  const descriptions = {
    disable: 'Let a user in no longer. Running tokens end within seconds.',
    enable: 'Let a user in again.',
  };
  for (const [verb, description] of Object.entries(descriptions)) {
    const isDisabled = verb === 'disable';
    const command = withActor(group.command(`${verb} <username>`))
      .description(description)
      .option('--json', 'print as JSON')
      .action((username: string, flags: ChangeFlags) =>
        run(async (context) => {
          const source = sourceFrom(flags);
          const pool = await open(context);
          const isDone = await setUserDisabled(pool, { username, isDisabled }, source);
          return answer(context, { isDone, username, did: `${verb}d`, json: flags.json });
        }),
      );
    withExamples(command, `pulse users ${verb} alice`);
  }
}

function addPasswdCommand(group: Command, run: RunSubcommand): void {
  const command = withActor(withPasswordFile(group.command('passwd <username>')))
    .description('Give a user another password. Running tokens end within seconds.')
    .option('--json', 'print as JSON')
    .action((username: string, flags: ChangeFlags) =>
      run(async (context) => {
        const source = sourceFrom(flags);
        const pool = await open(context);
        const passwordHash = await hashPassword(await readNewPassword(context, flags));
        const isDone = await setPasswordHash(pool, { username, passwordHash }, source);
        return answer(context, { isDone, username, did: 'changed', json: flags.json });
      }),
    );
  withExamples(
    command,
    'pulse users passwd alice',
    'pulse users passwd alice --password-file - < secret.txt',
  );
}

function answer(
  { print, tell }: CommandRun,
  {
    isDone,
    username,
    did,
    json,
  }: { isDone: boolean; username: string; did: string; json: true | undefined },
): number {
  if (!isDone) tell(`pulse: there is no user ${username}; \`pulse users list\` shows them.`);
  else print(json === true ? toJson({ username, [did]: true }) : `${did} ${username}`);
  return isDone ? EXIT_DONE : EXIT_FAILED;
}

/** The same names as ADMIN_USERNAME: they stand in logs, and a colon would look like a key. */
function checkedUsername(username: string): string {
  if (/^[\w.@-]{1,64}$/.test(username)) return username;
  throw misused('A username has 1 to 64 letters, digits, . _ @ -');
}

function toApi(user: UserRow) {
  const { username, role, scope, createdAt, lastLoginAt, disabledAt } = user;
  return {
    ...{ username, role, tenants: scope, created_at: createdAt },
    ...{ last_login_at: lastLoginAt, disabled_at: disabledAt },
  };
}

function describeUser({ username, role, scope, lastLoginAt, disabledAt }: UserRow): string {
  const columns = [
    username.padEnd(20),
    role.padEnd(8),
    (disabledAt === null ? 'enabled' : 'disabled').padEnd(8),
    `last login ${describeInstant(lastLoginAt)}`.padEnd(31),
    describeScope(scope),
  ];
  return columns.join('  ');
}
