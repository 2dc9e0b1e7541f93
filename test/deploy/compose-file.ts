/** The compose file as Docker Compose would run it: parsed, merged, and with the variables of one environment. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

export interface ComposeService {
  readonly image: string;
  readonly build?: string;
  readonly command?: readonly string[];
  readonly user?: string;
  readonly restart?: string;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly cpus?: number;
  readonly mem_limit?: string;
  readonly pids_limit?: number;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly profiles?: readonly string[];
  readonly networks?: readonly string[];
  readonly tmpfs?: readonly string[];
  readonly shm_size?: string;
  readonly stop_signal?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly healthcheck?: { readonly test: readonly string[] };
}

export interface ComposeFile {
  readonly name: string;
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

const COMPOSE_FILE = 'docker-compose.yml';
/** `${NAME:?message}` and `${NAME:-default}`, the two forms in use. */
const VARIABLE = /\$\$|\$\{(\w+)(?::([?-])([^}]*))?\}/g;

/**
 * Reads the compose file with these variables.
 *
 * @throws Error with the file's own message when a required variable is missing, as Compose does.
 */
export function readCompose(env: Readonly<Record<string, string>>): ComposeFile {
  return fill(parse(composeText(), { merge: true }), env) as ComposeFile;
}

/** Every use of a variable, with its sign (`?` required, `-` optional) and what follows. */
export function composeVariables(): { name: string; sign: string; rest: string }[] {
  return [...composeText().matchAll(VARIABLE)].flatMap(([, name, sign = '', rest = '']) =>
    name === undefined ? [] : [{ name, sign, rest }],
  );
}

function composeText(): string {
  return readFileSync(COMPOSE_FILE, 'utf8');
}

function fill(value: unknown, env: Readonly<Record<string, string>>): unknown {
  if (typeof value === 'string') {
    return value.replaceAll(VARIABLE, (all, name?: string, sign?: string, rest?: string) => {
      if (name === undefined) return all.slice(1);
      const given = env[name] ?? '';
      if (given !== '') return given;
      if (sign === '?') throw new Error(`${name}: ${rest ?? ''}`);
      return sign === '-' ? (rest ?? '') : '';
    });
  }
  if (Array.isArray(value)) return value.map((one: unknown) => fill(one, env));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, fill(one, env)]));
  }
  return value;
}
