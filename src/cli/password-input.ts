/** Reads passwords from the terminal, a pipe or a file; never from an argument, which every process can see. */
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { isatty } from 'node:tty';
import { isNewPassword, PASSWORD_LENGTH } from '../access/access-rules.ts';
import { misused, type CommandRun } from './command.ts';
import { readInput } from './input-file.ts';
import type { OptionSpecs } from './options.ts';

export const PASSWORD_FILE = {
  passwordFile: {
    value: '<file>',
    about: 'read the password from a file, or from standard input if it is - (default: ask)',
  },
} as const satisfies OptionSpecs;

/** The longest password and the end of its line. */
const FILE_BYTES_MAX = PASSWORD_LENGTH.max * 4 + 2;

/**
 * Reads a new password: twice from a terminal, else one line of the file or of standard input.
 *
 * @throws RejectedError PULSE_USAGE_INVALID It is too short or too long, or the two differ.
 */
export async function readNewPassword(
  run: CommandRun,
  { passwordFile }: { readonly passwordFile: string | undefined },
): Promise<string> {
  // `process.stdin` would make a pipe non-blocking, and reading one that is still empty would fail.
  if (passwordFile === undefined && isatty(0)) return await askTwice(run);
  const line = readLine(passwordFile ?? '-');
  if (passwordFile === undefined && line === '') {
    throw misused(
      'There is no terminal to ask for the password: pass it with --password-file <file>.',
    );
  }
  return checked(line);
}

function checked(password: string): string {
  if (isNewPassword(password)) return password;
  const { min, max } = PASSWORD_LENGTH;
  throw misused(`The password must have ${min} to ${max} characters.`);
}

function readLine(file: string): string {
  const subject = `--password-file: ${file}`;
  const text = readInput(file, { subject, bytesMax: FILE_BYTES_MAX }).toString('utf8');
  const line = text.replace(/\r?\n$/, '');
  if (/[\r\n]/.test(line)) throw misused('The password must be one line.');
  return line;
}

/** Shows nothing of what is typed: the terminal's echo is off from before the first question until the last. */
async function askTwice({ tell, stop }: CommandRun): Promise<string> {
  const nowhere = new Writable({
    write: (_chunk, _encoding, done) => {
      done();
    },
  });
  const terminal = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  const closed = new Promise<never>((_resolve, reject) => {
    terminal.once('close', () => {
      reject(misused('No password was given.'));
    });
  });
  const ask = async (question: string): Promise<string> => {
    process.stderr.write(question);
    const answer = await Promise.race([terminal.question('', { signal: stop }), closed]);
    tell('');
    return answer;
  };
  try {
    const password = checked(await ask('New password: '));
    if ((await ask('Again: ')) !== password) throw misused('The two passwords differ.');
    return password;
  } finally {
    terminal.close();
  }
}
