/** `pulse users add|list|disable|enable|passwd`. */
import { hashPassword } from '../access/passwords.ts';
import {
  addUser,
  listUsers,
  setPasswordHash,
  setUserDisabled,
  type UserRow,
} from '../access/users.ts';
import { toUserJson } from '../access/access-json.ts';
import { isUsername, USERNAME_RULE, USERS_MAX } from '../access/access-rules.ts';
import {
  defineList,
  describeScope,
  RIGHTS,
  rightsFrom,
  sourceFrom,
} from '../cli/access-options.ts';
import { ACTOR } from '../cli/actor.ts';
import { openPool } from '../cli/clients.ts';
import { EXIT_DONE, EXIT_FAILED, misused, type CommandRun } from '../cli/command.ts';
import { defineCommand, defineGroup, type CommandContext } from '../cli/define-command.ts';
import { PASSWORD_FILE, readNewPassword } from '../cli/password-input.ts';
import type { Column } from '../cli/table.ts';
import { describeAge } from '../cli/wording.ts';

const open = (run: CommandRun) => openPool(run, 'pulse users');

const add = defineCommand({
  summary: 'Add a user. Asks for the password.',
  argument: '<username>',
  options: { ...PASSWORD_FILE, ...RIGHTS, ...ACTOR },
  json: true,
  examples: [
    'pulse users add alice --role operator --all-tenants',
    'pulse users add acme-billing --tenant acme --tenant acme-eu --password-file secret.txt',
  ],
  async run(run) {
    const username = checkedUsername(run.argument);
    const { role, scope } = rightsFrom(run.flags);
    const source = sourceFrom(run.flags);
    const pool = await open(run);
    const passwordHash = await hashPassword(await readNewPassword(run, run.flags));
    const added = await addUser(pool, { username, passwordHash, role, scope }, source);
    if (added === 'taken' || added === 'full') {
      const isTaken = `user ${username} already exists.`;
      run.tell(`pulse: ${added === 'taken' ? isTaken : `there are ${USERS_MAX} users already.`}`);
      return EXIT_FAILED;
    }
    run.answer({ username, role, scope }, `added ${username}: ${role}, ${describeScope(scope)}`);
    return EXIT_DONE;
  },
});

const list = defineList({
  summary: 'List the users, with their rights and when they last logged in.',
  list: async (run) => listUsers(await open(run)),
  toApi: toUserJson,
  columns: userColumns,
  none: 'There are no users. Add one: `pulse users add --help`.',
  examples: ['pulse users list'],
});

const defineSwitch = (verb: 'disable' | 'enable', summary: string) =>
  defineCommand({
    summary,
    argument: '<username>',
    options: ACTOR,
    json: true,
    examples: [`pulse users ${verb} alice`],
    async run(run) {
      const change = { username: run.argument, isDisabled: verb === 'disable' };
      const source = sourceFrom(run.flags);
      const isDone = await setUserDisabled(await open(run), change, source);
      return report(run, `${verb}d`, isDone);
    },
  });

const disable = defineSwitch('disable', 'Lock a user out. Current tokens end within seconds.');
const enable = defineSwitch('enable', 'Let a user log in again.');

const passwd = defineCommand({
  summary: "Change a user's password. Current tokens end within seconds.",
  argument: '<username>',
  options: { ...PASSWORD_FILE, ...ACTOR },
  json: true,
  examples: ['pulse users passwd alice', 'pulse users passwd alice --password-file - < secret.txt'],
  async run(run) {
    const source = sourceFrom(run.flags);
    const pool = await open(run);
    const passwordHash = await hashPassword(await readNewPassword(run, run.flags));
    const version = await setPasswordHash(pool, { username: run.argument, passwordHash }, source);
    return report(run, 'changed', version !== undefined);
  },
});

export const users = defineGroup({ add, list, disable, enable, passwd }, [
  'pulse users add alice --role operator --all-tenants',
  'pulse users disable alice',
]);

function report(
  {
    argument: username,
    answer,
    tell,
  }: Pick<CommandContext<never, '<username>'>, 'argument' | 'answer' | 'tell'>,
  did: string,
  isDone: boolean,
): number {
  if (isDone) answer({ username, [did]: true }, `${did} ${username}`);
  else tell(`pulse: there is no user ${username}; \`pulse users list\` shows all users.`);
  return isDone ? EXIT_DONE : EXIT_FAILED;
}

function checkedUsername(username: string): string {
  if (isUsername(username)) return username;
  throw misused(`A username has ${USERNAME_RULE}`);
}

function userColumns(nowMs: number): Column<UserRow>[] {
  const age = (instant: Date | null): string =>
    instant === null ? 'never' : describeAge(instant, nowMs);
  return [
    { heading: 'USERNAME', text: ({ username }) => username, cut: true },
    { heading: 'ROLE', text: ({ role }) => role },
    { heading: 'STATE', text: ({ disabledAt }) => (disabledAt === null ? 'enabled' : 'disabled') },
    { heading: 'LAST LOGIN', text: ({ lastLoginAt }) => age(lastLoginAt) },
    { heading: 'TENANTS', text: ({ scope }) => describeScope(scope), cut: true },
  ];
}
