import { expect, test } from 'vitest';
import { FatalError, RejectedError, TransientError } from '../../src/core/errors.ts';

test('neither the compiler nor a run takes an error of one consequence for one of another', () => {
  // @ts-expect-error -- A retry would not help.
  const retried: TransientError = new RejectedError('PULSE_CONFIG_INVALID', 'Invalid.');
  // @ts-expect-error -- The state is in doubt.
  const reported: RejectedError = new FatalError('PULSE_CONFIG_INVALID', 'In doubt.');
  // @ts-expect-error -- The input is wrong, no state.
  const stopped: FatalError = new RejectedError('PULSE_CONFIG_INVALID', 'Invalid.');

  expect(retried).not.toBeInstanceOf(TransientError);
  expect(reported).not.toBeInstanceOf(RejectedError);
  expect(stopped).not.toBeInstanceOf(FatalError);
  expect(Object.keys(retried)).not.toContain('consequence');
});
