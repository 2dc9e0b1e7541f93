/** `pulse keys create|list|revoke`. */
import { InvalidArgumentError } from 'commander';
import { toKeyJson } from '../access/access-json.ts';
import {
  DAY_SECONDS,
  isKeyName,
  KEY_LIFE_DAYS,
  KEY_NAME_LENGTH_MAX,
} from '../access/access-rules.ts';
import { insertKey, listKeys, revokeKey, type ApiKey } from '../access/api-keys.ts';
import { BELIEVED_MS } from '../access/identities.ts';
import { createKeyText } from '../access/key-text.ts';
import {
  defineList,
  describeInstant,
  describeScope,
  RIGHTS,
  rightsFrom,
  sourceFrom,
} from '../cli/access-options.ts';
import { ACTOR } from '../cli/actor.ts';
import { openPool } from '../cli/clients.ts';
import { EXIT_DONE, EXIT_FAILED, misused, toJson, type CommandRun } from '../cli/command.ts';
import { defineCommand, defineGroup } from '../cli/define-command.ts';
import type { Column } from '../cli/table.ts';
import { describeAge } from '../cli/wording.ts';
import { ProblemError } from '../http/problems.ts';

const UNIT_SECONDS: Readonly<Record<string, number>> = { m: 60, h: 3_600, d: DAY_SECONDS };

const open = (run: CommandRun) => openPool(run, 'pulse keys');

const create = defineCommand({
  summary: 'Create a key. It is printed once and not stored.',
  options: {
    name: { value: '<text>', about: 'what the key is for', required: true },
    ...RIGHTS,
    expiresIn: {
      value: '<time>',
      about: 'how long the key is valid, such as 12h or 90d',
      parse: lifeSeconds,
      default: KEY_LIFE_DAYS.default * DAY_SECONDS,
      defaultText: `${KEY_LIFE_DAYS.default}d`,
    },
    ...ACTOR,
  },
  json: true,
  examples: [
    'pulse keys create --name meter --role operator --tenant acme --expires-in 365d',
    'KEY=$(pulse keys create --name nightly-report --all-tenants)',
  ],
  async run(run) {
    const { name, expiresIn } = run.flags;
    if (!isKeyName(name)) {
      throw misused(`--name: must have 1 to ${KEY_NAME_LENGTH_MAX} characters.`);
    }
    const rights = rightsFrom(run.flags);
    const asked = { name, ...rights, lifeSeconds: expiresIn, source: sourceFrom(run.flags) };
    const { text, credentials } = createKeyText();
    const key = await insertKey(await open(run), credentials, asked).catch(toRefusal);
    if (typeof key === 'string') {
      run.tell(`pulse: ${key}`);
      return EXIT_FAILED;
    }
    if (run.json) run.print(toJson({ key: text, ...toKeyJson(key) }));
    else {
      const facts = `${key.role}, ${describeScope(key.scope)}, until ${describeInstant(key.expiresAt)}`;
      run.tell(`key ${key.id}: ${facts}. It is not shown again:`);
      run.print(text);
    }
    return EXIT_DONE;
  },
});

const list = defineList({
  summary: 'List the keys, newest first, with when each was last used.',
  list: async (run) => listKeys(await open(run)),
  toApi: toKeyJson,
  columns: keyColumns,
  none: 'There are no keys. Create one: `pulse keys create --help`.',
  examples: ['pulse keys list'],
});

const revoke = defineCommand({
  summary: `Revoke a key for good. It is refused within ${BELIEVED_MS / 1000} seconds.`,
  argument: '<id>',
  options: ACTOR,
  json: true,
  examples: ['pulse keys revoke 0123456789abcdef'],
  async run(run) {
    const id = run.argument;
    const outcome = await revokeKey(await open(run), id, sourceFrom(run.flags));
    if (outcome === 'missing') {
      run.tell(`pulse: there is no key ${id}; \`pulse keys list\` shows all keys.`);
      return EXIT_FAILED;
    }
    run.answer({ id, revoked: true }, `revoked ${id}`);
    return EXIT_DONE;
  },
});

export const keys = defineGroup({ create, list, revoke }, [
  'pulse keys create --name billing --tenant acme',
  'pulse keys revoke 0123456789abcdef',
]);

function lifeSeconds(text: string): number {
  const [, digits, unit = ''] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  const seconds = Number(digits) * (UNIT_SECONDS[unit] ?? 0);
  if (seconds > 0 && seconds <= KEY_LIFE_DAYS.max * DAY_SECONDS) return seconds;
  throw new InvalidArgumentError(
    `It must be a time such as 30m, 12h or 90d, and at most ${KEY_LIFE_DAYS.max}d.`,
  );
}

/** What is wrong, for the terminal. */
function toRefusal(error: unknown): string {
  if (error instanceof ProblemError && error.options.detail !== undefined) {
    return error.options.detail;
  }
  throw error;
}

function keyColumns(nowMs: number): Column<ApiKey>[] {
  const validity = ({ revokedAt, expiresAt }: ApiKey): string => {
    if (revokedAt !== null) return 'revoked';
    return expiresAt.getTime() <= nowMs ? 'expired' : describeAge(expiresAt, nowMs);
  };
  const age = (instant: Date | null): string =>
    instant === null ? 'never' : describeAge(instant, nowMs);
  return [
    { heading: 'ID', text: ({ id }) => id },
    { heading: 'NAME', text: ({ name }) => name, cut: true },
    { heading: 'ROLE', text: ({ role }) => role },
    { heading: 'EXPIRES', text: validity },
    { heading: 'LAST USED', text: ({ lastUsedAt }) => age(lastUsedAt) },
    { heading: 'TENANTS', text: ({ scope }) => describeScope(scope), cut: true },
  ];
}
