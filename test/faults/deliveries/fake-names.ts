/** Preloaded into a sender (`NODE_OPTIONS=--import`): answers for the names of a round in place of DNS. */
import { Resolver } from 'node:dns/promises';
import { ALLOWED_ADDRESS, MIXED_NAME, REBINDING_NAME, TRAP_ADDRESS, TRAP_NAME } from './names.ts';

const ANSWERS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  [TRAP_NAME]: [[TRAP_ADDRESS]],
  [MIXED_NAME]: [[ALLOWED_ADDRESS, TRAP_ADDRESS]],
  // In turn: whoever checks one answer and connects to the next one is trapped.
  [REBINDING_NAME]: [[ALLOWED_ADDRESS], [ALLOWED_ADDRESS], [TRAP_ADDRESS]],
};

let asked = 0;
Object.assign(Resolver.prototype, {
  resolve4(name: string): Promise<readonly string[]> {
    const answers = ANSWERS[name] ?? [];
    const answer = answers[asked++ % Math.max(1, answers.length)];
    return answer === undefined ? Promise.reject(new Error('ENOTFOUND')) : Promise.resolve(answer);
  },
  resolve6: (): Promise<readonly string[]> => Promise.reject(new Error('ENODATA')),
});
