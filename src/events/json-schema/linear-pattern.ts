/** Regular expressions of strangers, in linear time. */
import { RE2JS, RE2JSSyntaxException } from 're2js';
import { shownPlain } from './json-pointer.ts';

/** Its own cost, in characters times instructions, is linear; but compiling a long one takes long. */
export const PATTERN_LENGTH_MAX = 1_000;
/** Of one pattern. Counted repetition makes a short one large: `a{1000}` has 1,000. */
const INSTRUCTIONS_MAX = 2_000;
/**
 * What one pattern may remember of the texts it has seen, instead of 8 MiB: there may be a hundred patterns in each of
 * a thousand schemas.
 */
const MEMORY_BYTES_MAX = 256 * 1024;

export interface LinearPattern {
  /** Each character of a text costs up to this many steps. */
  readonly instructionCount: number;
  test(text: string): boolean;
}

/** @returns The problem, a sentence, if it is not a pattern of RE2 or is too large. */
export function readPattern(pattern: string): LinearPattern | string {
  if (pattern.length > PATTERN_LENGTH_MAX) {
    return `A pattern may have at most ${PATTERN_LENGTH_MAX.toLocaleString('en')} characters.`;
  }
  const regex = compile(pattern);
  if (typeof regex === 'string') return regex;
  const instructionCount = regex.programSize();
  if (instructionCount > INSTRUCTIONS_MAX) {
    return `The pattern is too large: its repetitions expand to ${instructionCount} instructions; ${INSTRUCTIONS_MAX} are allowed.`;
  }
  const { dfa } = regex.re2Input;
  dfa.stateBudget = MEMORY_BYTES_MAX;
  dfa.memBudget = MEMORY_BYTES_MAX;
  return { instructionCount, test: (text) => regex.test(text) };
}

function compile(pattern: string): RE2JS | string {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    if (!(error instanceof RE2JSSyntaxException)) throw error;
    const problem = error.message.replace('error parsing regexp: ', '');
    return `The pattern is not one of RE2, which has no lookaround and no backreferences: ${shownPlain(problem)}.`;
  }
}
